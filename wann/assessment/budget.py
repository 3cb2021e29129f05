"""How many episodes, and which shared weights, the conditions are measured with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..tasks import ClassificationTask, ControlTask
from ..training import TuningSettings

__all__ = ["LIMIT", "TUNED_OVER", "Budget", "budget_of", "midpoints", "tuning_of"]

LIMIT: Final = 2.0
"""Shared and random weights are drawn from [-LIMIT, LIMIT]."""
TUNED_OVER: Final = np.array([sign * step / 20 for step in range(1, 41) for sign in (1.0, -1.0)])
"""Shared values to choose from; ordered by size, so that ties go to the smaller."""
_STEPPED: Final = 100  # episodes of a condition where environments are slow to step: a tenth
_STEPPED_TUNING: Final = TuningSettings(episodes=2, final_episodes=24)


@dataclass(frozen=True)
class Budget:
    """Episodes of each condition; the defaults are the definition.

    Attributes:
        random: episodes with a draw of all weights each.
        shared_weights: shared values, at the midpoints of equal parts of [-2, 2].
        shared_episodes: episodes of its own for each of them; from two on there is a standard error.
        sweep_episodes: selection episodes for each of the values that are tuned over.
        finalists: how many of those are tried again.
        final_episodes: other selection episodes for each finalist.
        report: fresh episodes on which a tuned, stored or single weight is reported.
    """

    random: int = 1000
    shared_weights: int = 100
    shared_episodes: int = 10
    sweep_episodes: int = 50
    finalists: int = 5
    final_episodes: int = 200
    report: int = 1000

    @classmethod
    def of(cls, episodes: int) -> Budget:
        """The definition scaled so that a condition is reported on about ``episodes``.

        There are 100 shared weights with at least two episodes each; fewer only below 100 episodes.
        """
        part = episodes / 1000
        weights = min(100, max(2, episodes))
        return cls(
            episodes,
            weights,
            max(2, round(episodes / weights)),
            max(1, round(50 * part)),
            5,
            max(1, round(200 * part)),
            episodes,
        )


def midpoints(count: int) -> NDArray[np.float64]:
    """Midpoints of equal parts of [-LIMIT, LIMIT], float64[count]."""
    return np.asarray(LIMIT * (2 * (np.arange(count) + 0.5) / count - 1))


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
