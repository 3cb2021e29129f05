"""Rollouts inside one kernel, for environments that offer their dynamics."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...kernels.forward import Program
from ...kernels.lanes import LANES
from ..task import Outcome, Trial

__all__ = ["Dynamics", "FusedJob"]


class Dynamics(Protocol):
    """An environment as numba functions over lanes.

    An environment offers it as ``env.unwrapped.dynamics``; a package can offer it for the environments of
    other packages by an entry point of the group ``wann.dynamics`` whose name is the id.
    """

    def starts(self, seeds: NDArray[np.int64]) -> NDArray[np.float32]:
        """The states float32[episodes, numbers] that ``reset`` gives for these seeds."""

    def rollout(
        self,
        limit: int,
        program: Program,
        weights: NDArray[np.float32],
        starts: NDArray[np.float32],
        begin: int,
        end: int,
        returns: NDArray[np.float64],
        lengths: NDArray[np.int32],
    ) -> None:
        """Compute units [begin, end) of ``networks * ceil(lanes / LANES)``.

        Lane k of every network starts from ``starts[k]`` with ``weights[k]``: float32[lanes, 1]
        shared values, or float32[lanes, connections of the batch]. Returns and numbers of
        steps are written to ``returns`` and ``lengths`` [networks, lanes].
        """


@dataclass(frozen=True)
class FusedJob:
    """Units of one network and one tile of lanes each."""

    dynamics: Dynamics
    limit: int
    program: Program
    weights: NDArray[np.float32]
    starts: NDArray[np.float32]
    outcome: Outcome

    @classmethod
    def of(
        cls, dynamics: Dynamics, limit: int, program: Program, table: NDArray[np.float32], trial: Trial
    ) -> FusedJob:
        """Every network under every row of ``table`` float32[weights, 1 or connections]."""
        starts = dynamics.starts(trial.seeds.reshape(-1))
        if not trial.own:
            starts = np.tile(starts, (len(table), 1))
        outcome = Outcome.blank(program.networks, len(table), trial)
        table = np.repeat(table, trial.episodes, axis=0)
        return cls(dynamics, limit, program, np.ascontiguousarray(table), starts, outcome)

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.outcome.returns) * -(-len(self.starts) // LANES)

    @property
    def grain(self) -> int:
        """Units cost the same one at a time."""
        return 1

    def run(self, begin: int, end: int) -> None:
        """Compute units [begin, end)."""
        lanes = len(self.starts)
        self.dynamics.rollout(
            self.limit,
            self.program,
            self.weights,
            self.starts,
            begin,
            end,
            self.outcome.returns.reshape(-1, lanes),
            self.outcome.steps.reshape(-1, lanes),
        )
