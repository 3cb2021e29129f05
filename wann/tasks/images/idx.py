"""IDX files, the format in which MNIST is distributed, read with all checks."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...errors import BadInput
from ...files import gunzip, read_bytes

__all__ = ["LARGEST_IDX", "parse_idx", "read_idx", "unpack_idx"]

_BYTES: Final = 8  # IDX code of unsigned bytes, the only type that images come in
LARGEST_IDX: Final = 64 * 2**20  # 60,000 images of 28 x 28 pixels take 45


def read_idx(path: Path) -> bytes:
    """The content of a file, unpacked if it is gzipped.

    Raises:
        BadInput: it cannot be read, is damaged, or is implausibly large.
    """
    return unpack_idx(path, read_bytes(path, LARGEST_IDX))


def unpack_idx(path: Path, content: bytes) -> bytes:
    """The same for content that has been read already."""
    return gunzip(path, content, LARGEST_IDX)


def parse_idx(content: bytes, dimensions: int, name: Path) -> NDArray[np.uint8]:
    """The array of an IDX file: a header of big-endian sizes, then unsigned bytes.

    Raises:
        BadInput: another format, another number of dimensions, or a file that is cut short.
    """
    header = 4 + 4 * dimensions
    if len(content) < header or content[:3] != bytes([0, 0, _BYTES]):
        raise BadInput(f"{name}: not an IDX file of bytes")
    if content[3] != dimensions:
        kinds = {1: "labels", 3: "images"}
        actual = kinds.get(content[3], f"{content[3]} dimensions")
        raise BadInput(f"{name}: contains {actual} where {kinds[dimensions]} are expected")
    shape = np.frombuffer(content, ">u4", dimensions, 4).tolist()
    if len(content) - header != math.prod(shape):
        raise BadInput(
            f"{name}: damaged or cut short; its header announces {math.prod(shape):,} bytes, "
            f"there are {len(content) - header:,}"
        )
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)
