"""The verbs that judge a network: evaluate, and film episodes."""

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
    ImageAssessor,
    ImageScore,
    Score,
    TuningSettings,
)
from .errors import BadInput
from .evaluation import BackendSettings, make_evaluator
from .network import Network
from .reporting import check_film, play_film, write_film
from .streams import Stream, check_seed, episode_seeds
from .tasks import ClassificationTask, ControlTask, TaskSettings, make_task, names_of
from .trust import BY_HAND, Trust

__all__ = ["budget_of", "evaluate", "film", "task_of", "tuning_of"]

_LARGEST_WEIGHT: Final = 1e3
_STEPPED: Final = 100  # episodes of a condition where environments are slow to step: a tenth
_STEPPED_TUNING: Final = TuningSettings(episodes=2, final_episodes=24)
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
    stepping: str | None = None,
    episode_limit: int | None = None,
    workers: int | None = None,
    trust: Sequence[str] = (),
    show: Callable[[str], None] = _quiet,
) -> list[Score] | list[ImageScore]:
    """Play episodes, or show test images, and say how good a network is.

    Args:
        network: what is judged.
        task: an environment or a set of images; the network's own if not given.
        condition: a condition of ``wann.assessment``, or ``all`` that can be had here: ``tuned`` on
            images needs PyTorch; ``stored`` if the network has weights and otherwise ``shared`` if
            not given.
        episodes: episodes reported on; if not given the definition's 1,000, or 100 where the
            environment is stepped from outside; of images, which are always all of the test images, how
            many random weights.
        seed: what episodes and weights derive from.
        weight: one shared value instead of a condition.
        stepping: what computes an environment; see ``TaskSettings``.
        episode_limit: steps after which an episode is cut; the environment's own if not given.
        workers: threads or processes; all cores if not given.
        trust: modules that the network's own task may have imported.
        show: told each condition before it is measured.

    Raises:
        BadInput: no task, no such condition, a network that does not fit the task, or an environment
            that fails.
    """
    check_seed(seed)
    if weight is not None and condition is not None:
        raise BadInput("--weight excludes --condition: it is one shared value")
    if weight is not None and not abs(weight) <= _LARGEST_WEIGHT:
        raise BadInput(f"--weight {weight:g}: accepted are numbers from -1,000 to 1,000")
    _check_condition(network, condition)
    problem = task_of(network, task, stepping, episode_limit, trust)
    if isinstance(problem, ClassificationTask):
        images = ImageAssessor(network, problem, seed, episodes or Budget().random)
        if weight is not None:
            return [images.weight(weight)]
        return _measured(images.score, _conditions(network, condition, IMAGE_CONDITIONS), show)
    with make_evaluator(problem, BackendSettings(workers=workers)) as evaluator:
        assessor = Assessor(
            network,
            evaluator,
            seed,
            budget_of(problem, episodes),
            tuning_of(problem),
            problem.threshold,
            problem.stepping,
        )
        if weight is not None:
            return [assessor.weight(weight)]
        return _measured(assessor.score, _conditions(network, condition, CONDITIONS), show)


def _slow(task: ControlTask | ClassificationTask) -> bool:
    return isinstance(task, ControlTask) and task.dynamics is None


def budget_of(task: ControlTask | ClassificationTask, episodes: int | None = None) -> Budget:
    """How many episodes a condition takes: a tenth of the definition where they are slow to play."""
    if episodes is None and not _slow(task):
        return Budget()
    return Budget.of(episodes or _STEPPED)


def tuning_of(task: ControlTask | ClassificationTask, iterations: int | None = None) -> TuningSettings:
    """How long CMA-ES trains: on a tenth of the episodes where they are slow to play."""
    settings = _STEPPED_TUNING if _slow(task) else TuningSettings()
    return settings if iterations is None else settings.changed(iterations=iterations)


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


def task_of(
    network: Network,
    task: str | None,
    stepping: str | None = None,
    episode_limit: int | None = None,
    trust: Sequence[str] = (),
) -> ControlTask | ClassificationTask:
    """The task that a network is for, or another, as the network meets it.

    Raises:
        BadInput: there is none, the network does not fit it, or its own is in a module without trust.
    """
    name = task or network.task
    if name is None:
        raise BadInput("the network names no task; give --task, such as wann/CartPoleSwingUp-v0 or mnist-16")
    allowed = Trust.of(trust) if task is None else BY_HAND
    settings = TaskSettings(id=name).changed(stepping=stepping or "auto", episode_limit=episode_limit)
    # Before anything is downloaded.
    inputs, outputs = map(len, names_of(name, network.interface, allowed))
    if (inputs, outputs) != (network.inputs, network.outputs):
        raise BadInput(
            f"the network has {network.inputs} inputs and {network.outputs} outputs, "
            f"but {name} needs {inputs} and {outputs}"
        )
    return make_task(settings, network.interface, allowed)


def film(
    network: Network,
    path: Path | str,
    *,
    task: str | None = None,
    weight: float | None = None,
    seed: int = 0,
    episodes: int = 1,
    episode_limit: int | None = None,
    trust: Sequence[str] = (),
) -> list[float]:
    """Play episodes and write what they look like as mp4, gif or png; returns their returns.

    Args:
        network: who plays.
        path: ``.mp4`` and ``.gif`` move, ``.png`` shows moments of the first episode side by side.
        task: an environment id; the network's own if not given.
        weight: one shared value; if not given what the network carries, else its best shared value.
        seed: of the first episode, and of the choice of a weight; further episodes draw theirs from it.
        episodes: how many.
        episode_limit: steps after which an episode is cut; the environment's own if not given.
        trust: modules that the network's own task may have imported.

    Raises:
        BadInput: another suffix, a missing extra, a task without episodes, or a network that does not
            fit it.
    """
    check_seed(seed)
    check_film(Path(path))
    problem = task_of(network, task, episode_limit=episode_limit, trust=trust)
    if isinstance(problem, ClassificationTask):
        raise BadInput(f"{problem.id} is a set of images: there is no episode to film; `wann show` draws it")
    if weight is None and network.weights is None and network.shared_weight is None:
        with make_evaluator(problem, BackendSettings()) as evaluator:
            weight = Assessor(network, evaluator, seed, budget_of(problem)).best_shared_weight()
    further = episode_seeds(seed, Stream.FILM_EPISODES, episodes - 1).tolist()
    played = play_film(problem, network.policy(weight), [seed, *further])
    write_film(played, Path(path))
    return list(played.returns)
