"""How dense a network is after each round of pruning."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

__all__ = ["SCHEDULES", "iterative"]

Schedule = Callable[[float, int, int], float]


def iterative(rate: float, done: int) -> float:
    """Density after ``done`` rounds that each remove the share ``rate`` of what is left."""
    return float((1 - rate) ** done)


def _one_shot(density: float, done: int, rounds: int) -> float:
    del rounds
    return density if done else 1.0


def _exponential(density: float, done: int, rounds: int) -> float:
    """The same share of what is left in every round (Tanaka et al. 2020, algorithm 1)."""
    return float(density ** (done / rounds))


def _cubic(density: float, done: int, rounds: int) -> float:
    """Fast at first, slowly at last (Zhu & Gupta 2017, equation 1)."""
    return 1 - (1 - density) * (1 - (1 - done / rounds) ** 3)


SCHEDULES: Final[dict[str, Schedule]] = {
    "one-shot": _one_shot,
    "exponential": _exponential,
    "cubic": _cubic,
}
"""Density after ``done`` of ``rounds`` rounds on the way to a final one; ``iterative`` has a rate instead."""
