"""Second-order backpropagation by its definition: one example, one connection at a time, in float64.

LeCun, Denker, Solla 1990, equations 6 to 8 without the term of f'': with h_a the second derivative with
respect to the total input of a unit,

    h_x = sum over the connections that leave x of w^2 h_a,     h_a = f'(a)^2 h_x,
    h_w = sum over the connections that use w of x^2 h_a.

A dense layer, a convolution and a mean are all lists of connections.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Conv", "Elementwise", "Flat", "Layer", "Linear", "MaxPool", "MeanPool", "saliencies"]

FloatArray = NDArray[np.float64]
Index = tuple[int, ...]


@dataclass(frozen=True)
class Linear:
    weight: FloatArray
    bias: FloatArray


@dataclass(frozen=True)
class Conv:
    """weight[filters, channels, height, width]; zeros beyond the border."""

    weight: FloatArray
    bias: FloatArray
    stride: int = 1
    padding: int = 0


@dataclass(frozen=True)
class Elementwise:
    name: str


@dataclass(frozen=True)
class MaxPool:
    size: int


@dataclass(frozen=True)
class MeanPool:
    size: int


@dataclass(frozen=True)
class Flat:
    pass


Layer = Linear | Conv | Elementwise | MaxPool | MeanPool | Flat


def _value(name: str, a: float) -> float:
    if name == "relu":
        return max(a, 0.0)
    return math.tanh(a) if name == "tanh" else 1 / (1 + math.exp(-a))


def _slope(name: str, a: float) -> float:
    if name == "relu":
        return float(a > 0)
    f = _value(name, a)
    return 1 - f * f if name == "tanh" else f * (1 - f)


def _places(size: int, kernel: int, stride: int, padding: int) -> range:
    return range((size + 2 * padding - kernel) // stride + 1)


def _connections(layer: Linear | Conv, shape: Index) -> Iterator[tuple[Index, Index, Index]]:
    """(unit, input, weight) of all connections of a layer whose inputs have this shape."""
    if isinstance(layer, Linear):
        for unit, source in np.ndindex(layer.weight.shape):
            yield (unit,), (source,), (unit, source)
        return
    height, width = layer.weight.shape[2:]
    for y in _places(shape[1], height, layer.stride, layer.padding):
        for x in _places(shape[2], width, layer.stride, layer.padding):
            for weight in np.ndindex(layer.weight.shape):
                unit, channel, down, right = weight
                row = y * layer.stride - layer.padding + down
                column = x * layer.stride - layer.padding + right
                if 0 <= row < shape[1] and 0 <= column < shape[2]:
                    yield (unit, y, x), (channel, row, column), weight


def _out_shape(layer: Linear | Conv, shape: Index) -> Index:
    if isinstance(layer, Linear):
        return (len(layer.bias),)
    height, width = layer.weight.shape[2:]
    return (
        len(layer.bias),
        len(_places(shape[1], height, layer.stride, layer.padding)),
        len(_places(shape[2], width, layer.stride, layer.padding)),
    )


def _windows(shape: Index, size: int) -> Iterator[tuple[Index, list[Index]]]:
    """Windows that do not overlap, and the inputs in each."""
    for channel, y, x in np.ndindex(shape[0], shape[1] // size, shape[2] // size):
        inside: list[Index] = [
            (channel, y * size + i, x * size + j) for i in range(size) for j in range(size)
        ]
        yield (channel, y, x), inside


def _forward(layer: Layer, values: FloatArray) -> FloatArray:
    if isinstance(layer, Elementwise):
        return np.array([_value(layer.name, a) for a in values.flat]).reshape(values.shape)
    if isinstance(layer, Flat):
        return values.flatten()
    if isinstance(layer, MaxPool | MeanPool):
        size = layer.size
        pooled = np.zeros((len(values), values.shape[1] // size, values.shape[2] // size))
        for place, inside in _windows(values.shape, size):
            found = [float(values[source]) for source in inside]
            pooled[place] = max(found) if isinstance(layer, MaxPool) else sum(found) / len(found)
        return pooled
    sums = np.zeros(_out_shape(layer, values.shape))
    for unit in np.ndindex(sums.shape):
        sums[unit] = layer.bias[unit[0]]
    for unit, source, weight in _connections(layer, values.shape):
        sums[unit] += layer.weight[weight] * values[source]
    return sums


def _backward(layer: Layer, values: FloatArray, h: FloatArray, h_weight: FloatArray | None) -> FloatArray:
    """Second derivatives with respect to a layer's inputs, from those with respect to its outputs."""
    back = np.zeros(values.shape)
    if isinstance(layer, Elementwise):
        for place in np.ndindex(values.shape):
            back[place] = _slope(layer.name, float(values[place])) ** 2 * h[place]
    elif isinstance(layer, Flat):
        back = h.reshape(values.shape)
    elif isinstance(layer, MaxPool):
        for place, inside in _windows(values.shape, layer.size):
            back[max(inside, key=lambda source: float(values[source]))] += h[place]
    elif isinstance(layer, MeanPool):
        for place, inside in _windows(values.shape, layer.size):
            for source in inside:
                back[source] += h[place] / len(inside) ** 2
    else:
        assert h_weight is not None
        for unit, source, weight in _connections(layer, values.shape):
            back[source] += layer.weight[weight] ** 2 * h[unit]
            h_weight[weight] += values[source] ** 2 * h[unit]
    return back


def _at_outputs(outputs: FloatArray, loss: str) -> FloatArray:
    """1 for half of the sum of squares; p (1 - p) for the cross-entropy of the softmax."""
    if loss == "squared error":
        return np.ones_like(outputs)
    powers = [math.exp(value - max(outputs)) for value in outputs]
    return np.array([power / sum(powers) * (1 - power / sum(powers)) for power in powers])


def saliencies(layers: Sequence[Layer], examples: FloatArray, loss: str) -> list[FloatArray]:
    """h_w of each layer that has weights, averaged over the examples float64[examples, ...]."""
    totals = [np.zeros_like(layer.weight) if isinstance(layer, Linear | Conv) else None for layer in layers]
    for example in examples:
        values = [example]
        for layer in layers:
            values.append(_forward(layer, values[-1]))
        h = _at_outputs(values[-1], loss)
        for place in reversed(range(len(layers))):
            h = _backward(layers[place], values[place], h, totals[place])
    return [total / len(examples) for total in totals if total is not None]
