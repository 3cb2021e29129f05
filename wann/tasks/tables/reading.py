"""Labelled rows from CSV and npz files, and from arrays, checked: finite features, at least two classes."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import BadInput
from ...files import npz_bytes, parse_npz, read_bytes, read_rows

__all__ = ["PARTS", "TABLE_SUFFIXES", "Table", "npz_of", "parse_labelled", "read_labelled"]

TABLE_SUFFIXES: Final = (".csv", ".npz")
PARTS: Final = ("train", "validation", "test")
_LARGEST_NPZ: Final = 2**30
_MOST_CLASSES: Final = 1000
_LARGEST_FEATURE: Final = 1e30  # networks compute with 32 bits
_WHOLE: Final = re.compile(r"[+-]?\d{1,18}")
_ACCEPTED: Final = "accepted are X and y, or for each part X_train, y_train, X_validation, ..., y_test"

Array = NDArray[Any]


@dataclass(frozen=True)
class Table:
    """Labelled rows.

    Attributes:
        features: a name for each column.
        classes: a name for each class.
        values: float64[rows, features], finite.
        labels: int64[rows], classes from 0.
        part: int64[rows], which of ``PARTS`` each row belongs to; None where the file leaves that open.
        digest: SHA-256 of the file.
    """

    features: tuple[str, ...]
    classes: tuple[str, ...]
    values: NDArray[np.float64]
    labels: NDArray[np.int64]
    part: NDArray[np.int64] | None
    digest: str


def read_labelled(path: Path, label: str) -> Table:
    """Read a CSV file with a header, or an npz file with the arrays X and y.

    Args:
        path: the file.
        label: the column of a CSV file that holds the classes.

    Raises:
        BadInput: not such a file, no label column, a feature that is no finite number, no class for a row,
            fewer than two classes, or unequal lengths.
    """
    content = read_bytes(path, _LARGEST_NPZ)
    if path.suffix.lower() != ".csv":
        return parse_labelled(content, path)
    features, values, given = _csv(path, label)
    _check_features(values, features, f"{path}: ", 2)  # the first line is the header
    classes, labels = _classes(given, f"{path}: column {label!r}: ", 2)
    return Table(features, classes, values, labels, None, hashlib.sha256(content).hexdigest())


def parse_labelled(content: bytes, path: Path | None = None) -> Table:
    """The labelled rows of an npz file given as bytes; see ``read_labelled``.

    Args:
        content: the bytes.
        path: the file to name in messages; without it they speak of the arguments X and y.
    """
    features, values, given, part = _npz(path or Path("data.npz"), content)
    where = "" if path is None else f"{path}: "
    _check_features(values, features, f"{where}X: ", 0)
    classes, labels = _classes(given, f"{where}y: ", 0)
    return Table(features, classes, values, labels, part, hashlib.sha256(content).hexdigest())


def _csv(path: Path, label: str) -> tuple[tuple[str, ...], NDArray[np.float64], Array]:
    rows = read_rows(path)
    header = [column.removeprefix("\ufeff").strip() for column in next(rows)]
    if label not in header:
        raise BadInput(
            f"{path}: no column {label!r} for the classes; its columns are {', '.join(header)[:200]}: "
            "name one by task.label"
        )
    at = header.index(label)
    features = [column for place, column in enumerate(header) if place != at]
    numbers, labels = array("d"), list[str]()
    for line, row in enumerate(rows, 2):
        labels.append(row.pop(at).strip())
        for column, cell in zip(features, row, strict=True):
            try:
                numbers.append(float(cell) if cell.strip() else np.nan)
            except ValueError:
                raise BadInput(
                    f"{path}: line {line}, column {column!r}: {cell[:40]!r} is no number; "
                    "features must be numbers"
                ) from None
    return tuple(features), np.array(numbers).reshape(len(labels), -1), np.array(labels)


def _npz(
    path: Path, content: bytes
) -> tuple[tuple[str, ...], NDArray[np.float64], Array, NDArray[np.int64] | None]:
    arrays = parse_npz(path, content, _LARGEST_NPZ, "an archive of labelled rows", texts=True)
    parts = [""] if "X" in arrays or "y" in arrays else [f"_{part}" for part in PARTS]
    for key in (f"{letter}{part}" for letter in "Xy" for part in parts):
        if key not in arrays:
            raise BadInput(f"{path}: no array {key}; it holds {', '.join(arrays) or 'none'}; {_ACCEPTED}")
    values = [_rows(arrays[f"X{part}"], f"{path}: X{part}") for part in parts]
    labels = [arrays[f"y{part}"] for part in parts]
    for part, rows, given in zip(parts, values, labels, strict=True):
        if given.ndim != 1 or len(given) != len(rows):
            raise BadInput(f"{path}: {len(rows):,} rows in X{part}, but y{part} has the shape {given.shape}")
        if rows.shape[1] != values[0].shape[1]:
            raise BadInput(
                f"{path}: {rows.shape[1]} features in X{part}, but {values[0].shape[1]} in X{parts[0]}"
            )
    columns = values[0].shape[1]
    named = arrays.get("features", np.array([f"feature {n}" for n in range(1, columns + 1)]))
    if named.dtype.kind != "U" or named.shape != (columns,):
        raise BadInput(f"{path}: features must be {columns} names, one for each column of X")
    number = np.repeat(np.arange(len(parts)), [len(rows) for rows in values])
    return (
        tuple(str(one) for one in named.tolist()),
        np.concatenate(values),
        np.concatenate(labels),
        number if len(parts) > 1 else None,
    )


def _rows(values: Array, where: str) -> NDArray[np.float64]:
    if values.dtype.kind not in "fiub":
        raise BadInput(f"{where} holds text; features must be numbers")
    if values.ndim < 2 or not values.size:
        raise BadInput(f"{where} has the shape {values.shape}; accepted are rows of features")
    return values.reshape(len(values), -1).astype(np.float64)


def _check_features(values: NDArray[np.float64], features: Sequence[str], where: str, first: int) -> None:
    if not values.size:
        raise BadInput(f"{where}no rows, or no features")
    wrong = np.argwhere(~(np.abs(values) <= _LARGEST_FEATURE))  # NaN is not
    if len(wrong):
        row, column = wrong[0].tolist()
        value = float(values[row, column])
        found = "missing (empty or NaN)" if np.isnan(value) else f"{value:g}, too large"
        at = f"line {row + first}" if first else f"row {row}"
        raise BadInput(
            f"{where}{at}, column {features[column]!r} is {found}; {len(wrong):,} in all: fill or drop them"
        )


def _classes(given: Array, where: str, first: int) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Names of the classes, sorted, and the class of each row."""
    if given.dtype.kind == "f":
        if not np.isfinite(given).all() or (given % 1 != 0).any():
            wrong = given[~np.isfinite(given) | (given % 1 != 0)][0]
            raise BadInput(f"{where}{wrong:g} is no class; classes are whole numbers or text")
        given = given.astype(np.int64)
    if given.dtype.kind == "U":
        empty = np.flatnonzero(np.char.str_len(given) == 0)
        if len(empty):
            at = f"line {empty[0] + first}" if first else f"row {empty[0]}"
            raise BadInput(f"{where}{at} has no class; {len(empty):,} in all: fill or drop them")
        if all(_WHOLE.fullmatch(one) for one in np.unique(given).tolist()):
            given = given.astype(np.int64)
    found, labels = np.unique(given, return_inverse=True)
    if len(found) < 2:
        raise BadInput(f"{where}one class only ({found[0]}); classification needs at least two")
    if len(found) > _MOST_CLASSES:
        raise BadInput(f"{where}{len(found):,} classes; accepted are at most {_MOST_CLASSES:,}")
    return tuple(map(str, found.tolist())), labels.astype(np.int64)


