"""Who passes and who has children (Gaier & Ha 2019, section 3.3 and published code)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .settings import SearchSettings

__all__ = ["replace_islands", "select"]


def select(
    ranked: NDArray[np.int64], settings: SearchSettings, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Elites and parents of one island, as places in the population.

    ``ranked`` int64[island] lists the island from best to worst. The worst are culled, the best
    survivors pass, and every other place goes to a child of the better of two tournament winners:
    the best of twice ``tournament`` survivors drawn with replacement.
    """
    survivors = ranked[: settings.survivors]
    children = settings.island - settings.elites
    drawn = rng.integers(0, len(survivors), (children, 2 * settings.tournament))
    return survivors[: settings.elites], survivors[drawn.min(axis=1)]


def replace_islands(best: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which island each island goes on from, int64[islands]: the worse half from the better half.

    ``best`` float64[islands] is the best mean return of each.
    """
    order = np.argsort(-best, kind="stable")
    better = max(1, len(order) // 2)
    origin = np.arange(len(order))
    for place in range(better, len(order)):
        origin[order[place]] = order[place % better]
    return origin
