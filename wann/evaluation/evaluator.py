"""Where networks are computed. Backends differ in speed, never in a single bit of the result."""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ..network import NetworkBatch
from ..tasks import Outcome, Trial

__all__ = ["Evaluator"]


class Evaluator(Protocol):
    """Computes a task's jobs; use it as a context manager, or close it."""

    def evaluate(self, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial) -> Outcome:
        """Play every network under every weight.

        Args:
            batch: the networks.
            weights: float[weights] shared values, or float[weights, connections of the batch].
            trial: what all of them meet.
        """

    def close(self) -> None:
        """Give back threads or workers."""

    def __enter__(self) -> Self:
        """Begin a block at whose end it is closed."""

    def __exit__(self, *_: object) -> None:
        """Close it."""
