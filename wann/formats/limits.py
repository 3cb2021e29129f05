"""Guards for everything that is read: sizes first, then a schema."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ..errors import BadInput

__all__ = ["LARGEST_FILE", "LARGEST_GENES", "LARGEST_NODES", "read_bytes"]

LARGEST_FILE: Final = 64 * 2**20
"""Bytes of a network file that are read at most."""
LARGEST_NODES: Final = 100_000
LARGEST_GENES: Final = 1_000_000


def read_bytes(path: Path, largest: int) -> bytes:
    """The contents of a file of limited size.

    Raises:
        BadInput: it cannot be read, or is larger.
    """
    try:
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
    if len(content) > largest:
        raise BadInput(f"{path}: larger than {largest:,} bytes, the most that is accepted")
    return content
