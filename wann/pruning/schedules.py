"""Schedules of pruning: the density of a network after each round."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal

from pydantic import Field

from ..settings import Settings

__all__ = ["SCHEDULES", "Gradual", "InRounds", "Iterative", "Levels", "OneShot", "Share", "iterative"]

Schedule = Callable[[float, int, int], float]
Share = Annotated[float, Field(ge=0.0, lt=1.0)]


def iterative(rate: float, done: int) -> float:
    """Density after ``done`` rounds that each remove the share ``rate`` of the remaining weights."""
    return float((1 - rate) ** done)


def _one_shot(density: float, done: int, rounds: int) -> float:
    del rounds
    return density if done else 1.0


def _exponential(density: float, done: int, rounds: int) -> float:
    """Each round removes the same share of the remaining weights (Tanaka et al. 2020, algorithm 1)."""
    return float(density ** (done / rounds))


def _cubic(density: float, done: int, rounds: int) -> float:
    """Fast at first, slow at the end (Zhu & Gupta 2017, equation 1)."""
    return 1 - (1 - density) * (1 - (1 - done / rounds) ** 3)


SCHEDULES: Final[dict[str, Schedule]] = {
    "one-shot": _one_shot,
    "exponential": _exponential,
    "cubic": _cubic,
}
"""Density after ``done`` of ``rounds`` rounds on the way to a final density."""


class InRounds(Settings):
    """Settings of a schedule with a number of rounds of its own.

    Attributes:
        rounds: rounds of pruning, after the training of the dense network.
    """

    rounds: Annotated[int, Field(ge=0, le=1000)] = 10

    @property
    def count(self) -> int:
        """Number of rounds."""
        return self.rounds


class Iterative(InRounds):
    """Each round removes the share ``rate`` of what remains.

    Attributes:
        schedule: always ``iterative``.
        rate: share of the remaining weights or units that a round removes.
    """

    schedule: Literal["iterative"] = "iterative"
    rate: Share = 0.2

    def density(self, done: int, own: float | None = None) -> float:
        """Density after ``done`` rounds; ``own`` is a layer's own rate."""
        return iterative(self.rate if own is None else own, done)


class OneShot(Settings):
    """A single round prunes to ``sparsity``.

    Attributes:
        schedule: always ``one-shot``.
        sparsity: share of the weights or units that is removed.
    """

    schedule: Literal["one-shot"] = "one-shot"
    sparsity: Share = 0.9

    @property
    def count(self) -> int:
        """Number of rounds."""
        return 1

    def density(self, done: int, own: float | None = None) -> float:
        """Density after ``done`` rounds; ``own`` is a layer's own sparsity."""
        return SCHEDULES[self.schedule](1 - (self.sparsity if own is None else own), done, 1)


class Gradual(InRounds):
    """``rounds`` rounds approach ``sparsity``.

    Attributes:
        schedule: ``exponential``: each round removes the same share of what remains (Tanaka et al. 2020);
            ``cubic``: much at first, little at the end (Zhu & Gupta 2017).
        sparsity: share of the weights or units that is removed in the end.
    """

    schedule: Literal["exponential", "cubic"] = "exponential"
    sparsity: Share = 0.9

    def density(self, done: int, own: float | None = None) -> float:
        """Density after ``done`` rounds; ``own`` is a layer's own final sparsity."""
        return SCHEDULES[self.schedule](1 - (self.sparsity if own is None else own), done, self.rounds)


class Levels(Settings):
    """Each round prunes the dense network to one of ``levels``, sparsities in any order.

    Attributes:
        schedule: always ``levels``.
        levels: the share of the weights that each round removes, in any order.
    """

    schedule: Literal["levels"] = "levels"
    levels: Annotated[tuple[Share, ...], Field(min_length=1)]

    @property
    def count(self) -> int:
        """Number of rounds."""
        return len(self.levels)

    def density(self, done: int) -> float:
        """Density after round ``done``, from 1."""
        return 1 - self.levels[done - 1]
