"""An evaluation as episodes: each of one network, one weight and one seed, wherever it is played."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from gymnasium.envs.registration import EnvSpec
from numpy.typing import NDArray

from ....errors import BadInput
from ....kernels.acting import act
from ....kernels.forward import Program
from ....network import Interface
from ...task import Outcome, Trial
from ..spaces import Actions, Observations
from .pools import PooledLanes
from .single import SingleLanes

__all__ = ["SteppedJob", "SteppedWorld"]

_POOL: Final = 256  # environments in a pool: the last few to finish step almost alone
_GRAIN: Final = 192
_SINGLE: Final = 32  # beyond, a decision of all networks costs nothing beside the steps


@dataclass(frozen=True)
class SteppedWorld:
    """An environment as a task sees it; plain values, so that workers can be told of it.

    Attributes:
        spec: of the environment.
        observations: how they become vectors.
        actions: how outputs become actions.
        interface: what networks are given of observations.
        limit: steps after which an episode is cut.
        terminal_reward: whether the reward of the step that terminates an episode counts.
        library: what steps it.
        reuse: whether an environment that was reset is as good as new.
        lanes: environments that step together; None: as the library likes it.
    """

    spec: EnvSpec
    observations: Observations
    actions: Actions
    interface: Interface
    limit: int
    terminal_reward: bool
    library: Literal["envpool", "gymnasium"]
    reuse: bool
    lanes: int | None

    def open(self, seeds: NDArray[np.int64]) -> SingleLanes | PooledLanes:
        """Lanes in which episodes with these seeds can be played, the first of them begun."""
        if self.library == "gymnasium":
            width = min(self.lanes or _SINGLE, len(seeds))
            return SingleLanes(self.spec, seeds, width, self.observations, reuse=self.reuse)
        return PooledLanes(self.spec.id, seeds, self.lanes or _POOL, self.limit)


@dataclass(frozen=True)
class SteppedJob:
    """Units of one episode each: (network, weight, episode), the last running fastest."""

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
        """How many there are."""
        return self.outcome.returns.size

    @property
    def grain(self) -> int:
        """A pool of few environments waits for its threads more than they step."""
        return _GRAIN if self.world.library == "envpool" else 1

    def run(self, begin: int, end: int) -> None:
        """Play episodes [begin, end).

        An episode in which a number is not finite earns what is not a number and ends there.

        Raises:
            BadInput: the environment has failed.
        """
        if begin == end:
            return
        units = np.arange(begin, end)
        networks, inner = np.divmod(units, len(self.weights) * self.trial.episodes)
        rows, episodes = np.divmod(inner, self.trial.episodes)
        seeds = self.trial.seeds_of(len(self.weights))[rows, episodes]
        returns, steps = np.zeros(len(units)), np.zeros(len(units), np.int32)
        lanes = self.world.open(seeds)
        try:
            self._play(lanes, networks, rows, returns, steps)
        finally:
            lanes.close()
        self.outcome.returns.reshape(-1)[begin:end] = returns
        self.outcome.steps.reshape(-1)[begin:end] = steps

    def _play(
        self,
        lanes: SingleLanes | PooledLanes,
        networks: NDArray[np.int64],
        rows: NDArray[np.int64],
        returns: NDArray[np.float64],
        steps: NDArray[np.int32],
    ) -> None:
        limit, last_counts = self.world.limit, self.world.terminal_reward
        while len(playing := lanes.playing):
            actions, sound = self._actions(networks[playing], rows[playing], lanes.observations)
            if not sound.all():
                returns[playing[~sound]] = np.nan
                lanes.drop(~sound)
                continue
            rewards, terminated, truncated = lanes.step(actions)
            steps[playing] += 1
            returns[playing] += rewards if last_counts else np.where(terminated, 0.0, rewards)
            over = terminated | truncated | (steps[playing] >= limit) | ~np.isfinite(returns[playing])
            if over.any():
                lanes.drop(over)

    def _actions(
        self, networks: NDArray[np.int64], rows: NDArray[np.int64], observations: NDArray[Any]
    ) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Actions of all lanes, and in which of them every number is sound."""
        observed = self.world.interface.observed(observations)
        if observed.shape[1] != self.program.inputs:
            raise BadInput(
                f"{self.world.spec.id} gives {observed.shape[1]} numbers, not {self.program.inputs}"
            )
        raw = np.empty((len(networks), self.program.outputs), np.float32)
        act(self.program, networks, rows, self.weights, observed, raw)
        # Sums are finite where every term is; an output may be infinite, which bounds cut.
        sound = np.isfinite(observed.sum(axis=1)) & ~np.isnan(raw).any(axis=1)
        return self.world.actions.of_outputs(raw), sound
