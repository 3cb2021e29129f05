"""Messages between the driver and its workers: a JSON header and the bytes of arrays.

Nothing in a message is executed or unpickled, and a truncated message is refused. Ray transfers bytes
faster than any other object.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Arrays", "InvalidMessage", "narrow", "pack", "unpack"]

_KINDS: Final = {kind: np.dtype(kind) for kind in ("|i1", "|u1", "<u2", "<u4", "<i4", "<i8", "<f4", "<f8")}
_NARROW: Final = ((np.uint8, 2**8), (np.uint16, 2**16), (np.uint32, 2**32))
_ALIGNED: Final = 16  # bytes: the alignment of every array, which suits all kinds of numbers
_LENGTH: Final = 8

Arrays = Mapping[str, NDArray[Any]]


class InvalidMessage(ValueError):
    """Bytes that are not a valid message."""


def narrow(array: NDArray[Any]) -> NDArray[Any]:
    """Non-negative integers in the smallest type that holds them; other arrays are returned unchanged."""
    if not array.size:
        return array.astype(np.uint8)
    largest = array.max()
    if array.min() < 0:
        return array
    for kind, limit in _NARROW:
        if largest < limit:
            cast = array.astype(kind)
            return array if array.dtype.kind == "f" and not np.array_equal(cast, array) else cast
    return array


def pack(header: Mapping[str, Any], arrays: Arrays) -> bytes:
    """Encode a header of JSON values and arrays of integers or floats as one message."""
    shapes = [[name, array.dtype.str, list(array.shape)] for name, array in arrays.items()]
    text = json.dumps([header, shapes]).encode()
    text += b" " * (-(_LENGTH + len(text)) % _ALIGNED)
    parts = [len(text).to_bytes(_LENGTH, "little"), text]
    for array in arrays.values():
        parts += (array.tobytes(), bytes(-array.nbytes % _ALIGNED))
    return b"".join(parts)


def unpack(message: bytes) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Decode a message into its header and arrays; the arrays are writable.

    Raises:
        InvalidMessage: lengths, kinds and shapes do not fit the bytes.
    """
    try:
        start = _LENGTH + int.from_bytes(message[:_LENGTH], "little")
        header, shapes = json.loads(message[_LENGTH:start])
        arrays, data = {}, bytearray(message[start:])
        offset = 0
        for name, kind, shape in shapes:
            dtype = _KINDS[kind]
            if any(size < 0 for size in shape):
                raise InvalidMessage(f"a message with a shape of {shape}")
            count = int(np.prod(shape, dtype=object))
            arrays[str(name)] = np.frombuffer(data, dtype, count, offset).reshape(shape)
            offset += count * dtype.itemsize
            offset += -offset % _ALIGNED
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as error:
        raise InvalidMessage(f"{type(error).__name__}: {error}") from None
    if start > len(message) or offset != len(data) or not isinstance(header, dict):
        raise InvalidMessage(f"a message of {len(data)} bytes instead of {offset}")
    return header, arrays
