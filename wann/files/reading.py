"""Readers of bytes, JSON, TOML and CSV tables, within limits of size and depth."""

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
"""The most bytes of a CSV table that are read."""

_DEEPEST: Final = 32
"""Levels of nested lists and tables: more than any of our files has, fewer than Python's stack allows."""
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
    """Open a regular file of limited size for reading."""
    try:
        # Without O_NONBLOCK, opening a pipe that has no writer would block.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadInput(f"{path}: cannot be read ({reason})") from None
    try:
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            raise BadInput(f"{path}: a directory; name a file")
        if not stat.S_ISREG(status.st_mode):
            raise BadInput(f"{path}: not a regular file; copy its content into one")
        if status.st_size > largest:
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
    """The content of a regular file of at most ``largest`` bytes.

    Raises:
        BadInput: the file cannot be read, is not a regular file, or is larger.
    """
    with _opened(path, largest) as file:
        # Allocate the size it has, not the size it may have; then read what it has grown by meanwhile.
        content = file.read(os.fstat(file.fileno()).st_size + 1)
        while len(content) <= largest and (more := file.read(_BLOCK)):
            content += more
    if len(content) > largest:
        raise _too_large(path, largest)
    return content


def gunzip(path: Path, content: bytes, largest: int) -> bytes:
    """Decompressed gzip content; content that does not begin like gzip is returned unchanged.

    Raises:
        BadInput: the content is damaged, or unpacks to more than ``largest`` bytes.
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
    """The value in a JSON file.

    Raises:
        BadInput: see ``read_bytes``; not JSON, too many lists and objects, or nested too deeply.
    """
    content = read_bytes(path, largest)
    if content.count(b"[") + content.count(b"{") > _MOST_CONTAINERS:  # two bytes each, but 64 in memory
        raise BadInput(f"{path}: more than {_MOST_CONTAINERS:,} lists and objects, the most that is accepted")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path}: not JSON ({error})") from None
    return _shallow(path, document)


def read_toml(path: Path) -> dict[str, Any]:
    """The table in a TOML file.

    Raises:
        BadInput: see ``read_bytes``; not TOML, or nested too deeply.
    """
    content = read_bytes(path, _LARGEST_TOML)
    bare = _TOML_STRING.sub(b"", content).translate(None, b" \t")
    if any(part.count(b".") > _DEEPEST for part in _TOML_MARK.split(bare)):  # tomllib would take hours
        raise BadInput(f"{path}: nested more than {_DEEPEST} levels deep")
    try:
        document = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:  # ValueError: a number of 5,000 digits too
        raise BadInput(f"{path}: not TOML ({error})") from None
    checked: dict[str, Any] = _shallow(path, document)
    return checked


def _shallow(path: Path, document: Any) -> Any:
    """The document, checked to be nested no deeper than can be walked recursively."""
    level = [document] if isinstance(document, _CONTAINERS) else []
    for _ in range(_DEEPEST):
        children = (item.values() if isinstance(item, dict) else item for item in level)
        level = [child for held in children for child in held if isinstance(child, _CONTAINERS)]
        if not level:
            return document
    raise BadInput(f"{path}: nested more than {_DEEPEST} levels deep")


def read_rows(path: Path) -> Iterator[list[str]]:
    """Iterate over the rows of a CSV table, header first; every row has as many cells as the header.

    Raises:
        BadInput: see ``read_bytes``; not a table in UTF-8, a cell of more than 131,072 characters, rows of
            unequal length, or a duplicate column name.
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
                        raise BadInput(f"{path}: not a table: duplicate column names, or too many columns")
                if len(row) != width:
                    cells = f"line {reader.line_num} has {len(row)} cells, the header {width}"
                    raise BadInput(f"{path}: not a table: {cells}")
                yield row
        except (csv.Error, UnicodeDecodeError) as error:
            raise BadInput(f"{path}: not a table (line {reader.line_num + 1}: {error})") from None
    if width is None:
        raise BadInput(f"{path}: not a table: it is empty")


def read_table(
    path: Path, needed: Collection[str] = (), words: Collection[str] = ()
) -> tuple[dict[str, NDArray[np.float64]], dict[str, list[str]]]:
    """Read a CSV table by columns.

    Args:
        path: the file.
        needed: names of the columns that must be present.
        words: names of the columns of text, which must be present too; all other columns hold numbers.

    Returns:
        The numeric columns by name, float64[rows] each, and the columns of text by name.

    Raises:
        BadInput: see ``read_rows``; a column is missing, or a cell is not a number.
    """
    rows = read_rows(path)
    header = next(rows)
    for name in (*needed, *words):
        if name not in header:
            raise BadInput(f"{path}: not a table with these columns: {name!r} is missing")
    numeric = [index for index, name in enumerate(header) if name not in words]
    numbers, texts = array("d"), {name: list[str]() for name in words}
    for line, row in enumerate(rows, 2):
        try:
            numbers.extend([float(row[index]) for index in numeric])
        except ValueError as error:
            raise BadInput(f"{path}: not a table of numbers (row {line}: {error})") from None
        for name, column in texts.items():
            column.append(row[header.index(name)])
    table = np.array(numbers).reshape(-1, len(numeric)).T if numeric else np.empty((0, 0))
    return {header[index]: column for index, column in zip(numeric, table, strict=True)}, texts
