"""Encoders by their definitions, a number at a time in float64."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["area_mean", "convolved"]

Floats = NDArray[np.float64]


def area_mean(image: NDArray[Any], rows: int, columns: int) -> Floats:
    """Every pixel spread over rows x columns equal points, and the points of each part averaged."""
    fine = np.repeat(np.repeat(image.astype(np.float64), rows, axis=0), columns, axis=1)
    height, width, channels = image.shape
    means: Floats = fine.reshape(rows, height, columns, width, channels).mean(axis=(1, 3))
    return means


def convolved(image: Floats, layers: Sequence[tuple[NDArray[Any], NDArray[Any], int]]) -> Floats:
    """The numbers of (weights [side, side, in, out], biases, stride), with ReLUs between them."""
    for number, (weights, biases, stride) in enumerate(layers):
        image = np.maximum(image, 0) if number else image
        side = weights.shape[0]
        across = (len(image) - side) // stride + 1
        result = np.empty((across, across, weights.shape[3]))
        for y in range(across):
            for x in range(across):
                seen = image[y * stride : y * stride + side, x * stride : x * stride + side]
                result[y, x] = np.tensordot(seen, weights.astype(np.float64), 3) + biases
        image = result
    return image.reshape(-1)
