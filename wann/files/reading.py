"""Files of limited size and depth: bytes, JSON, TOML, tables."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import re
import stat
import tomllib
import zlib
from array import array
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, TextIO

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput

__all__ = ["LARGEST_TABLE", "gunzip", "read_bytes", "read_json", "read_rows", "read_table", "read_toml"]

LARGEST_TABLE: Final = 256 * 2**20
"""Bytes of a CSV table that are read at most."""

_DEEPEST: Final = 32
"""Lists and tables within each other: more than any file of ours has, less than Python's stack bears."""
_MOST_CONTAINERS: Final = 1_500_000
_LARGEST_TOML: Final = 2**20
_TOML_STRING: Final = re.compile(rb'"[^"\\\n]*(?:\\.[^"\\\n]*)*"|\'[^\'\n]*\'')
_TOML_MARK: Final = re.compile(rb"[=,\[\]{}\n]")
_BLOCK: Final = 2**16
_WIDEST_TABLE: Final = 10_000
_CONTAINERS: Final = (dict, list)
_GZIP: Final = b"\x1f\x8b"


@contextmanager
def _opened(path: Path, largest: int) -> Iterator[BinaryIO]:
    """A plain file of limited size, open for reading."""
    try:
        # A pipe without a writer would otherwise keep us waiting.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadInput(f"{path}: cannot be read ({reason})") from None
    try:
        found = os.fstat(descriptor)
        if stat.S_ISDIR(found.st_mode):
            raise BadInput(f"{path}: a directory; name a file")
        if not stat.S_ISREG(found.st_mode):
            raise BadInput(f"{path}: no regular file; copy what it gives into one")
        if found.st_size > largest:
            raise _too_large(path, largest)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            yield file
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror})") from None
    finally:
        os.close(descriptor)


def _too_large(path: Path, largest: int) -> BadInput:
    return BadInput(f"{path}: larger than {largest:,} bytes, the most that is accepted")


def read_bytes(path: Path, largest: int) -> bytes:
    """The contents of a regular file of limited size in bytes.

    Raises:
        BadInput: it cannot be read, is no regular file, or is larger.
    """
    with _opened(path, largest) as file:
        # As much memory as it is large, not as it may be; then what it has grown by meanwhile.
        content = file.read(os.fstat(file.fileno()).st_size + 1)
        while len(content) <= largest and (more := file.read(_BLOCK)):
            content += more
    if len(content) > largest:
        raise _too_large(path, largest)
    return content


def gunzip(path: Path, content: bytes, largest: int) -> bytes:
    """What gzip packed, or the content itself if it does not begin as gzip's does.

    Raises:
        BadInput: it is damaged, or unpacks to more bytes than accepted.
    """
    if not content.startswith(_GZIP):
        return content
    try:
        with gzip.open(io.BytesIO(content)) as stream:
            unpacked = stream.read(largest + 1)
    except (EOFError, OSError, zlib.error) as error:
        raise BadInput(f"{path}: damaged or cut short ({error})") from None
    if len(unpacked) > largest:
        raise BadInput(f"{path}: unpacks to more than {largest:,} bytes, the most that is accepted")
    return unpacked


def read_json(path: Path, largest: int) -> Any:
    """The value that a JSON file holds.

    Raises:
        BadInput: see ``read_bytes``; no JSON, or lists and objects that are too many or nested too deeply.
    """
    content = read_bytes(path, largest)
    if content.count(b"[") + content.count(b"{") > _MOST_CONTAINERS:  # two bytes that take 64 in memory
        raise BadInput(f"{path}: more than {_MOST_CONTAINERS:,} lists and objects, the most that is accepted")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not JSON ({error})") from None
    return _shallow(path, document)


def read_toml(path: Path) -> dict[str, Any]:
    """The table that a TOML file holds.

    Raises:
        BadInput: see ``read_bytes``; no TOML, or arrays and tables nested too deeply.
    """
    content = read_bytes(path, _LARGEST_TOML)
    bare = _TOML_STRING.sub(b"", content).translate(None, b" \t")
    if any(part.count(b".") > _DEEPEST for part in _TOML_MARK.split(bare)):  # on which tomllib spends hours
        raise BadInput(f"{path}: nested more than {_DEEPEST} levels deep")
    try:
        document = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:  # tomllib lets numbers of 5,000 digits fail as they do
        raise BadInput(f"{path}: not TOML ({error})") from None
    checked: dict[str, Any] = _shallow(path, document)
    return checked


def _shallow(path: Path, document: Any) -> Any:
    """The document, if its containers are not nested beyond what may be walked recursively."""
    level = [document] if isinstance(document, _CONTAINERS) else []
    for _ in range(_DEEPEST):
        children = (item.values() if isinstance(item, dict) else item for item in level)
        level = [child for held in children for child in held if isinstance(child, _CONTAINERS)]
        if not level:
            return document
    raise BadInput(f"{path}: nested more than {_DEEPEST} levels deep")


def read_rows(path: Path) -> Iterator[list[str]]:
    """The rows of a CSV table one by one, its header first; all have as many cells as the header.

    Raises:
        BadInput: see ``read_bytes``; no table in UTF-8, a cell of more than 131,072 characters, rows of
            unequal length, or a column that is named twice.
    """
    with _opened(path, LARGEST_TABLE) as file:
        text: TextIO = io.TextIOWrapper(file, "utf-8", newline="")
        reader = csv.reader(text, strict=True)
        width = None
        try:
            for row in reader:
                if width is None:
                    width = len(row)
                    if width > _WIDEST_TABLE or len(set(row)) != width:
                        raise BadInput(f"{path}: no table: a column is named twice, or there are too many")
                if len(row) != width:
                    raise BadInput(
                        f"{path}: no table: line {reader.line_num} has {len(row)} cells, the header {width}"
                    )
                yield row
        except (csv.Error, UnicodeDecodeError) as error:
            raise BadInput(f"{path}: no table (line {reader.line_num + 1}: {error})") from None
    if width is None:
        raise BadInput(f"{path}: no table: it is empty")


def read_table(
    path: Path, needed: Collection[str] = (), words: Collection[str] = ()
) -> tuple[dict[str, NDArray[np.float64]], dict[str, list[str]]]:
    """A CSV table by columns.

    Args:
        path: the file.
        needed: columns that must be there.
        words: columns of words; all others hold numbers.

    Returns:
        float64[rows] by the column's name, and the columns of words.

    Raises:
        BadInput: see ``read_rows``; a column that is missing, or a cell that is no number.
    """
    rows = read_rows(path)
    header = next(rows)
    for name in (*needed, *words):
        if name not in header:
            raise BadInput(f"{path}: no table of these columns: {name!r} is missing")
    numeric = [place for place, name in enumerate(header) if name not in words]
    numbers, texts = array("d"), {name: list[str]() for name in words}
    for line, row in enumerate(rows, 2):
        try:
            numbers.extend([float(row[place]) for place in numeric])
        except ValueError as error:
            raise BadInput(f"{path}: no table of numbers (row {line}: {error})") from None
        for name, column in texts.items():
            column.append(row[header.index(name)])
    table = np.array(numbers).reshape(-1, len(numeric)).T if numeric else np.empty((0, 0))
    return {header[place]: column for place, column in zip(numeric, table, strict=True)}, texts
