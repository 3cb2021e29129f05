"""Images made smaller by area means, and what a stack of convolutions makes of them.

Each image is computed alone, and each number by one chain of fused multiply-adds: its bits depend neither on
the other images of a batch, nor on threads, nor on the machine.
"""

from __future__ import annotations

import numpy as np

from .compiler import inlined, kernel
from .lanes import LANES, fma, load, no_lanes, store

__all__ = ["area_means", "convolved_means"]

_ZERO = np.float32(0)
_BLOCK = 4  # positions that share one read of the weights


@kernel
def area_means(images, factor, shift, outputs):  # type: ignore[no-untyped-def]
    """Resize images: each output is the mean of the part of the image that it covers.

    Args:
        images: number[images, height, width, channels].
        factor: of the values.
        shift: added to them afterwards.
        outputs: float32[images, rows, columns, channels], receives the means.
    """
    for index in range(images.shape[0]):
        _shrink(images[index], factor, shift, outputs[index])


@inlined
def _shrink(image, factor, shift, output):  # type: ignore[no-untyped-def]
    height, width, channels = image.shape
    rows, columns = output.shape[0], output.shape[1]
    for row in range(rows):
        top, bottom = row * height / rows, (row + 1) * height / rows
        for column in range(columns):
            left, right = column * width / columns, (column + 1) * width / columns
            area = factor / ((bottom - top) * (right - left))
            for channel in range(channels):
                total = 0.0
                for y in range(int(top), min(height, int(np.ceil(bottom)))):
                    part = 0.0
                    for x in range(int(left), min(width, int(np.ceil(right)))):
                        part += (min(right, x + 1.0) - max(left, float(x))) * image[y, x, channel]
                    total += (min(bottom, y + 1.0) - max(top, float(y))) * part
                output[row, column, channel] = total * area + shift


@kernel
def convolved_means(images, factor, shift, side, layers, parameters, outputs):  # type: ignore[no-untyped-def]
    """Resize images to squares and convolve them, layer by layer; ReLUs stand between the layers.

    Args:
        images: number[images, height, width, channels].
        factor: of the values.
        shift: added to them afterwards.
        side: of the squares.
        layers: int64[layers, 4]: the side of the kernel, the stride, channels in and channels out of each.
        parameters: float32, of each layer the weights [side, side, in, padded out] and then the biases
            [padded out], where padded channels fill whole lanes.
        outputs: float32[images, numbers], receives the last layer's position.
    """
    like = no_lanes()
    channels = images.shape[3]
    largest, edge = side * side * channels, side
    for layer in range(layers.shape[0]):
        edge = (edge - layers[layer, 0]) // layers[layer, 1] + 1
        largest = max(largest, edge * edge * _padded(layers[layer, 3]))
    before, after = np.empty(largest, np.float32), np.empty(largest, np.float32)
    for index in range(images.shape[0]):
        square = before[: side * side * channels].reshape(side, side, channels)
        _shrink(images[index], factor, shift, square)
        edge, stride_in, first = side, channels, 0
        for layer in range(layers.shape[0]):
            if layer:
                for position in range(edge * edge * stride_in):
                    before[position] = max(before[position], _ZERO)
            first = _convolve(before, edge, stride_in, layers[layer], parameters, first, after, like)
            edge = (edge - layers[layer, 0]) // layers[layer, 1] + 1
            stride_in = _padded(layers[layer, 3])
            before, after = after, before
        for number in range(outputs.shape[1]):
            outputs[index, number] = before[number]


@inlined
def _padded(channels):  # type: ignore[no-untyped-def]
    return (channels + LANES - 1) // LANES * LANES


@inlined
def _convolve(before, edge, pitch, layer, parameters, first, after, like):  # type: ignore[no-untyped-def]
    """One layer; returns where the parameters of the next one begin."""
    size, stride, inputs, outputs = layer[0], layer[1], layer[2], _padded(layer[3])
    across = (edge - size) // stride + 1
    biases = first + size * size * inputs * outputs
    last = across * across - 1
    for block in range(0, across * across, _BLOCK):
        one, two = block, min(block + 1, last)
        three, four = min(block + 2, last), min(block + 3, last)
        a = ((one // across) * edge + one % across) * stride * pitch
        b = ((two // across) * edge + two % across) * stride * pitch
        c = ((three // across) * edge + three % across) * stride * pitch
        d = ((four // across) * edge + four % across) * stride * pitch
        for column in range(0, outputs, LANES):
            sum_a = load(parameters, biases + column, like)
            sum_b, sum_c, sum_d = sum_a, sum_a, sum_a
            weight = first + column
            for y in range(size):
                for x in range(size):
                    at = (y * edge + x) * pitch
                    for channel in range(at, at + inputs):
                        row = load(parameters, weight, like)
                        sum_a = fma(before[a + channel], row, sum_a)
                        sum_b = fma(before[b + channel], row, sum_b)
                        sum_c = fma(before[c + channel], row, sum_c)
                        sum_d = fma(before[d + channel], row, sum_d)
                        weight += outputs
            store(after, one * outputs + column, sum_a)
            store(after, two * outputs + column, sum_b)
            store(after, three * outputs + column, sum_c)
            store(after, four * outputs + column, sum_d)
    return biases + outputs
