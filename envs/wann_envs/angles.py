"""Angles kept within a turn, over scalars and lanes alike."""

from __future__ import annotations

import numpy as np

from wann.kernels.compiler import inlined
from wann.kernels.lanes import fma, rounded

__all__ = ["wrapped"]

_f = np.float32
_PER_TURN = _f(0.5 / np.pi)
_TURN, _TURN_REST = _f(2 * np.pi), _f(2 * np.pi - np.float64(_f(2 * np.pi)))


@inlined
def wrapped(angle):  # type: ignore[no-untyped-def]
    """The same angle (rad) between -pi and pi."""
    turns = rounded(angle * _PER_TURN)
    # Two parts of a turn, since one float32 would lose two digits of what is left.
    return fma(turns, -_TURN_REST, fma(turns, -_TURN, angle))
