"""What a network is trained for: a loss, and its second derivative at the outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

__all__ = ["CROSS_ENTROPY", "SQUARED_ERROR", "Objective"]


@dataclass(frozen=True)
class Objective:
    """A loss over a batch.

    Attributes:
        name: what it is called.
        loss: from outputs [examples, outputs] and targets to the mean over examples.
        curvature: from the same to the diagonal of each example's Hessian with respect to its outputs,
            [examples, outputs].
    """

    name: str
    loss: Callable[[Tensor, Tensor], Tensor]
    curvature: Callable[[Tensor, Tensor], Tensor]


def _softmax_curvature(outputs: Tensor, _: Tensor) -> Tensor:
    probability = torch.softmax(outputs, 1)
    return probability * (1 - probability)


def _half_squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    return ((outputs - targets) ** 2).sum(1).mean() / 2


CROSS_ENTROPY: Final = Objective("cross-entropy", torch.nn.functional.cross_entropy, _softmax_curvature)
"""Of the softmax of the outputs, with classes int64[examples]: curvature p (1 - p)."""
SQUARED_ERROR: Final = Objective(
    "squared error", _half_squared_error, lambda outputs, _: torch.ones_like(outputs)
)
"""Half of the sum of squares over the outputs, with targets [examples, outputs]: curvature 1."""
