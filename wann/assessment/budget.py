"""How many episodes and which shared weights each condition uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..tasks import Task
from ..training import TuningSettings

__all__ = ["LIMIT", "TUNED_OVER", "Budget", "budget_of", "midpoints", "tuning_of"]

LIMIT: Final = 2.0
"""Shared and random weights are drawn from [-LIMIT, LIMIT]."""
TUNED_OVER: Final = np.array([sign * step / 20 for step in range(1, 41) for sign in (1.0, -1.0)])
"""The shared weights that the best one is chosen from, by magnitude, so that ties go to the smaller."""
_STEPPED: Final = 100  # episodes of a condition where environments are stepped, which is slow: a tenth
_STEPPED_TUNING: Final = TuningSettings(episodes=2, final_episodes=24)


@dataclass(frozen=True)
class Budget:
    """Episodes of each condition; the defaults are those of the definition.

    Attributes:
        random: episodes, each with weights of its own.
        shared_weights: shared weights, at the midpoints of equal parts of [-2, 2].
        shared_episodes: separate episodes for each of them; a standard error needs at least two.
        sweep_episodes: selection episodes for each shared weight of the sweep.
        finalists: the best of the sweep, which are compared again.
        final_episodes: further selection episodes for each finalist.
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
        """The definition, scaled so that a condition is reported on about ``episodes``.

        There are 100 shared weights with at least two episodes each, and fewer weights below 100 episodes.
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


def budget_of(task: Task, episodes: int | None = None) -> Budget:
    """The budget for about so many episodes; if None, the definition, or a tenth of it for stepped tasks."""
    if episodes is None and not task.stepped:
        return Budget()
    return Budget.of(episodes or _STEPPED)


def tuning_of(task: Task, iterations: int | None = None) -> TuningSettings:
    """The settings of CMA-ES: fewer episodes for stepped tasks."""
    settings = _STEPPED_TUNING if task.stepped else TuningSettings()
    return settings if iterations is None else settings.changed(iterations=iterations)
