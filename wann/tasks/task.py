"""What a search needs to know of the problem that it solves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..kernels.forward import Program
from ..network import Interface

__all__ = ["Job", "Outcome", "Task", "Trial", "mean_over_episodes"]


@dataclass(frozen=True)
class Trial:
    """What every network meets in one evaluation: the same episodes for all networks.

    Attributes:
        seeds: with which the environment is reset, or a batch of images is drawn: int64[episodes] that
            every weight meets (common random numbers, for comparing weights), or int64[weights, episodes]
            with episodes of its own for each weight (for estimating a mean over weights).
        part: of images: the batches that the seeds name are of the training part; the others are met
            whole, as one episode.
    """

    seeds: NDArray[np.int64]
    part: Literal["train", "validation", "test"] = "train"

    @property
    def episodes(self) -> int:
        """Episodes that each weight meets."""
        return int(self.seeds.shape[-1])

    @property
    def own(self) -> bool:
        """Whether each weight meets episodes of its own."""
        return self.seeds.ndim == 2

    def seeds_of(self, weights: int) -> NDArray[np.int64]:
        """The seeds that each of so many weights meets, int64[weights, episodes]."""
        return np.broadcast_to(self.seeds, (weights, self.episodes))


@dataclass(frozen=True)
class Outcome:
    """What came of an evaluation.

    Attributes:
        returns: float64[networks, weights, episodes], sums of rewards; not finite where an
            episode went wrong.
        steps: int32[networks, weights, episodes], steps played.
        failed: networks that could not be evaluated, and why; their returns are not a number.
    """

    returns: NDArray[np.float64]
    steps: NDArray[np.int32]
    failed: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def blank(cls, networks: int, weights: int, trial: Trial) -> Outcome:
        """Room for what will come of an evaluation."""
        shape = (networks, weights, trial.episodes)
        return cls(np.zeros(shape), np.zeros(shape, np.int32))

    def without(self, failed: Mapping[int, str]) -> Outcome:
        """The same outcome, in which these networks have failed, whatever arrived of them."""
        for network in failed:
            self.returns[network], self.steps[network] = np.nan, 0
        return replace(self, failed=dict(sorted(failed.items())))

    def checked(self) -> Outcome:
        """The same outcome, if no network has failed.

        Raises:
            BadInput: one has: its task fails for it.
        """
        for network, reason in self.failed.items():
            raise BadInput(f"network {network} could not be evaluated: {reason}")
        return self


def mean_over_episodes(outcome: Outcome) -> NDArray[np.float64]:
    """Mean return of each network at each weight; what is not finite stays so, without a warning."""
    with np.errstate(invalid="ignore"):
        return np.asarray(outcome.returns.mean(axis=2))


class Task(Protocol):
    """A problem, ready to be computed."""

    @property
    def id(self) -> str:
        """The name under which it is found."""

    @property
    def inputs(self) -> int:
        """Numbers in an observation."""

    @property
    def outputs(self) -> int:
        """Numbers that a network gives back."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """Short names for pictures."""

    @property
    def output_names(self) -> tuple[str, ...]:
        """Short names for pictures."""

    @property
    def interface(self) -> Interface | None:
        """What a network of this task must carry to be played elsewhere; None: nothing."""

    @property
    def settled(self) -> Mapping[str, Any]:
        """Settings that were left to it, and what they came to; they are part of a run's configuration."""

    @property
    def holds_interpreter(self) -> bool:
        """Whether its jobs are Python, so that threads would wait for each other."""

    def selection(self, seeds: NDArray[np.int64]) -> Trial:
        """The trial on which candidates for champion are compared: nothing that the search meets.

        Args:
            seeds: int64[episodes], from a stream of their own.
        """

    def job(self, program: Program, weights: NDArray[np.float64], trial: Trial) -> Job:
        """An evaluation cut into units of work: every network under every weight.

        What comes of a network, a weight and an episode depends on these three alone, never on
        what else is in the job.

        Args:
            program: the networks.
            weights: float[weights] shared values, or float[weights, connections of the program],
                a value for each connection.
            trial: what all of them meet.
        """


class Job(Protocol):
    """One evaluation whose units may be computed in any order, by any number of threads."""

    @property
    def units(self) -> int:
        """How many there are."""

    @property
    def grain(self) -> int:
        """Units that are cheaper together than apart; a hint."""

    @property
    def outcome(self) -> Outcome:
        """Where results arrive."""

    def run(self, begin: int, end: int) -> None:
        """Compute units [begin, end); releases the GIL."""
