"""The shared weights that a generation is evaluated with, and those that champions are compared with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..streams import Stream, generator
from .settings import WeightSettings

__all__ = ["generation_weights", "selection_weights"]

FloatArray = NDArray[np.float64]


def generation_weights(settings: WeightSettings, seed: int, generation: int) -> FloatArray:
    """The shared weights of one generation, float64[weights], ascending if drawn."""
    if settings.sampling == "fixed":
        return np.array(settings.values)
    rng = generator(seed, Stream.WEIGHTS, generation)
    positions = (np.arange(settings.strata) + rng.random(settings.strata)) / settings.strata
    drawn = settings.limit * (2.0 * positions - 1.0)
    if settings.begin_at is None:
        return drawn
    spread = settings.spread(generation)
    return (1.0 - spread) * settings.begin_at + spread * drawn


def selection_weights(settings: WeightSettings) -> FloatArray:
    """The weights that candidates for champion are compared with, float64[weights]."""
    if settings.sampling == "fixed":
        return np.array(settings.values)
    positions = (np.arange(settings.compared) + 0.5) / settings.compared
    return settings.limit * (2.0 * positions - 1.0)
