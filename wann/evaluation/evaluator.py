"""The protocol of evaluators, which differ in speed, but not in a single bit of the result."""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from ..network import NetworkBatch
from ..tasks import Outcome, Trial

__all__ = ["Evaluator"]


class Evaluator(Protocol):
    """Evaluates networks on a task; a context manager that closes itself."""

    def evaluate(self, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial) -> Outcome:
        """Evaluate every network under every weight.

        Args:
            batch: the networks.
            weights: float64[weights] shared values, or float64[weights, connections of the batch].
            trial: the episodes or examples, the same for all networks.

        Returns:
            Returns and steps, [networks, weights, episodes], and the networks that failed.
        """

    def close(self) -> None:
        """End the threads or workers."""

    def __enter__(self) -> Self:
        """Enter a block at whose end the evaluator is closed."""

    def __exit__(self, *_: object) -> None:
        """Close the evaluator."""
