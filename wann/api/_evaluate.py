"""The verb that scores a network under weights that nobody tuned, or somebody did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Final, TypeVar

from ..assessment import (
    CONDITIONS,
    IMAGE_CONDITIONS,
    Assessor,
    Budget,
    ImageAssessor,
    ImageScore,
    Score,
    budget_of,
    tuning_of,
)
from ..errors import BadInput
from ..evaluation import BackendSettings, make_evaluator
from ..network import Network
from ..streams import check_seed
from ..tasks import ClassificationTask, task_for

__all__ = ["evaluate"]

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
    problem = task_for(network, task, stepping, episode_limit, trust)
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
