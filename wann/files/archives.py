"""Archives of arrays (npz), all of whose headers are checked before the first array is unpacked."""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ..errors import BadInput
from .reading import read_bytes

__all__ = ["array_of", "npz_bytes", "parse_npz", "read_npz"]

Array = NDArray[Any]

_MOST_ARRAYS: Final = 20_000
_BLOCK: Final = 2**20
_ZIP_ENTRY: Final = b"PK\x01\x02"
_NPY: Final = struct.Struct("<6sBBH")
_NPY_HEADER: Final = re.compile(
    rb"\{'descr': '([<|][biuf][1248])', 'fortran_order': (True|False), 'shape': \(([0-9, ]*)\), \} *\n"
)
_NPY_HEADER_OF_TEXTS: Final = re.compile(
    _NPY_HEADER.pattern.replace(rb"[<|][biuf][1248]", rb"[<|][biuf][1248]|<U[1-9][0-9]{0,3}")
)
_UNREADABLE: Final = (
    *(ValueError, TypeError, LookupError, OSError, EOFError, RuntimeError, OverflowError, MemoryError),
    *(struct.error, zlib.error, zipfile.BadZipFile),
)
"""What numpy and zipfile raise on a damaged or forged archive."""


@dataclass(frozen=True)
class _Member:
    """An array in an archive, as described by its headers."""

    info: zipfile.ZipInfo
    kind: np.dtype[Any]
    shape: tuple[int, ...]
    order: Literal["C", "F"]
    begin: int


def read_npz(path: Path, largest: int, what: str) -> dict[str, Array]:
    """The arrays of an npz file by name; only booleans, integers and floats are accepted.

    Raises:
        BadInput: see ``read_bytes`` and ``parse_npz``.
    """
    return parse_npz(path, read_bytes(path, largest), largest, what)


def parse_npz(
    path: Path, content: bytes, largest: int, what: str, *, compressed: bool = True, texts: bool = False
) -> dict[str, Array]:
    """The arrays of an npz file given as bytes; the arrays are writable.

    Args:
        path: the file to name in messages.
        content: the bytes of the file.
        largest: the most bytes that all arrays together may take.
        what: the kind of file expected, for messages, such as ``"a checkpoint"``.
        compressed: whether arrays may be compressed.
        texts: whether arrays may hold text of a fixed length, too.

    Raises:
        BadInput: the bytes are not an archive of numeric arrays, or unpack to more than ``largest`` bytes.
    """
    methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) if compressed else (zipfile.ZIP_STORED,)
    try:
        return _arrays(content, largest, methods, _NPY_HEADER_OF_TEXTS if texts else _NPY_HEADER)
    except _UNREADABLE as error:
        raise BadInput(f"{path}: not {what} ({error or type(error).__name__})") from None


def _arrays(
    content: bytes, largest: int, methods: tuple[int, ...], header: re.Pattern[bytes]
) -> dict[str, Array]:
    if content.count(_ZIP_ENTRY) > _MOST_ARRAYS:  # before zipfile makes an object of each
        raise ValueError(f"more than {_MOST_ARRAYS:,} members")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {}
        for info in archive.infolist():
            name = info.filename.removesuffix(".npy")
            if name == info.filename or name in members:
                raise ValueError(f"{info.filename[:80]!r} is not an array, or occurs twice")
            if info.flag_bits & 1 or info.compress_type not in methods:
                raise ValueError(f"{name[:80]!r} is encrypted, or compressed by another method")
            members[name] = _member(archive, info, header)
        total = sum(member.info.file_size for member in members.values())
        if total > largest:
            raise ValueError(f"it unpacks to {total:,} bytes; at most {largest:,} are accepted")
        return {name: _unpacked(archive, member) for name, member in members.items()}


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, accepted: re.Pattern[bytes]) -> _Member:
    """Read the zip and npy headers of an array and check that they agree."""
    name = info.filename[:80]
    with archive.open(info) as file:
        magic, major, _, length = _NPY.unpack(file.read(_NPY.size))
        text = file.read(length) if (magic, major) == (b"\x93NUMPY", 1) else b""
    header = accepted.fullmatch(text)
    if header is None:
        raise ValueError(f"{name!r} does not hold plain numbers")
    kind, begin = np.dtype(header[1].decode()), _NPY.size + length
    shape = tuple(int(size) for size in header[3].decode().split(",") if size.strip())
    if begin + math.prod(shape) * kind.itemsize != info.file_size:
        raise ValueError(f"{name!r} is not of the size that its header states")
    return _Member(info, kind, shape, "F" if header[2] == b"True" else "C", begin)


def _unpacked(archive: zipfile.ZipFile, member: _Member) -> Array:
    """Read an array; zipfile verifies its checksum."""
    array: Array = np.empty(member.shape, member.kind, member.order)
    flat = array.reshape(-1, order=member.order).view(np.uint8)
    with archive.open(member.info) as file:
        file.read(member.begin)
        for begin in range(0, len(flat), _BLOCK):
            block = flat[begin : begin + _BLOCK]
            block[:] = np.frombuffer(file.read(len(block)), np.uint8)  # raises where the file is cut short
    if member.kind == np.bool_ and (flat > 1).any():
        raise ValueError(f"{member.info.filename[:80]!r} holds a boolean that is neither true nor false")
    if member.kind.kind == "U":
        array.astype(object)  # raises where a number is no letter
    return array


def array_of(
    arrays: Mapping[str, NDArray[Any]], name: str, kind: DTypeLike, shape: tuple[int | None, ...]
) -> Array:
    """The array of this name, checked to be exactly of this type and shape; None stands for any length.

    Raises:
        BadInput: the array is missing, or of another type or shape.
    """
    array = arrays.get(name)
    if array is None:
        raise BadInput(f"{name} is missing")
    fits = array.ndim == len(shape) and all(
        length in (None, size) for length, size in zip(shape, array.shape, strict=True)
    )
    if array.dtype != kind or not fits:
        sizes = tuple("any" if length is None else length for length in shape)
        accepted = f"{np.dtype(kind)} of shape ({', '.join(map(str, sizes))})"
        raise BadInput(f"{name} is {array.dtype} of shape {array.shape}; accepted is {accepted}")
    return array


def npz_bytes(arrays: Mapping[str, Array], *, compressed: bool = False) -> bytes:
    """The bytes of an npz file; equal arrays give equal bytes."""
    buffer = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()
