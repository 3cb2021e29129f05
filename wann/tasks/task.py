"""The Task protocol: what a search needs to know of the problem that it solves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..kernels.forward import Program
from ..network import Interface, LabelledData

__all__ = [
    "Job",
    "Outcome",
    "RenderedEpisode",
    "Renderer",
    "Rules",
    "Task",
    "Trial",
    "mean_over_episodes",
]


@dataclass(frozen=True)
class Rules:
    """How an episode of the search differs from one of the environment; by default it does not.

    Attributes:
        limit: steps after which an episode is cut; None for the task's own limit.
        patience: steps without progress after which an episode is cut; None for any number. Progress is a
            return of more than the return at the last progress, 0 at first, plus ``gain``.
        gain: see ``patience``.
        own_reward: whether the search's own reward counts instead of the environment's.
    """

    limit: int | None = None
    patience: int | None = None
    gain: float = 0.0
    own_reward: bool = False

    @property
    def comparable(self) -> bool:
        """Whether returns are about those of whole episodes; patience cuts only what leads nowhere."""
        return self.limit is None and not self.own_reward


@dataclass(frozen=True)
class Trial:
    """What every network is evaluated on: the same episodes for all networks.

    Attributes:
        seeds: with which the environment is reset, or a batch of images is drawn: int64[episodes], the same
            for every weight (common random numbers, for comparing weights), or int64[weights, episodes],
            separate episodes for each weight (for estimating a mean over weights).
        part: of a set of images: the seeds draw batches from the training part; the other parts are
            evaluated whole, as one episode.
        rules: how episodes differ from the environment's.
    """

    seeds: NDArray[np.int64]
    part: Literal["train", "validation", "test"] = "train"
    rules: Rules = Rules()

    @property
    def episodes(self) -> int:
        """Episodes for each weight."""
        return int(self.seeds.shape[-1])

    @property
    def own(self) -> bool:
        """Whether each weight has separate episodes."""
        return self.seeds.ndim == 2

    def seeds_of(self, weights: int) -> NDArray[np.int64]:
        """The seeds for each of so many weights, int64[weights, episodes]."""
        return np.broadcast_to(self.seeds, (weights, self.episodes))


@dataclass(frozen=True)
class Outcome:
    """The result of an evaluation.

    Attributes:
        returns: float64[networks, weights, episodes], sums of rewards; not finite where an
            episode went wrong.
        steps: int32[networks, weights, episodes], steps taken.
        failed: networks that could not be evaluated, with the reasons by their index; their returns are NaN.
    """

    returns: NDArray[np.float64]
    steps: NDArray[np.int32]
    failed: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def blank(cls, networks: int, weights: int, trial: Trial) -> Outcome:
        """An outcome of zeros, to be filled in."""
        shape = (networks, weights, trial.episodes)
        return cls(np.zeros(shape), np.zeros(shape, np.int32))

    def without(self, failed: Mapping[int, str]) -> Outcome:
        """The same outcome with these networks marked as failed, whatever was computed of them."""
        for network in failed:
            self.returns[network], self.steps[network] = np.nan, 0
        return replace(self, failed=dict(sorted(failed.items())))

    def checked(self) -> Outcome:
        """The same outcome, if no network has failed.

        Raises:
            BadInput: the task failed for a network.
        """
        for network, reason in self.failed.items():
            raise BadInput(f"network {network} could not be evaluated: {reason}")
        return self


def mean_over_episodes(outcome: Outcome) -> NDArray[np.float64]:
    """Mean return of each network at each weight, float64[networks, weights]; may be NaN or infinite."""
    with np.errstate(invalid="ignore"):
        return np.asarray(outcome.returns.mean(axis=2))


class Task(Protocol):
    """A problem, ready to be computed."""

    @property
    def id(self) -> str:
        """The name by which ``make_task`` finds it."""

    @property
    def inputs(self) -> int:
        """Numbers that a network receives."""

    @property
    def outputs(self) -> int:
        """Numbers that a network returns."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """Short names of the inputs for pictures."""

    @property
    def output_names(self) -> tuple[str, ...]:
        """Short names of the outputs for pictures."""

    @property
    def interface(self) -> Interface | None:
        """What a network of this task must carry to be used elsewhere; None if nothing."""

    @property
    def data(self) -> LabelledData | None:
        """What a network that classifies one's own data must carry of them; None for other tasks."""

    @property
    def resolved(self) -> Mapping[str, Any]:
        """Settings that were left to the task, with the values it chose; part of a run's configuration."""

    @property
    def threshold(self) -> float | None:
        """The return from which on an episode counts as a success; None if undefined."""

    @property
    def holds_interpreter(self) -> bool:
        """Whether its jobs run Python code, so that threads would wait for each other."""

    @property
    def stepped(self) -> bool:
        """Whether its episodes are stepped one environment at a time, far slower than in a kernel."""

    def search(self, seeds: NDArray[np.int64], generation: int) -> Trial:
        """A trial on which a generation of the search is evaluated.

        Args:
            seeds: int64[episodes] or int64[weights, episodes], from a stream that nothing else uses.
            generation: its number.
        """

    def selection(self, seeds: NDArray[np.int64]) -> Trial:
        """A trial on which candidates for champion are compared, none of which the search evaluates.

        Args:
            seeds: int64[episodes] or int64[weights, episodes], from a stream that nothing else uses.
        """

    def report(self, seeds: NDArray[np.int64]) -> Trial:
        """A trial on which results are reported, none of which search or selection evaluate.

        Args:
            seeds: int64[episodes] or int64[weights, episodes], from a stream that nothing else uses.
        """

    def renderer(self) -> Renderer:
        """What plays single episodes and renders them.

        Raises:
            BadInput: the task has no episodes to look at.
        """

    def job(self, program: Program, weights: NDArray[np.float64], trial: Trial) -> Job:
        """An evaluation cut into units of work: every network under every weight.

        The result for a network, a weight and an episode depends on these three alone, never on
        what else is in the job.

        Args:
            program: the networks.
            weights: float[weights] shared values, or float[weights, connections of the program],
                a value for each connection.
            trial: what all of them are evaluated on.
        """


class Job(Protocol):
    """One evaluation whose units may be computed in any order, by any number of threads."""

    @property
    def units(self) -> int:
        """Number of units."""

    @property
    def grain(self) -> int:
        """Units that are cheaper together than apart; a hint."""

    @property
    def outcome(self) -> Outcome:
        """The result, complete when all units are computed."""

    def run(self, begin: int, end: int) -> None:
        """Compute units [begin, end); releases the GIL."""


@dataclass(frozen=True)
class RenderedEpisode:
    """One rendered episode.

    Attributes:
        frames: uint8[height, width, 3] each, the first one before the first step.
        frames_per_second: rate at which they show the episode in real time.
        total: the return.
    """

    frames: list[NDArray[np.uint8]]
    frames_per_second: float
    total: float


class Renderer(Protocol):
    """Plays single episodes and renders them."""

    def episode(self, outputs: Callable[[Any], Any], seed: int) -> RenderedEpisode:
        """Play and render the episode with this seed.

        Args:
            outputs: from the numbers of an observation to raw outputs.
            seed: with which the environment is reset.

        Raises:
            BadInput: the environment cannot be rendered, or fails.
        """
