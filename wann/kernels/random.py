"""Random streams that depend on nothing but their address (seed, generation, index).

SplitMix64 (Steele, Lea & Flood 2014): the whole state is one 64-bit word, so that every child of
every generation has a stream of its own for the price of three multiplications.
"""

from __future__ import annotations

import numpy as np

from .compiler import inlined

__all__ = ["draw", "stream", "uniform"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_S30, _S27, _S31, _S11 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(11)
_ULP = 2.0**-53


@inlined
def _mix(word):  # type: ignore[no-untyped-def]
    word = (word ^ (word >> _S30)) * _MIX_1
    word = (word ^ (word >> _S27)) * _MIX_2
    return word ^ (word >> _S31)


@inlined
def stream(seed, generation, index):  # type: ignore[no-untyped-def]
    """The state at which the stream of this address begins (uint64)."""
    word = _mix(np.uint64(seed) + _GOLDEN)
    word = _mix((word ^ np.uint64(generation)) + _GOLDEN)
    return _mix((word ^ np.uint64(index)) + _GOLDEN)


@inlined
def uniform(state):  # type: ignore[no-untyped-def]
    """The next state, and a float64 in [0, 1)."""
    state = state + _GOLDEN
    return state, np.float64(_mix(state) >> _S11) * _ULP


@inlined
def draw(state, count):  # type: ignore[no-untyped-def]
    """The next state, and an integer in [0, count)."""
    state, fraction = uniform(state)
    return state, min(np.int64(fraction * count), count - 1)
