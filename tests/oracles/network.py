"""What a network computes, by its definition: recursion over the graph in float64.

Beside every value stands how far float32 may be from it. The bound follows the rules of running
error analysis (Higham, "Accuracy and Stability of Numerical Algorithms", section 3.3): rounding
enters at every operation, and what came before is passed on by the slope of what comes after. A
fixed tolerance would not do: sines and squares amplify without limit, a step jumps.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from wann.activations import ACTIVATIONS
from wann.kernels.elementary import ERROR_BOUNDS
from wann.network import Network

__all__ = ["Approximate", "evaluate"]

_UNIT = 2.0**-24
"""Relative error of one float32 rounding."""
_BY_ID = {activation.id: activation for activation in ACTIVATIONS}
_KERNELS = {"sin": "sin_pi", "cos": "cos_pi", "gaussian": "gaussian", "tanh": "tanh", "sigmoid": "sigmoid"}
_SLOPES = {"sin": np.pi, "cos": np.pi, "gaussian": 0.607, "tanh": 1.0, "sigmoid": 0.25}
"""The steepest slope of each bounded activation."""
_TINY = 1e-37
"""Where float32 numbers lose digits."""


class Approximate(NamedTuple):
    """A value in float64, and how far its float32 twin may be."""

    value: float
    error: float


def evaluate(
    network: Network, observation: NDArray[np.floating], weight: float | None = None
) -> list[Approximate]:
    """Outputs for one observation float32[inputs], with a shared weight or the network's own."""
    into: dict[int, list[tuple[int, float]]] = {node: [] for node in range(network.size)}
    for edge in range(network.connections):
        own = weight if network.weights is None or weight is not None else network.weights[edge]
        assert own is not None
        into[int(network.target[edge])].append((int(network.source[edge]), float(np.float32(own))))

    @cache
    def node(number: int) -> Approximate:
        if number == 0:
            return Approximate(1.0, 0.0)
        if number <= network.inputs:
            return Approximate(float(observation[number - 1]), 0.0)
        terms = [(node(source), own) for source, own in into[number]]
        total = sum(own * term.value for term, own in terms)
        size = sum(abs(own) * (abs(term.value) + term.error) for term, own in terms)
        error = sum(abs(own) * term.error for term, own in terms)
        # One rounding for each product and each sum.
        error += (len(terms) + 1) * _UNIT * size * 1.01
        # Products that are too small lose all their digits.
        error += sum(_TINY for term, own in terms if 0.0 < abs(own * term.value) < _TINY)
        return _activated(_BY_ID[int(network.activation[number - 1 - network.inputs])].name, total, error)

    first = 1 + network.inputs
    return [node(number) for number in range(first, first + network.outputs)]


def _activated(name: str, x: float, error: float) -> Approximate:
    value = float(_BY_ID[_id(name)].reference(np.array(x)))
    if name == "step":
        # Near the jump float32 may be on its other side.
        return Approximate(value, 1.0 if abs(x) <= error else 0.0)
    if name == "square":
        passed = (2.0 * abs(x) + error) * error
        return Approximate(value, passed + _UNIT * (value + passed) + _TINY)
    if name in _KERNELS:
        # cos(pi x) is computed as sin(pi (x + 1/2)), and that sum is rounded.
        shift = np.pi * _UNIT * (abs(x) + error + 0.5) if name == "cos" else 0.0
        passed = _SLOPES[name] * error + shift + ERROR_BOUNDS[_KERNELS[name]]
        return Approximate(value, min(passed, 2.001))
    return Approximate(value, error)  # linear, inverse, abs, relu: exact, slope of one at most


def _id(name: str) -> int:
    return next(activation.id for activation in ACTIVATIONS if activation.name == name)
