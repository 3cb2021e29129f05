"""An evaluation of stepped episodes, each with one network, one weight and one seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ....errors import BadInput
from ....kernels.acting import act
from ....kernels.forward import Program
from ....network import Actions, Interface, Observations
from ...task import Outcome, Trial
from ..recipe import Recipe
from ..reward import EpisodeRewards, OwnReward
from .pools import PooledLanes
from .single import SingleLanes

__all__ = ["SteppedJob", "SteppedWorld"]

_POOL: Final = 256  # lanes of a pool; with few of them its threads and wrapper cost more than the steps
_NOTHING: Final = np.zeros(1)
_SINGLE: Final = 32  # environments; with so many, evaluating the networks costs little beside the steps
_GRAIN: Final = 192  # episodes
_GRAIN_OF_IMAGES: Final = 16  # where a step draws an image it costs far more than the threads
_TOGETHER: Final = 1024  # episodes in a pool: an environment of MuJoCo holds nearly a megabyte


@dataclass(frozen=True)
class SteppedWorld:
    """An environment and how it is stepped; can be sent to workers.

    Attributes:
        recipe: how the environment is made.
        observations: how they become vectors.
        actions: how outputs become actions.
        interface: what networks receive of observations.
        limit: steps after which an episode is truncated.
        terminal_reward: whether the reward of the step that terminates an episode counts.
        reward: the search's own, for trials that say so.
        library: what steps it.
        reuse: whether an environment that was reset behaves like a new one.
        lanes: environments that are stepped together; None for the library's default.
    """

    recipe: Recipe
    observations: Observations
    actions: Actions
    interface: Interface
    limit: int
    terminal_reward: bool
    reward: OwnReward | None
    library: Literal["envpool", "gymnasium"]
    reuse: bool
    lanes: int | None

    def open(self, seeds: NDArray[np.int64]) -> SingleLanes | PooledLanes:
        """Lanes for the episodes with these seeds, the first of which are started."""
        if self.library == "gymnasium":
            width = min(self.lanes or _SINGLE, len(seeds))
            return SingleLanes(self.recipe, seeds, width, self.observations, reuse=self.reuse)
        return PooledLanes(self.recipe.name, seeds, self.lanes or _POOL, self.limit)


class _Progress:
    """The last progress of each episode; see ``Rules``."""

    def __init__(self, episodes: int, patience: int, gain: float) -> None:
        self._patience, self._gain = patience, gain
        self._return, self._step = np.zeros(episodes), np.zeros(episodes, np.int32)

    def lacking(
        self, playing: NDArray[np.int64], returns: NDArray[np.float64], steps: NDArray[np.int32]
    ) -> NDArray[np.bool_]:
        """Whether the episodes in progress, with these returns after so many steps, make none any more."""
        made = returns > self._return[playing] + self._gain
        self._return[playing[made]], self._step[playing[made]] = returns[made], steps[made]
        return np.asarray(steps - self._step[playing] >= self._patience)


@dataclass(frozen=True)
class SteppedJob:
    """Units of one episode each, ordered by network, weight and episode."""

    world: SteppedWorld
    program: Program
    weights: NDArray[np.float32]
    trial: Trial
    outcome: Outcome

    @classmethod
    def of(
        cls, world: SteppedWorld, program: Program, table: NDArray[np.float32], trial: Trial
    ) -> SteppedJob:
        """Every network under every row of ``table`` float32[weights, 1 or connections]."""
        outcome = Outcome.blank(program.networks, len(table), trial)
        return cls(world, program, np.ascontiguousarray(table), trial, outcome)

    @property
    def units(self) -> int:
        """Number of units."""
        return self.outcome.returns.size

    @property
    def grain(self) -> int:
        """Small pools spend more time on their threads than on steps."""
        if self.world.library == "gymnasium":
            return 1
        return _GRAIN if self.world.interface.encoder is None else _GRAIN_OF_IMAGES

    def run(self, begin: int, end: int) -> None:
        """Compute episodes [begin, end).

        An episode with an observation, output or reward that is not finite ends there and returns NaN or
        an infinity.

        Raises:
            BadInput: the environment has failed.
        """
        for first in range(begin, end, _TOGETHER):
            self._compute(first, min(first + _TOGETHER, end))

    def _compute(self, begin: int, end: int) -> None:
        units = np.arange(begin, end)
        networks, inner = np.divmod(units, len(self.weights) * self.trial.episodes)
        rows, episodes = np.divmod(inner, self.trial.episodes)
        seeds = self.trial.seeds_of(len(self.weights))[rows, episodes]
        returns, steps = np.zeros(len(units)), np.zeros(len(units), np.int32)
        lanes = self.world.open(seeds)
        try:
            own = None
            if self.trial.rules.own_reward and self.world.reward is not None:
                own = EpisodeRewards(self.world.reward, seeds)
            self._play(lanes, networks, rows, own, returns, steps)
        finally:
            lanes.close()
        self.outcome.returns.reshape(-1)[begin:end] = returns
        self.outcome.steps.reshape(-1)[begin:end] = steps

    def _play(
        self,
        lanes: SingleLanes | PooledLanes,
        networks: NDArray[np.int64],
        rows: NDArray[np.int64],
        own: EpisodeRewards | None,
        returns: NDArray[np.float64],
        steps: NDArray[np.int32],
    ) -> None:
        last_counts, rules = self.world.terminal_reward, self.trial.rules
        limit, repeat = rules.limit or self.world.limit, self.world.interface.frame_skip
        progress = _Progress(len(returns), rules.patience, rules.gain) if rules.patience else None
        while len(playing := lanes.playing):
            actions, finite = self._actions(networks[playing], rows[playing], lanes.observations)
            if not finite.all():
                returns[playing[~finite]] = np.nan
                lanes.drop(~finite)
                continue
            done = lanes.step(actions, np.minimum(repeat, limit - steps[playing]))
            rewards, spared = done.before + done.last, done.before
            if own is not None:
                rewards, spared = own.after_step(playing, lanes.observations, actions, rewards), _NOTHING
            steps[playing] += done.steps
            returns[playing] += rewards if last_counts else np.where(done.terminated, spared, rewards)
            over = (
                done.terminated | done.truncated | (steps[playing] >= limit) | ~np.isfinite(returns[playing])
            )
            if progress is not None:
                over |= progress.lacking(playing, returns[playing], steps[playing])
            if over.any():
                lanes.drop(over)

    def _actions(
        self, networks: NDArray[np.int64], rows: NDArray[np.int64], observations: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Actions of all lanes, and bool[lanes], whether all observations are finite and no output is NaN."""
        observed = self.world.interface.observed(observations)
        if observed.shape[1] != self.program.inputs:
            raise BadInput(
                f"{self.world.recipe.name} returns {observed.shape[1]} numbers, not {self.program.inputs}"
            )
        raw = np.empty((len(networks), self.program.outputs), np.float32)
        act(self.program, networks, rows, self.weights, observed, raw)
        # A sum is finite if every term is; outputs may be infinite, since they are clipped.
        finite = np.isfinite(observed.sum(axis=1)) & ~np.isnan(raw).any(axis=1)
        return self.world.actions.of_outputs(raw), finite
