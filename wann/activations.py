"""The activation functions a node may have: the one table that everything else reads.

Ids follow the published table (Gaier & Ha 2019); ``square`` is in no published preset.
The float64 formulas here are the reference; ``wann.kernels.elementary`` holds the float32
approximations that the rollouts run, and states their distance from these.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["ACTIVATIONS", "BY_NAME", "Activation"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Activation:
    """One activation function.

    Attributes:
        id: the published id, stored in genomes and ``.out`` files.
        name: the name in network JSON and configurations.
        formula: the formula as a reader writes it.
        reference: the formula in float64 over arrays of any shape.
        colour: the fill colour of such a node in pictures (hex RGB).
        label: the few characters drawn inside such a node.
    """

    id: int
    name: str
    formula: str
    reference: Callable[[FloatArray], FloatArray]
    colour: str
    label: str


def _sigmoid(x: FloatArray) -> FloatArray:
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-x)))


ACTIVATIONS: Final[tuple[Activation, ...]] = (
    Activation(1, "linear", "x", lambda x: x, "#d9dde3", "x"),
    Activation(2, "step", "1 if x > 0 else 0", lambda x: np.where(x > 0, 1.0, 0.0), "#8c6bb1", "step"),
    Activation(3, "sin", "sin(pi x)", lambda x: np.sin(np.pi * x), "#4292c6", "sin"),
    Activation(4, "gaussian", "exp(-x^2 / 2)", lambda x: np.exp(-x * x / 2), "#f2a541", "gauss"),
    Activation(5, "tanh", "tanh(x)", np.tanh, "#41ab5d", "tanh"),
    Activation(6, "sigmoid", "1 / (1 + exp(-x))", _sigmoid, "#a1d76a", "sigm"),
    Activation(7, "inverse", "-x", lambda x: -x, "#e9788a", "-x"),
    Activation(8, "abs", "|x|", np.abs, "#c7a17a", "|x|"),
    Activation(9, "relu", "max(x, 0)", lambda x: np.maximum(x, 0.0), "#ef6548", "relu"),
    Activation(10, "cos", "cos(pi x)", lambda x: np.cos(np.pi * x), "#7fcdbb", "cos"),
    Activation(11, "square", "x^2", lambda x: x * x, "#f7dc6f", "x²"),
)
BY_NAME: Final[dict[str, Activation]] = {activation.name: activation for activation in ACTIVATIONS}
