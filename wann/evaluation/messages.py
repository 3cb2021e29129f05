"""What travels between the driver and its workers: plain numbers in flat bytes.

A message is a JSON header and the bytes of its arrays. Nothing in it is ever executed or unpickled,
and a message that was cut or altered is refused. Ray moves bytes faster than any other object.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Arrays", "Damaged", "narrow", "pack", "unpack"]

_KINDS: Final = {kind: np.dtype(kind) for kind in ("|i1", "|u1", "<u2", "<u4", "<i4", "<i8", "<f4", "<f8")}
_NARROW: Final = ((np.uint8, 2**8), (np.uint16, 2**16), (np.uint32, 2**32))
_ALIGNED: Final = 16  # bytes: every array begins where any kind of number may
_LENGTH: Final = 8

Arrays = Mapping[str, NDArray[Any]]


class Damaged(ValueError):
    """A message that is none."""


def narrow(array: NDArray[Any]) -> NDArray[Any]:
    """Whole numbers from zero on, in the smallest type that holds them; anything else as it is."""
    if not array.size:
        return array.astype(np.uint8)
    largest = array.max()
    if array.min() < 0:
        return array
    for kind, limit in _NARROW:
        if largest < limit:
            found = array.astype(kind)
            return array if array.dtype.kind == "f" and not np.array_equal(found, array) else found
    return array


def pack(header: Mapping[str, Any], arrays: Arrays) -> bytes:
    """One message of a header of JSON values and arrays of integers or floats."""
    shapes = [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()]
    text = json.dumps([header, shapes]).encode()
    text += b" " * (-(_LENGTH + len(text)) % _ALIGNED)
    parts = [len(text).to_bytes(_LENGTH, "little"), text]
    for array in arrays.values():
        parts += (array.tobytes(), bytes(-array.nbytes % _ALIGNED))
    return b"".join(parts)


def unpack(message: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Header and arrays of a message; the arrays may be written to.

    Raises:
        Damaged: lengths, kinds and shapes do not fit the bytes.
    """
    try:
        start = _LENGTH + int.from_bytes(message[:_LENGTH], "little")
        header, shapes = json.loads(message[_LENGTH:start])
        arrays, data = {}, bytearray(message[start:])
        offset = 0
        for name, kind, shape in shapes:
            dtype = _KINDS[kind]
            if any(size < 0 for size in shape):
                raise Damaged(f"a message with a shape of {shape}")
            count = int(np.prod(shape, dtype=object))
            arrays[str(name)] = np.frombuffer(data, dtype, count, offset).reshape(shape)
            offset += count * dtype.itemsize
            offset += -offset % _ALIGNED
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise Damaged(f"{type(error).__name__}: {error}") from None
    if start > len(message) or offset != len(data) or not isinstance(header, dict):
        raise Damaged(f"a message of {len(data)} bytes where {offset} were announced")
    return header, arrays
