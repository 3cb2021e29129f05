"""Objectives of training: a loss, and its second derivative with respect to the outputs."""

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
        name: name of the loss.
        loss: maps outputs [examples, outputs] and targets to the mean loss over examples.
        curvature: maps the same to the diagonal of each example's Hessian with respect to its outputs,
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
"""Cross-entropy of the softmax of the outputs, with targets int64[examples]; its curvature is p (1 - p)."""
SQUARED_ERROR: Final = Objective(
    "squared error", _half_squared_error, lambda outputs, _: torch.ones_like(outputs)
)
"""Half the sum of squares over the outputs, with targets [examples, outputs]; its curvature is 1."""
