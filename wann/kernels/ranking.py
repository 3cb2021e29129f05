"""Non-dominated sorting of two objectives and crowding distance (Deb et al. 2002).

With two objectives a sorted sweep with a binary search finds the fronts in O(n log n) (Jensen
2003), where comparing all pairs would take O(n^2).
"""

from __future__ import annotations

import numpy as np

from .compiler import kernel

__all__ = ["fronts"]


@kernel
def fronts(order, first, second):  # type: ignore[no-untyped-def]
    """The front of each individual, 0 the best; both objectives are maximised.

    ``order`` int64[n] sorts by ``first`` and then ``second``, both descending; ``first`` and
    ``second`` float64[n] are finite. Returns int64[n].
    """
    count = order.shape[0]
    front = np.empty(count, np.int64)
    # The last member of each front; along a front the second objective never falls.
    last = np.empty(count, np.int64)
    used = 0
    for index in range(count):
        candidate = order[index]
        low, high = 0, used
        while low < high:
            middle = (low + high) // 2
            member = last[middle]
            dominates = second[member] > second[candidate] or (
                second[member] == second[candidate] and first[member] > first[candidate]
            )
            if dominates:
                low = middle + 1
            else:
                high = middle
        if low == used:
            used += 1
        last[low] = candidate
        front[candidate] = low
    return front
