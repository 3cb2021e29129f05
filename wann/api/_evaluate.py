"""The verb that scores a network under untrained, tuned or stored weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from ..assessment import CONTROL_CONDITIONS, IMAGE_CONDITIONS, Scores, assessor_type, make_assessor
from ..errors import BadInput
from ..network import Network
from ..streams import check_seed
from ..tasks import Factory, task_for
from ._callbacks import quiet

__all__ = ["evaluate"]

_LARGEST_WEIGHT: Final = 1e3


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
    environment: Factory | None = None,
    show: Callable[[str], None] = quiet,
) -> Scores:
    """Score a network on fresh episodes, or on test images.

    Args:
        network: the network.
        task: an environment or a set of images; the network's own task if None.
        condition: one of ``wann.assessment.CONTROL_CONDITIONS`` or ``IMAGE_CONDITIONS``, or ``all`` that are
            available (``tuned`` on images needs PyTorch); if None, ``stored`` for a network with
            weights and ``shared`` for others.
        episodes: episodes reported on; if None 1,000, or 100 for environments outside kernels. For images,
            of which the whole test part is always used, the number of random weights.
        seed: from which episodes and weights derive.
        weight: one shared weight instead of a condition.
        stepping: what computes an environment; see ``ControlSettings``.
        episode_limit: steps after which an episode is truncated; the environment's own limit if None.
        workers: threads or processes; all cores if None.
        trust: modules that the network's own task may import.
        environment: a callable that returns a Gymnasium environment, instead of a task.
        show: called with each condition before it is measured.

    Returns:
        A score for each condition; a list that is printed as a table.

    Raises:
        BadInput: no task, an unknown condition, a network that does not fit the task, or an environment
            that fails.
    """
    check_seed(seed)
    if weight is not None and condition is not None:
        raise BadInput("excludes condition: it is one shared weight", argument="weight")
    if weight is not None and not abs(weight) <= _LARGEST_WEIGHT:
        raise BadInput(f"{weight:g}; accepted are numbers from -1,000 to 1,000", argument="weight")
    _check(condition, dict.fromkeys([*CONTROL_CONDITIONS, *IMAGE_CONDITIONS]))
    if condition == "stored" and network.weights is None:
        raise BadInput("stored; the network carries no weights", argument="condition")
    problem = task_for(network, task, stepping, episode_limit, trust, environment)
    _check(condition, assessor_type(problem).conditions)
    with make_assessor(network, problem, seed=seed, episodes=episodes, workers=workers) as assessor:
        if weight is not None:
            return Scores([assessor.weight(weight)])
        default = "shared" if network.weights is None else "stored"
        scores = Scores()
        for name in assessor.available if condition == "all" else [condition or default]:
            show(name)
            scores.append(assessor.score(name))
        return scores


def _check(condition: str | None, known: Iterable[str]) -> None:
    if condition not in (None, "all", *known):
        raise BadInput(f"{condition}; accepted are {', '.join(known)}, all", argument="condition")
