"""The verbs of the command line as Python functions: search, evaluate, tune, show, take away."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Final, TypeVar

from .assessment import (
    CONDITIONS,
    IMAGE_CONDITIONS,
    Assessor,
    Budget,
    GradientSettings,
    ImageAssessor,
    ImageScore,
    Score,
    TuningSettings,
)
from .config import Config, load_config
from .errors import BadInput
from .evaluation import LocalEvaluator, make_evaluator
from .experiment import Experiment, Progress, resume_search, start_search
from .formats import export_network, load_network, load_out
from .formats import save as save_network
from .network import Network
from .reporting import draw_topology, play_film, report_run, write_film
from .runs import RunFolder
from .tasks import (
    DATA_SETS,
    ClassificationTask,
    ControlTask,
    Task,
    TaskSettings,
    make_task,
    names_of,
    registered_tasks,
    side_of,
)

__all__ = [
    "evaluate",
    "export",
    "film",
    "fresh_run_folder",
    "import_out",
    "load",
    "needs",
    "read_config",
    "report",
    "resume",
    "save",
    "search",
    "show",
    "tasks",
    "tune",
]

_LARGEST_WEIGHT: Final = 1e3
AnyScore = TypeVar("AnyScore", Score, ImageScore)


def _quiet(*_: object) -> None:
    """Show nothing."""


def _never() -> bool:
    """Never stop."""
    return False


def read_config(
    path: Path | str,
    changes: Sequence[str] = (),
    *,
    seed: int | None = None,
    generations: int | None = None,
    backend: str | None = None,
    workers: int | None = None,
    address: str | None = None,
) -> Config:
    """Read a TOML configuration and apply changes to it.

    Args:
        path: the file.
        changes: ``key=value`` with dotted keys, such as ``search.population=64``.
        seed: overrides ``seed``.
        generations: overrides ``search.generations``.
        backend: overrides ``backend.kind``.
        workers: overrides ``backend.workers``.
        address: overrides ``backend.address``; an address means the ray backend.

    Raises:
        BadInput: an unknown key or a bad value; the message names it and what is accepted.
    """
    given = {
        "seed": seed,
        "search.generations": generations,
        "backend.kind": backend or (address and "ray"),
        "backend.workers": workers,
        "backend.address": address,
    }
    overrides = [f"{key}={json.dumps(value)}" for key, value in given.items() if value is not None]
    return load_config(Path(path), [*changes, *overrides])


def fresh_run_folder(config: Path | str) -> Path:
    """A folder under results/runs that does not exist yet, named after the configuration."""
    name, number = Path(config).stem, 1
    while (path := Path("results/runs") / f"{name}-{number}").exists():
        number += 1
    return path


def search(
    config: Config | Path | str,
    *,
    run: Path | str | None = None,
    show: Callable[[Progress], None] = _quiet,
    stop: Callable[[], bool] = _never,
    tell: Callable[[str], None] = _quiet,
) -> bool:
    """Search for a network and keep everything in a run folder.

    Args:
        config: a configuration, or the path of one.
        run: the folder, new or empty; a fresh one under results/runs if not given.
        show: told the progress after each generation.
        stop: asked before each generation whether to stop; the checkpoint is kept.
        tell: told in a sentence of workers and networks that are lost.

    Returns:
        Whether the search came to its end.

    Raises:
        BadInput: the configuration or the folder cannot be used.
        Failure: the folder could not be written any more, or no worker was left.
    """
    if run is None:
        run = fresh_run_folder("search" if isinstance(config, Config) else config)
    settings = config if isinstance(config, Config) else read_config(config)
    task = make_task(settings.task)
    with make_evaluator(task, settings.backend, tell) as evaluator:
        experiment = start_search(settings, Path(run), task)
        done = experiment.run(evaluator, show, stop, tell)
    return _closing(experiment, task, done=done)


def resume(
    run: Path | str,
    *,
    generations: int | None = None,
    backend: str | None = None,
    workers: int | None = None,
    address: str | None = None,
    show: Callable[[Progress], None] = _quiet,
    stop: Callable[[], bool] = _never,
    tell: Callable[[str], None] = _quiet,
) -> bool:
    """Go on with an interrupted search, or with more generations in all; see ``search``.

    Where it is computed is what the run's configuration says, with what is given here changed.
    """
    experiment, task = resume_search(
        Path(run), generations, lambda before: before.elsewhere(backend, workers, address)
    )
    with make_evaluator(task, experiment.config.backend, tell) as evaluator:
        done = experiment.run(evaluator, show, stop, tell)
    return _closing(experiment, task, done=done)


def _closing(experiment: Experiment, task: Task, *, done: bool) -> bool:
    if done:
        report_run(experiment.folder, task)
    return done


def load(path: Path | str) -> Network:
    """Read a network from network JSON, or the champion of a run folder.

    Raises:
        BadInput: it is neither.
    """
    return load_network(Path(path))


def save(network: Network, path: Path | str) -> None:
    """Write network JSON.

    Raises:
        BadInput: the file cannot be written.
    """
    try:
        save_network(network, Path(path))
    except OSError as error:
        raise BadInput(f"{path}: cannot be written ({error.strerror})") from None


def evaluate(
    network: Network,
    *,
    task: str | None = None,
    condition: str | None = None,
    episodes: int | None = None,
    seed: int = 0,
    weight: float | None = None,
    workers: int | None = None,
    show: Callable[[str], None] = _quiet,
) -> list[Score] | list[ImageScore]:
    """Play episodes, or show test images, and say how good a network is.

    Args:
        network: what is judged.
        task: an environment or a set of images; the network's own if not given.
        condition: a condition of ``wann.assessment``, or ``all`` that can be had here: ``tuned`` on
            images needs PyTorch; ``stored`` if the network has weights and otherwise ``shared`` if
            not given.
        episodes: episodes reported on, the definition's 1,000 if not given; of images, which are
            always all of the test images, how many random weights.
        seed: what episodes and weights derive from.
        weight: one shared value instead of a condition.
        workers: threads; all cores if not given.
        show: told each condition before it is measured.

    Raises:
        BadInput: no task, no such condition, or a network that does not fit the task.
    """
    if weight is not None and condition is not None:
        raise BadInput("--weight excludes --condition: it is one shared value")
    if weight is not None and not abs(weight) <= _LARGEST_WEIGHT:
        raise BadInput(f"--weight {weight:g}: accepted are numbers from -1,000 to 1,000")
    _check_condition(network, condition)
    problem = _task_of(network, task)
    if isinstance(problem, ClassificationTask):
        images = ImageAssessor(network, problem, seed, episodes or Budget().random)
        if weight is not None:
            return [images.weight(weight)]
        return _measured(images.score, _conditions(network, condition, IMAGE_CONDITIONS), show)
    budget = Budget() if episodes is None else Budget.of(episodes)
    with LocalEvaluator(problem, workers) as evaluator:
        assessor = Assessor(network, evaluator, seed, budget)
        if weight is not None:
            return [assessor.weight(weight)]
        return _measured(assessor.score, _conditions(network, condition, CONDITIONS), show)


def _measured(
    score: Callable[[str], AnyScore], conditions: Sequence[str], show: Callable[[str], None]
) -> list[AnyScore]:
    scores = []
    for name in conditions:
        show(name)
        scores.append(score(name))
    return scores


def _check_condition(network: Network, condition: str | None) -> None:
    if condition not in (None, "all", *IMAGE_CONDITIONS):
        raise BadInput(f"--condition {condition}: accepted are {', '.join(IMAGE_CONDITIONS)}, all")
    if condition == "stored" and network.weights is None:
        raise BadInput("--condition stored: the network carries no weights")


def _conditions(network: Network, condition: str | None, known: Sequence[str]) -> Sequence[str]:
    has_weights = network.weights is not None
    if condition is None:
        return ["stored" if has_weights else "shared"]
    if condition == "all":
        missing = {"stored"} if not has_weights else set()
        if known is IMAGE_CONDITIONS and find_spec("torch") is None:
            missing.add("tuned")
        return [name for name in known if name not in missing]
    if condition not in known:
        raise BadInput(f"--condition {condition}: accepted are {', '.join(known)}, all")
    return [condition]


def _task_of(network: Network, task: str | None) -> ControlTask | ClassificationTask:
    name = task or network.task
    if name is None:
        raise BadInput("the network names no task; give --task, such as wann/CartPoleSwingUp-v0 or mnist-16")
    if task is None and ":" in name:  # Gymnasium would import the module: no file may decide on that
        raise BadInput(f"the network's task {name} is in a module of its own; give --task to import it")
    # Before anything is downloaded.
    inputs, outputs = map(len, names_of(name))
    if (inputs, outputs) != (network.inputs, network.outputs):
        raise BadInput(
            f"the network has {network.inputs} inputs and {network.outputs} outputs, "
            f"but {name} needs {inputs} and {outputs}"
        )
    return make_task(TaskSettings(id=name))


def film(
    network: Network, path: Path | str, *, task: str | None = None, weight: float | None = None, seed: int = 0
) -> float:
    """Play one episode and write what it looks like as gif or png; returns the episode's return.

    Args:
        network: who plays.
        path: ``.gif`` moves, ``.png`` shows moments side by side.
        task: an environment id; the network's own if not given.
        weight: one shared value; if not given what the network carries, else its best shared value.
        seed: of the episode, and of the choice of a weight.

    Raises:
        BadInput: another suffix, a task without episodes, or a network that does not fit it.
    """
    problem = _task_of(network, task)
    if isinstance(problem, ClassificationTask):
        raise BadInput(f"{problem.id} is a set of images: there is no episode to film; `wann show` draws it")
    if weight is None and network.weights is None and network.shared_weight is None:
        with LocalEvaluator(problem) as evaluator:
            weight = Assessor(network, evaluator, seed).best_shared_weight()
    played = play_film(problem.id, network.policy(weight), seed)
    write_film(played, Path(path))
    return played.total


def tune(
    network: Network,
    *,
    task: str | None = None,
    method: str | None = None,
    iterations: int | None = None,
    seed: int = 0,
    workers: int | None = None,
    show: Callable[[int, float], None] = _quiet,
) -> Network:
    """The network with a weight of its own for each connection, trained from the best shared one.

    Args:
        network: the topology.
        task: an environment or a set of images; the network's own if not given.
        method: ``cma`` for any task, ``gradient`` for images; if not given what suits the task.
        iterations: of CMA-ES, or epochs of gradient descent; the method's own number if not given.
        seed: what episodes, candidates and the order of images derive from.
        workers: threads; all cores if not given.
        show: told each iteration, and the best mean return or the accuracy on the validation images.

    Raises:
        BadInput: no such method, no task, or a network that does not fit the task.
    """
    if method not in (None, "cma", "gradient"):
        raise BadInput(f"--method {method}: accepted are cma, gradient")
    problem = _task_of(network, task)
    images = isinstance(problem, ClassificationTask)
    if method == "gradient" and not images:
        raise BadInput(f"--method gradient: {problem.id} gives no gradients; accepted is cma")
    if isinstance(problem, ClassificationTask) and method != "cma":
        training = GradientSettings() if iterations is None else GradientSettings(epochs=iterations)
        return ImageAssessor(network, problem, seed, training=training).trained(show)
    settings = TuningSettings() if iterations is None else TuningSettings(iterations=iterations)
    with LocalEvaluator(problem, workers) as evaluator:
        return Assessor(network, evaluator, seed, tuning=settings).trained(show)


def show(network: Network, path: Path | str) -> None:
    """Draw the topology as svg, png, pdf or html, by the file's suffix.

    Raises:
        BadInput: another suffix, or a file that cannot be written.
    """
    inputs, outputs = None, None
    if network.task is not None and ":" not in network.task:
        # A picture needs no task: where it is not to be had, numbers serve as names.
        with suppress(BadInput):
            inputs, outputs = names_of(network.task)
    draw_topology(
        network,
        Path(path),
        input_names=inputs,
        output_names=outputs,
        side=side_of(network.task, network.inputs),
    )


def report(run: Path | str) -> Path:
    """Draw a run's pictures and write its page; returns the page's path.

    Raises:
        BadInput: no run folder, or one without metrics.
    """
    folder = RunFolder.existing(Path(run))
    return report_run(folder, make_task(load_config(folder.config).task))


def export(network: Network, path: Path | str, format_name: str) -> list[Path]:
    """Write a network in another format; returns the files written.

    Raises:
        BadInput: no such format, or a file that cannot be written.
    """
    return export_network(network, Path(path), format_name)


def import_out(
    path: Path | str,
    inputs: int,
    outputs: int,
    *,
    weights: Path | str | None = None,
    weight_bias: float = 0.0,
    task: str | None = None,
) -> Network:
    """Read a network in the published ``.out`` format, with the weights of its ``.wann.json``.

    Raises:
        BadInput: a damaged file, or one that does not fit.
    """
    return load_out(
        Path(path), inputs, outputs, None if weights is None else Path(weights), weight_bias, task
    )


def tasks() -> dict[str, tuple[Sequence[str], Sequence[str]]]:
    """What can be solved here: names of inputs and outputs by the name of the task."""
    return {name: names_of(name) for name in registered_tasks()}


def needs(task: str) -> str:
    """What a task needs beside the package."""
    return "nothing more" if task == "digits" or task not in DATA_SETS else "a download, or WANN_DATA"
