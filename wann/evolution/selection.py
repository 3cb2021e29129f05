"""Selection of elites and parents (Gaier & Ha 2019, section 3.3 and published code)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .settings import SearchSettings

__all__ = ["select"]


def select(
    ranked: NDArray[np.int64], settings: SearchSettings, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Elites and parents, as indices into the population.

    ``ranked`` int64[population] lists the genomes from best to worst. The worst are culled, the best
    survivors pass, and every other individual is a child of the better of two tournament winners:
    the best of twice ``tournament`` survivors drawn with replacement.
    """
    survivors = ranked[: settings.survivors]
    children = settings.population - settings.elites
    drawn = rng.integers(0, len(survivors), (children, 2 * settings.tournament))
    return survivors[: settings.elites], survivors[drawn.min(axis=1)]
