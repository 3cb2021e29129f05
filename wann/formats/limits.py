"""Guards for everything that is read: sizes first, then a schema, and one sentence if it fails."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from ..errors import BadInput

__all__ = ["LARGEST_FILE", "LARGEST_GENES", "LARGEST_NODES", "explain", "read_bytes"]

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
        raise BadInput(f"{path}: larger than {largest:,} bytes, which no network file is")
    return content


def explain(error: ValidationError) -> str:
    """The first complaint of a schema in one clause: where, what was found, what is accepted."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "document"
    message = first["msg"].removeprefix("Value error, ")
    found = first.get("input")
    if first["type"] in ("missing", "value_error", "extra_forbidden"):
        return f"{where}: {message[0].lower()}{message[1:]}"
    shown = repr(found)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return f"{where}: {message[0].lower()}{message[1:]}, found {shown}"
