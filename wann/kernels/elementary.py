"""Elementary functions in float32: branch-free, over scalars and lanes alike.

The C library's functions do not vectorise and differ between machines; these are made of exactly
rounded operations only. The coefficients are minimax fits of our own (Lawson iteration in
float64). ``ERROR_BOUNDS`` states the largest distance from the float64 formula, tested.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from .compiler import inlined
from .lanes import absolute, at_least, at_most, exponent, fma, mantissa, negative, power_of_two, rounded

__all__ = [
    "ERROR_BOUNDS",
    "cos",
    "cos_pi",
    "exp",
    "exp2",
    "gaussian",
    "log",
    "sigmoid",
    "sin",
    "sin_pi",
    "tanh",
]

ERROR_BOUNDS: Final[dict[str, float]] = {
    "sin_pi": 3e-7,
    "cos_pi": 4e-7,  # for |x| <= 1; beyond, the rounding of x + 0.5 adds pi * 2**-24 * |x|
    "gaussian": 4e-7,
    "tanh": 3.2e-7,
    "sigmoid": 2e-7,
    "exp": 3e-7,  # relative, for |x| <= 80
    "log": 1.5e-7,  # relative to max(1, |log x|)
}
"""Largest absolute error of each function against its float64 formula, unless said otherwise."""

_f = np.float32
_ZERO, _HALF, _ONE, _TWO = _f(0.0), _f(0.5), _f(1.0), _f(2.0)
_MINUS_TWO = _f(-2.0)
_PER_PI = _f(1.0 / np.pi)
_S1, _S3, _S5, _S7, _S9 = (
    _f(3.14159258004),
    _f(-5.16770687893),
    _f(2.55003137736),
    _f(-0.59804517452),
    _f(0.0772201296253),
)
_E1, _E2, _E3, _E4, _E5 = (
    _f(0.693146977599),
    _f(0.240222420853),
    _f(0.055507337435),
    _f(0.00967151264483),
    _f(0.00132647271236),
)
_T1, _T3, _T5, _T7, _T9 = (
    _f(0.999999979459),
    _f(0.133810235094),
    _f(0.00349558561173),
    _f(2.06090418266e-05),
    _f(1.33546078039e-08),
)
_U2, _U4, _U6, _U8 = (
    _f(0.467143391029),
    _f(0.0258769725882),
    _f(0.000328563073878),
    _f(7.77653578008e-07),
)
_L0, _L1, _L2, _L3, _L4, _L5, _L6, _L7 = (
    _f(-0.499999819781),
    _f(0.333342255068),
    _f(-0.250024913597),
    _f(0.199536111984),
    _f(-0.165523262481),
    _f(0.149793010094),
    _f(-0.144419436645),
    _f(0.0873367317915),
)
_LOG2_E, _LOG2_E_REST = _f(np.log2(np.e)), _f(np.log2(np.e) - np.float64(_f(np.log2(np.e))))
_LN_2 = _f(np.log(2.0))
_EXPONENT_LOW, _EXPONENT_HIGH = _f(-126.0), _f(126.0)
_EXP_LOW, _EXP_HIGH = _f(-87.0), _f(87.0)
_TANH_LOW, _TANH_HIGH = _f(-8.14), _f(8.14)  # beyond, rounding would carry it past one
_GAUSSIAN = _f(-0.5 / np.log(2.0))


@inlined
def sin_pi(x):  # type: ignore[no-untyped-def]
    """Sine of ``pi * x``."""
    whole = rounded(x)
    r = x - whole
    z = r * r
    odd = fma(_MINUS_TWO, rounded(whole * _HALF), whole)  # 0 for even, 1 or -1 for odd
    p = fma(z, fma(z, fma(z, fma(z, _S9, _S7), _S5), _S3), _S1)
    return r * p * fma(_MINUS_TWO, absolute(odd), _ONE)


@inlined
def cos_pi(x):  # type: ignore[no-untyped-def]
    """Cosine of ``pi * x``."""
    return sin_pi(x + _HALF)


@inlined
def sin(x):  # type: ignore[no-untyped-def]
    """Sine of an angle in radians, of a few turns at most."""
    return sin_pi(x * _PER_PI)


@inlined
def cos(x):  # type: ignore[no-untyped-def]
    """Cosine of an angle in radians, of a few turns at most."""
    return cos_pi(x * _PER_PI)


@inlined
def _two_to(r, whole):  # type: ignore[no-untyped-def]
    p = fma(r, fma(r, fma(r, fma(r, fma(r, _E5, _E4), _E3), _E2), _E1), _ONE)
    return p * power_of_two(whole)


@inlined
def exp2(x):  # type: ignore[no-untyped-def]
    """``2**x``, with x clamped to [-126, 126]."""
    clamped = at_most(at_least(x, _EXPONENT_LOW), _EXPONENT_HIGH)
    whole = rounded(clamped)
    return _two_to(clamped - whole, whole)


@inlined
def exp(x):  # type: ignore[no-untyped-def]
    """``e**x``, with x clamped to [-87, 87]."""
    clamped = at_most(at_least(x, _EXP_LOW), _EXP_HIGH)
    whole = rounded(clamped * _LOG2_E)
    # The rounding of x * log2(e) would cost five bits of a large x; these two lose none.
    return _two_to(fma(clamped, _LOG2_E_REST, fma(clamped, _LOG2_E, negative(whole))), whole)


@inlined
def log(x):  # type: ignore[no-untyped-def]
    """Natural logarithm of a positive normal number."""
    f = mantissa(x) - _ONE
    p = fma(f, fma(f, fma(f, fma(f, fma(f, fma(f, fma(f, _L7, _L6), _L5), _L4), _L3), _L2), _L1), _L0)
    return fma(exponent(x), _LN_2, fma(f * f, p, f))


@inlined
def gaussian(x):  # type: ignore[no-untyped-def]
    """``exp(-x**2 / 2)``."""
    return exp2(x * x * _GAUSSIAN)


@inlined
def tanh(x):  # type: ignore[no-untyped-def]
    """Hyperbolic tangent: an odd rational function, constant from where it is one in float32."""
    clamped = at_most(at_least(x, _TANH_LOW), _TANH_HIGH)
    z = clamped * clamped
    p = fma(z, fma(z, fma(z, fma(z, _T9, _T7), _T5), _T3), _T1)
    q = fma(z, fma(z, fma(z, fma(z, _U8, _U6), _U4), _U2), _ONE)
    return clamped * p / q


@inlined
def sigmoid(x):  # type: ignore[no-untyped-def]
    """``1 / (1 + exp(-x)) = (1 + tanh(x / 2)) / 2``."""
    return fma(_HALF, tanh(x * _HALF), _HALF)
