"""Synaptic flow of dense networks by its definition (Tanaka et al. 2020, equation 4).

R is the sum of the outputs for an input of ones when every parameter is replaced by its magnitude; a ReLU
then passes everything on, so that R is the sum, over all paths, of the product of the magnitudes along it.
dR/dw * w of a weight is the part of R that flows through it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["flows"]

FloatArray = NDArray[np.float64]


def flows(weights: Sequence[FloatArray], biases: Sequence[FloatArray]) -> list[FloatArray]:
    """dR/dw * w of each weight [units, inputs], layer by layer; weights that are gone are zero."""
    into: list[list[float]] = [[1.0] * weights[0].shape[1]]
    for weight, bias in zip(weights, biases, strict=True):
        into.append(
            [
                abs(float(bias[unit])) + sum(abs(float(w)) * x for w, x in zip(row, into[-1], strict=True))
                for unit, row in enumerate(weight)
            ]
        )
    onwards = [1.0] * len(weights[-1])  # what reaches the outputs of one unit of flow
    found: list[FloatArray] = []
    for weight, before in zip(reversed(weights), reversed(into[:-1]), strict=True):
        score = np.zeros(weight.shape)
        for unit, source in np.ndindex(weight.shape):
            score[unit, source] = before[source] * abs(float(weight[unit, source])) * onwards[unit]
        onwards = [
            sum(abs(float(w)) * after for w, after in zip(weight[:, source], onwards, strict=True))
            for source in range(weight.shape[1])
        ]
        found.insert(0, score)
    return found
