"""From raw outputs to actions, over scalars and lanes alike: the same as Gymnasium's spaces are given."""

from __future__ import annotations

import numpy as np

from wann.kernels.compiler import inlined
from wann.kernels.lanes import at_least, at_most, chosen, load, positive, width

__all__ = ["cut", "highest", "zero_or_nan"]

_f = np.float32
_ZERO, _ONE = _f(0), _f(1)


@inlined
def zero_or_nan(output):  # type: ignore[no-untyped-def]
    """Zero for every number, infinities included; NaN for NaN."""
    return at_most(at_least(output, _ZERO), _ZERO)


@inlined
def cut(output):  # type: ignore[no-untyped-def]
    """An output clipped to [-1, 1]."""
    return at_most(at_least(output, -_ONE), _ONE)


@inlined
def highest(values, output, count, like):  # type: ignore[no-untyped-def]
    """Index of the highest of ``count`` outputs, the first of equals; and 0, or NaN if one of them is NaN."""
    best = load(values, output, like)
    check = zero_or_nan(best)
    choice = chosen(best, _ZERO, _ZERO)
    for index in range(1, count):
        other = load(values, output + index * width(like), like)
        check = check + zero_or_nan(other)
        higher = positive(other - best)  # 0 too for equal infinities, whose difference is none
        choice = chosen(higher, _f(index), choice)
        best = chosen(higher, other, best)
    return choice, check
