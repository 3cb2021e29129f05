"""From raw outputs to actions, over scalars and lanes alike: the same as Gymnasium's spaces are given."""

from __future__ import annotations

import numpy as np

from wann.kernels.compiler import inlined
from wann.kernels.lanes import at_least, at_most, chosen, load, positive, width

__all__ = ["cut", "highest", "soundness"]

_f = np.float32
_ZERO, _ONE = _f(0), _f(1)


@inlined
def soundness(output):  # type: ignore[no-untyped-def]
    """Zero for every number, infinities included; not a number for what is none."""
    return at_most(at_least(output, _ZERO), _ZERO)


@inlined
def cut(output):  # type: ignore[no-untyped-def]
    """An output cut at -1 and 1."""
    return at_most(at_least(output, -_ONE), _ONE)


@inlined
def highest(values, output, count, like):  # type: ignore[no-untyped-def]
    """Which of ``count`` outputs is the highest, the first of equals; and the soundness of them all."""
    best = load(values, output, like)
    sound = soundness(best)
    place = chosen(best, _ZERO, _ZERO)
    for index in range(1, count):
        other = load(values, output + index * width(like), like)
        sound = sound + soundness(other)
        higher = positive(other - best)  # 0 too for equal infinities, whose difference is none
        place = chosen(higher, _f(index), place)
        best = chosen(higher, other, best)
    return place, sound