def npz_of(features: ArrayLike, labels: ArrayLike) -> bytes:
    """The bytes of an npz file with the rows that somebody holds as arrays, or as pandas objects.

    Args:
        features: float[rows, features]; its ``columns``, if it has any, are the names.
        labels: int or str [rows].

    Raises:
        BadInput: unequal lengths, or text among the features.
    """
    columns = getattr(features, "columns", None)
    values, given = np.asarray(features), np.asarray(labels)
    if values.dtype.kind == "O":
        try:
            values = values.astype(np.float64)
        except (ValueError, TypeError) as error:
            raise BadInput(
                f"a feature is no number ({error}); encode text as numbers", argument="X"
            ) from None
    if values.dtype.kind not in "fiub":
        raise BadInput(f"holds {values.dtype}; features must be numbers", argument="X")
    if values.ndim < 2 or not values.size:
        raise BadInput(f"has the shape {values.shape}; accepted are rows of features", argument="X")
    if given.ndim != 1 or len(given) != len(values):
        raise BadInput(f"has the shape {given.shape} for {len(values):,} rows of X", argument="y")
    if given.dtype.kind not in "fiubU":
        missing = [place for place, one in enumerate(given.tolist()) if one is None or one != one]  # noqa: PLR0124
        if missing:
            raise BadInput(f"row {missing[0]} has no class; {len(missing):,} in all", argument="y")
        given = given.astype(str)
    if given.dtype.kind == "b":
        given = given.astype(str)
    arrays: dict[str, Array] = {"X": values.astype(np.float64), "y": given}
    if columns is not None:
        arrays["features"] = np.array([str(column) for column in columns])
    return npz_bytes(arrays)
