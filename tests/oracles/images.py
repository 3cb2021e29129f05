"""Image preprocessing and classification by their definitions, a pixel and an image at a time."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from wann.activations import ACTIVATIONS
from wann.network import Network

__all__ = ["deskewed", "log_probabilities", "outputs", "resized"]

FloatArray = NDArray[np.float64]
_REFERENCE = {activation.id: activation.reference for activation in ACTIVATIONS}


def _at(image: FloatArray, y: int, x: int) -> float:
    inside = 0 <= y < image.shape[0] and 0 <= x < image.shape[1]
    return float(image[y, x]) if inside else 0.0


def resized(image: FloatArray, size: int) -> FloatArray:
    """Bilinear, source coordinate (i + 0.5) * old / size - 0.5, the border repeated outside."""
    old = len(image)
    found = np.zeros((size, size))
    for i in range(size):
        for j in range(size):
            y = min(max((i + 0.5) * old / size - 0.5, 0.0), old - 1.0)
            x = min(max((j + 0.5) * old / size - 0.5, 0.0), old - 1.0)
            top, left = math.floor(y), math.floor(x)
            for row, part_y in ((top, 1 - (y - top)), (top + 1, y - top)):
                for column, part_x in ((left, 1 - (x - left)), (left + 1, x - left)):
                    found[i, j] += part_y * part_x * _at(image, row, column)
    return found


def deskewed(image: FloatArray) -> FloatArray:
    """skew = mu11 / mu02; x_src = x + skew * (y - size / 2), y_src = y; zeros outside."""
    size = len(image)
    mass = max(float(image.sum()), 1e-300)
    mean_y = sum(y * float(image[y].sum()) for y in range(size)) / mass
    mean_x = sum(x * float(image[:, x].sum()) for x in range(size)) / mass
    cells = [(y, x) for y in range(size) for x in range(size)]
    mu11 = sum((y - mean_y) * (x - mean_x) * float(image[y, x]) for y, x in cells)
    mu02 = sum((y - mean_y) ** 2 * float(image[y, x]) for y, x in cells)
    if abs(mu02) < 0.01:
        return image
    found = np.zeros((size, size))
    for y, x in cells:
        source = x + mu11 / mu02 * (y - size / 2)
        left = math.floor(source)
        found[y, x] = _at(image, y, left) * (1 - (source - left)) + _at(image, y, left + 1) * (source - left)
    return found


def outputs(network: Network, images: NDArray[np.floating], weights: FloatArray | float) -> FloatArray:
    """Raw outputs float64[images, outputs] by recursion over the graph."""
    own = np.broadcast_to(np.asarray(weights, np.float64), (network.connections,))
    values: dict[int, FloatArray] = {0: np.ones(len(images))}
    values |= {1 + pixel: images[:, pixel].astype(np.float64) for pixel in range(network.inputs)}

    def value(node: int) -> FloatArray:
        if node not in values:
            into = np.flatnonzero(network.target == node)
            total = sum(
                (value(int(network.source[edge])) * own[edge] for edge in into), np.zeros(len(images))
            )
            values[node] = _REFERENCE[int(network.activation[node - 1 - network.inputs])](total)
        return values[node]

    first = 1 + network.inputs
    return np.stack([value(first + output) for output in range(network.outputs)], axis=1)


def log_probabilities(raw: FloatArray) -> FloatArray:
    """Logarithm of the softmax of each row, in float64."""
    shifted = raw - raw.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
