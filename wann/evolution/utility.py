"""The utility of returns, by which genomes are ranked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["utility"]


def utility(returns: NDArray[np.float64], exponent: int) -> NDArray[np.float64]:
    """Signed powers of returns, of any shape, divided by the largest size among them so that none overflows.

    By multiplications alone, which have the same bits on every machine. What is not finite stays so.
    """
    if exponent == 1:
        return returns
    largest = np.abs(returns[np.isfinite(returns)]).max(initial=0.0)
    if largest == 0.0:
        return returns
    scaled = returns / largest
    worth: NDArray[np.float64] = scaled.copy()
    for _ in range(exponent - 1):
        worth *= np.abs(scaled)
    return worth
