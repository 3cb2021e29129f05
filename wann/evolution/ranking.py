"""Non-dominated fronts, and crowding within a front (Gaier & Ha 2019, section 3.3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..kernels.ranking import fronts

__all__ = ["crowding_distance", "non_dominated_fronts", "rank"]

FloatArray = NDArray[np.float64]


def non_dominated_fronts(first: FloatArray, second: FloatArray) -> NDArray[np.int64]:
    """Front of each individual, 0 the best; both objectives float64[n] are maximised."""
    return np.asarray(fronts(np.lexsort((-second, -first)), first, second))


def crowding_distance(front: NDArray[np.int64], *objectives: FloatArray) -> FloatArray:
    """Distance between an individual's neighbours on its front, summed over objectives.

    Normalised by the front's extent (Deb et al. 2002; the published code divides by ``1/hi - lo``,
    a slip for ``1/(hi - lo)``). The ends of a front are infinitely far.
    """
    total = np.zeros(len(front))
    for objective in objectives:
        order = np.lexsort((objective, front))
        value, member = objective[order], front[order]
        starts, ends = np.ones_like(front, np.bool_), np.ones_like(front, np.bool_)
        starts[1:] = member[1:] != member[:-1]
        ends[:-1] = starts[1:]
        group = np.cumsum(starts) - 1
        extent = value[ends][group] - value[starts][group]
        gap = np.zeros(len(front))
        gap[1:-1] = value[2:] - value[:-2]
        between = ~(starts | ends)
        distance = np.where(between, 0.0, np.inf)
        np.divide(gap, extent, out=distance, where=between & (extent > 0))
        total[order] += distance
    return total


def rank(
    first: FloatArray, second: FloatArray, reached: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Individuals from best to worst, int64[n]: by front, then crowding, then index.

    If ``reached`` gives the last round of a race that each took part in, those that went further come first,
    and fronts and crowding are those among individuals of the same round, which alone can be compared.
    """
    if reached is None or not reached.any():
        front = non_dominated_fronts(first, second)
        return np.lexsort((-crowding_distance(front, first, second), front))
    rounds = [np.flatnonzero(reached == number) for number in np.unique(reached)[::-1]]
    return np.concatenate([one[rank(first[one], second[one])] for one in rounds])
