"""A task that does nothing but take its time: what is left of a generation is Ray's and the driver's."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wann.kernels.forward import Program
from wann.tasks import Outcome, Trial

__all__ = ["Sleeping"]


@dataclass(frozen=True)
class Sleeping:
    """Every network sleeps for so many seconds and earns nothing; its shape is that of swing-up."""

    seconds: float
    id: str = "sleeping"
    inputs: int = 5
    outputs: int = 1
    input_names: tuple[str, ...] = ("a", "b", "c", "d", "e")
    output_names: tuple[str, ...] = ("x",)
    episode_limit: int = 1
    threshold: float | None = None

    def job(self, program: Program, weights: NDArray[np.float64], trial: Trial) -> _Sleep:
        """See ``wann.tasks.Task``."""
        return _Sleep(self.seconds, Outcome.blank(program.networks, len(weights), trial))


@dataclass(frozen=True)
class _Sleep:
    seconds: float
    outcome: Outcome

    @property
    def units(self) -> int:
        return len(self.outcome.returns)

    def run(self, begin: int, end: int) -> None:
        time.sleep(self.seconds * (end - begin))
