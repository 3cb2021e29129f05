"""The verbs that judge a network: evaluate, tune, and film an episode."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from .errors import BadInput
from .evaluation import LocalEvaluator
from .network import Network
from .reporting import play_film, write_film
from .tasks import ClassificationTask, ControlTask, TaskSettings, make_task, names_of

__all__ = ["evaluate", "film", "tune"]

_LARGEST_WEIGHT: Final = 1e3
AnyScore = TypeVar("AnyScore", Score, ImageScore)


def _quiet(*_: object) -> None:
    """Show nothing."""


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
