"""Lanes: a numba type that holds one float32 for each of several episodes at once.

A ``Lanes`` value is a row of 8-float vectors (one AVX register each; LLVM splits or joins them
on other machines). Every function below also takes float32 scalars, so that a formula is written
once and serves one episode (an environment's ``step``) and many (a fused rollout). Only
operations that IEEE 754 rounds exactly are offered, fused multiply-add among them: each lane has
the same bits as the scalar, on every machine.

Explicit vectors are here because the compiler's own vectoriser falls back to scalar code for the
trip counts that matter to us (24 lanes: 3.7 times slower).
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Final

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, overload, register_model

__all__ = [
    "LANES",
    "absolute",
    "accumulate",
    "any_positive",
    "at_least",
    "at_most",
    "chosen",
    "exponent",
    "fma",
    "load",
    "mantissa",
    "negative",
    "no_lanes",
    "positive",
    "power_of_two",
    "rounded",
    "store",
    "total",
    "width",
    "within",
]

_REGISTER: Final = 8  # float32 values in one vector
_REGISTERS: Final = 3  # vectors in one Lanes value: accumulators, temporaries and constants fit 16
LANES: Final = _REGISTER * _REGISTERS
"""Episodes that a rollout advances together."""

_FLOAT, _INT, _WORD = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_VECTOR, _INTS = ir.VectorType(_FLOAT, _REGISTER), ir.VectorType(_INT, _REGISTER)
_DOUBLES = ir.VectorType(ir.DoubleType(), _REGISTER)
_ROW = ir.ArrayType(_VECTOR, _REGISTERS)


_intrinsic: Any = intrinsic  # its wrapper has no types


class _LanesType(types.Type):
    def __init__(self) -> None:
        super().__init__(name=f"Lanes({LANES})")


_lanes = _LanesType()


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: _LanesType) -> None:
        super().__init__(manager, kind, _ROW)


def _splat(builder: Any, scalar: Any) -> Any:
    undefined = ir.Constant(_VECTOR, ir.Undefined)
    vector = builder.insert_element(undefined, scalar, ir.Constant(_INT, 0))
    return builder.shuffle_vector(vector, undefined, ir.Constant(_INTS, [0] * _REGISTER))


def _unpack(builder: Any, row: Any) -> list[Any]:
    return [builder.extract_value(row, index) for index in range(_REGISTERS)]


def _pack(builder: Any, vectors: list[Any]) -> Any:
    row = ir.Constant(_ROW, ir.Undefined)
    for index, vector in enumerate(vectors):
        row = builder.insert_value(row, vector, index)
    return row


def _constant(kind: Any, number: float) -> Any:
    return ir.Constant(kind, [number] * _REGISTER if isinstance(kind, ir.VectorType) else number)


def _llvm(builder: Any, name: str, *arguments: Any) -> Any:
    kind = arguments[0].type
    suffix = f"v{_REGISTER}f32" if isinstance(kind, ir.VectorType) else "f32"
    signature = ir.FunctionType(kind, [kind] * len(arguments))
    function = cgutils.get_or_insert_function(builder.module, signature, f"{name}.{suffix}")
    return builder.call(function, arguments)


def _elementwise(arity: int, emit: Callable[..., Any]) -> Any:
    """Make an intrinsic of ``emit(builder, *vectors)``; scalars among lanes are broadcast."""

    def build(arguments: tuple[Any, ...]) -> Any:
        has_lanes = any(isinstance(argument, _LanesType) for argument in arguments)
        result = _lanes if has_lanes else types.float32

        def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            columns = []
            for kind, value in zip(signature.args, values, strict=True):
                if isinstance(kind, _LanesType):
                    columns.append(_unpack(builder, value))
                    continue
                scalar = context.cast(builder, value, kind, types.float32)
                columns.append([_splat(builder, scalar)] * _REGISTERS if has_lanes else [scalar])
            rows = [emit(builder, *row) for row in zip(*columns, strict=True)]
            return _pack(builder, rows) if has_lanes else rows[0]

        return result(*arguments), generate

    if arity == 1:
        return _intrinsic(lambda typing_context, a: build((a,)))
    if arity == 2:
        return _intrinsic(lambda typing_context, a, b: build((a, b)))
    return _intrinsic(lambda typing_context, a, b, c: build((a, b, c)))


def _where(builder: Any, comparison: str, left: Any, right: Any, then: Any, otherwise: Any) -> Any:
    return builder.select(builder.fcmp_ordered(comparison, left, right), then, otherwise)


def _emit_power_of_two(builder: Any, exponent: Any) -> Any:
    integer = _INTS if isinstance(exponent.type, ir.VectorType) else _INT
    biased = builder.add(builder.fptosi(exponent, integer), _constant(integer, 127))
    return builder.bitcast(builder.shl(biased, _constant(integer, 23)), exponent.type)


_ROOT_HALF: Final = 0x3F3504F3  # the bits of sqrt(0.5)


def _emit_exponent(builder: Any, x: Any) -> Any:
    integer = _INTS if isinstance(x.type, ir.VectorType) else _INT
    bits = builder.sub(builder.bitcast(x, integer), _constant(integer, _ROOT_HALF))
    return builder.sitofp(builder.ashr(bits, _constant(integer, 23)), x.type)


def _emit_mantissa(builder: Any, x: Any) -> Any:
    integer = _INTS if isinstance(x.type, ir.VectorType) else _INT
    bits = builder.sub(builder.bitcast(x, integer), _constant(integer, _ROOT_HALF))
    fraction = builder.and_(bits, _constant(integer, 0x007FFFFF))
    return builder.bitcast(builder.add(fraction, _constant(integer, _ROOT_HALF)), x.type)


def _emit_positive(builder: Any, x: Any) -> Any:
    zero, one = _constant(x.type, 0.0), _constant(x.type, 1.0)
    return _where(builder, ">", x, zero, one, zero)


def _emit_within(builder: Any, x: Any, limit: Any) -> Any:
    zero, one = _constant(x.type, 0.0), _constant(x.type, 1.0)
    # Ordered comparison with the operands so that NaN counts as within: it must reach the return.
    return _where(builder, ">", _llvm(builder, "llvm.fabs", x), limit, zero, one)


_add = _elementwise(2, lambda b, x, y: b.fadd(x, y))
_subtract = _elementwise(2, lambda b, x, y: b.fsub(x, y))
_multiply = _elementwise(2, lambda b, x, y: b.fmul(x, y))
_divide = _elementwise(2, lambda b, x, y: b.fdiv(x, y))

fma = _elementwise(3, lambda b, x, y, z: _llvm(b, "llvm.fma", x, y, z))
"""``x * y + z`` with a single rounding."""
rounded = _elementwise(1, lambda b, x: _llvm(b, "llvm.rint", x))
"""The nearest integer, halves to even."""
absolute = _elementwise(1, lambda b, x: _llvm(b, "llvm.fabs", x))
"""``|x|``."""
negative = _elementwise(1, lambda b, x: b.fneg(x))
"""``-x``."""
at_least = _elementwise(2, lambda b, x, low: _where(b, "<", x, low, low, x))
"""``max(x, low)``; NaN stays NaN."""
at_most = _elementwise(2, lambda b, x, high: _where(b, ">", x, high, high, x))
"""``min(x, high)``; NaN stays NaN."""
positive = _elementwise(1, _emit_positive)
"""1 where ``x > 0``, else 0."""
within = _elementwise(2, _emit_within)
"""1 where ``|x| <= limit`` or x is NaN, else 0."""
chosen = _elementwise(3, lambda b, flag, x, y: _where(b, ">", flag, _constant(x.type, 0.0), x, y))
"""``x`` where ``flag > 0``, else ``y``."""
power_of_two = _elementwise(1, _emit_power_of_two)
"""``2**n`` for a whole n in [-126, 127]."""
mantissa = _elementwise(1, _emit_mantissa)
"""The m in [sqrt(0.5), sqrt(2)) of ``x = m * 2**exponent(x)``, for a positive normal x."""
exponent = _elementwise(1, _emit_exponent)
"""The whole number e of ``x = mantissa(x) * 2**e``."""


def _overload(symbol: Any, function: Any) -> None:
    @overload(symbol)
    def binary(a, b):  # type: ignore[no-untyped-def]
        if isinstance(a, _LanesType) or isinstance(b, _LanesType):
            return lambda a, b: function(a, b)  # noqa: PLW0108 - numba compares signatures
        return None


_overload(operator.add, _add)
_overload(operator.sub, _subtract)
_overload(operator.mul, _multiply)
_overload(operator.truediv, _divide)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, offset: Any) -> Any:
    data = cgutils.create_struct_proxy(kind)(context, builder, array).data
    return builder.gep(data, [offset])


@_intrinsic
def no_lanes(typing_context: Any) -> Any:
    """A Lanes value of zeros."""
    zeros = ir.Constant(_ROW, [_constant(_VECTOR, 0.0)] * _REGISTERS)
    return _lanes(), lambda context, builder, signature, values: zeros


@_intrinsic
def width(typing_context: Any, like: Any) -> Any:
    """The number of float32 values in ``like``: LANES, or 1 for a scalar."""
    count = LANES if isinstance(like, _LanesType) else 1
    return types.intp(like), lambda context, builder, signature, values: ir.Constant(_WORD, count)


@_intrinsic
def load(typing_context: Any, array: Any, offset: Any, like: Any) -> Any:
    """Read as many values as ``like`` has from a flat float32 array; bounds are the caller's."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], values[0], values[1])
        if not isinstance(like, _LanesType):
            return builder.load(pointer)
        first = builder.bitcast(pointer, _VECTOR.as_pointer())
        pointers = [builder.gep(first, [ir.Constant(_WORD, index)]) for index in range(_REGISTERS)]
        return _pack(builder, [builder.load(pointer, align=4) for pointer in pointers])

    result = _lanes if isinstance(like, _LanesType) else types.float32
    return result(array, types.intp, like), generate


