"""What dynamics for fused rollouts share: drawn first states, and bounds that are checked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from gymnasium.utils.seeding import np_random
from numpy.typing import NDArray

from wann.kernels.lanes import LANES

if TYPE_CHECKING:
    from wann.kernels.forward import Program

__all__ = ["FusedDynamics"]


def _check_shape(name: str, found: tuple[int, ...], wanted: tuple[int, ...]) -> None:
    # The kernels check no bounds: a wrong shape would read and write outside the arrays.
    if found != wanted:
        raise ValueError(f"{name} has shape {found}; it must be {wanted}")


@dataclass(frozen=True)
class FusedDynamics(ABC):
    """What a task needs to play whole batches of networks inside one kernel.

    Attributes:
        physics: constants of the environment.
        numbers: in a state.
        inputs: numbers in an observation.
        outputs: numbers that a network gives.
        kernel: the rollout, as in ``swingup_dynamics``.
    """

    physics: Any
    numbers: ClassVar[int]
    inputs: ClassVar[int]
    outputs: ClassVar[int]
    kernel: ClassVar[Callable[..., None]]

    @staticmethod
    @abstractmethod
    def start(random: np.random.Generator) -> NDArray[np.floating]:
        """Draw a first state float[numbers] as the environment does."""

    def starts(self, seeds: NDArray[np.int64]) -> NDArray[np.float32]:
        """First states float32[episodes, numbers]: what ``reset(seed=...)`` draws, as float32.

        Raises:
            gymnasium.error.Error: a seed is negative.
        """
        drawn = np.empty((len(seeds), self.numbers), np.float32)
        for episode, seed in enumerate(seeds.tolist()):
            drawn[episode] = self.start(np_random(seed)[0])
        return drawn

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
        """Play units of work [begin, end) (see ``wann.kernels.rollout.play``), all bounds checked.

        Raises:
            ValueError: the arrays do not fit each other, or there are no such units.
        """
        lanes, networks = len(starts), program.networks
        _check_shape("starts", starts.shape, (lanes, self.numbers))
        _check_shape("returns", returns.shape, (networks, lanes))
        _check_shape("lengths", lengths.shape, (networks, lanes))
        if (program.inputs, program.outputs) != (self.inputs, self.outputs):
            raise ValueError(
                f"networks of {program.inputs} inputs, {program.outputs} outputs: "
                f"not {self.inputs} and {self.outputs}"
            )
        units = networks * -(-lanes // LANES)
        if not 0 <= begin <= end <= units:
            raise ValueError(f"units [{begin}, {end}) of {units}")
        if weights.ndim != 2 or weights.shape[1] != 1:
            connections = max(weights.shape[-1], int(program.gene.max(initial=-1)) + 1)
            _check_shape("weights", weights.shape, (lanes, connections))
        _check_shape("weights", weights.shape, (lanes, weights.shape[1]))
        self.kernel(self.physics, limit, program, weights, starts, begin, end, returns, lengths)
