"""Rewards of the search's own, each of a kind."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["HERE", "Counting", "early", "falling", "silent", "weighed"]

HERE = __name__
NUMBER = 3


def weighed(observation: NDArray[np.float64], action: Any, reward: float) -> float:
    """All three count; what is given may be written to."""
    worth = float(observation[0] - 2 * np.sum(action) + reward / 4)
    observation[:] = np.nan
    return worth


class Counting:
    """The number of the step, in its episode."""

    def __init__(self) -> None:
        self.steps = 0

    def __call__(self, observation: NDArray[np.float64], action: Any, reward: float) -> int:
        self.steps += 1
        return self.steps


def falling(observation: NDArray[np.float64], action: Any, reward: float) -> float:
    return 1 / 0


def silent(observation: NDArray[np.float64], action: Any, reward: float) -> None:
    """Returns nothing."""


def early(observation: NDArray[np.float64], action: Any, reward: float) -> float:
    """Less and less, so that patience ends."""
    return 1.0 if observation[0] > 0 else -1.0