@_intrinsic
def store(typing_context: Any, array: Any, offset: Any, value: Any) -> Any:
    """Write lanes or a scalar into a flat float32 array; bounds are the caller's."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], values[0], values[1])
        if isinstance(value, _LanesType):
            first = builder.bitcast(pointer, _VECTOR.as_pointer())
            for index, vector in enumerate(_unpack(builder, values[2])):
                builder.store(vector, builder.gep(first, [ir.Constant(_WORD, index)]), align=4)
        else:
            builder.store(context.cast(builder, values[2], value, types.float32), pointer)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@_intrinsic
def accumulate(typing_context: Any, totals: Any, value: Any) -> Any:
    """Add lanes to the first LANES entries of a float64 array."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        start = _pointer(context, builder, signature.args[0], values[0], ir.Constant(_WORD, 0))
        first = builder.bitcast(start, _DOUBLES.as_pointer())
        for index, vector in enumerate(_unpack(builder, values[1])):
            pointer = builder.gep(first, [ir.Constant(_WORD, index)])
            total = builder.fadd(builder.load(pointer, align=8), builder.fpext(vector, _DOUBLES))
            builder.store(total, pointer, align=8)
        return context.get_dummy_value()

    return types.void(totals, value), generate


@_intrinsic
def total(typing_context: Any, value: Any) -> Any:
    """The sum of all lanes in float64, in one fixed order."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        rows = [builder.fpext(row, _DOUBLES) for row in _unpack(builder, values[0])]
        folded = rows[0]
        for row in rows[1:]:
            folded = builder.fadd(folded, row)
        half = _REGISTER // 2
        while half:
            upper = [*range(half, 2 * half), *range(half, _REGISTER)][:_REGISTER]
            mask = ir.Constant(_INTS, upper)
            folded = builder.fadd(folded, builder.shuffle_vector(folded, folded, mask))
            half //= 2
        return builder.extract_element(folded, ir.Constant(_INT, 0))

    return types.float64(value), generate


@_intrinsic
def any_positive(typing_context: Any, value: Any) -> Any:
    """Whether at least one lane is greater than zero."""

    def generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        zero = _constant(_VECTOR, 0.0)
        flags = [builder.fcmp_ordered(">", row, zero) for row in _unpack(builder, values[0])]
        some = flags[0]
        for flag in flags[1:]:
            some = builder.or_(some, flag)
        mask = builder.bitcast(some, ir.IntType(_REGISTER))
        return builder.icmp_unsigned("!=", mask, ir.Constant(mask.type, 0))

    return types.boolean(value), generate
