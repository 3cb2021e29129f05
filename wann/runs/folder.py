"""The run folder: the paths of its files, its one writer, and its growing tables."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..files import LARGEST_TABLE, append_text, flush, read_bytes, read_table, write_atomically
from .checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from .lock import locked
from .parts import check_parts, contents, leftovers, members

__all__ = ["RunFolder"]

_KEPT: Final = 2  # checkpoints: the newest, and the one before in case the newest is damaged


@dataclass(frozen=True)
class RunFolder:
    """The files of a run, by path.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def config(self) -> Path:
        """The configuration of the run."""
        return self.path / "config.toml"

    @property
    def data(self) -> Path:
        """The data that networks are evolved on, where they came as arrays and not as a file."""
        return self.path / "data.npz"

    @property
    def ancestor(self) -> Path:
        """The network that the search starts from, if it was given one: a copy, without weights."""
        return self.path / "ancestor.json"

    @property
    def manifest(self) -> Path:
        """Package versions, machine, commit and times; see ``Manifest``."""
        return self.path / "manifest.json"

    @property
    def metrics(self) -> Path:
        """One row for each generation or pruned network; depends on the configuration and the seed alone."""
        return self.path / "metrics.csv"

    @property
    def timing(self) -> Path:
        """Seconds of each generation, by phase; varies from run to run."""
        return self.path / "timing.csv"

    @property
    def champion(self) -> Path:
        """The best network."""
        return self.path / "champion.json"

    @property
    def front(self) -> Path:
        """The non-dominated networks of the last generation."""
        return self.path / "front"

    @property
    def failures(self) -> Path:
        """The networks that could not be evaluated."""
        return self.path / "failures"

    @property
    def checkpoints(self) -> Path:
        """The newest checkpoints, from which the run can be resumed."""
        return self.path / "checkpoints"

    @property
    def figures(self) -> Path:
        """The pictures of the report."""
        return self.path / "figures"

    @property
    def report(self) -> Path:
        """The report, one HTML page."""
        return self.path / "report.html"

    @classmethod
    @contextmanager
    def create(
        cls,
        path: Path,
        config: str,
        *subfolders: str,
        tell: Callable[[str], None] = lambda _: None,
        files: Mapping[Path, bytes] = MappingProxyType({}),
    ) -> Iterator[RunFolder]:
        """Create a run folder, locked for this process while the block lasts.

        The configuration is written first, after the files that it may need. A process killed here thus
        leaves either no configuration, and the run can be started again, or one with which it can be resumed.

        Args:
            path: the folder, new or empty.
            config: the text of the configuration file.
            subfolders: folders to create in it, besides those that every run has.
            tell: receives a sentence if the file system does not support locks.
            files: contents of files that the run keeps from the beginning, such as its own data.

        Raises:
            BadInput: the folder is not empty, cannot be written, or is locked by another process.
        """
        folder = cls(path)
        with ExitStack() as stack:
            try:
                path.mkdir(parents=True, exist_ok=True)
                folder._check_empty()
                stack.enter_context(locked(path, tell))
                folder._check_empty()  # another process may have been faster
                for file, content in files.items():
                    write_atomically(file, content)
                write_atomically(folder.config, config.encode())
                folder._prepare(subfolders)
            except OSError as error:
                raise BadInput(f"{path}: cannot be written ({error.strerror})", argument="run") from None
            yield folder

    @classmethod
    def existing(cls, path: Path) -> RunFolder:
        """The folder of an existing run, checked to contain no symbolic link.

        Raises:
            BadInput: the path is not a run folder, or one of its files is a link.
        """
        folder = cls(path)
        if path.is_dir():
            check_parts(path)
        if not folder.config.is_file():
            raise BadInput(f"{path}: not a run folder (it has no config.toml); a search creates one")
        return folder

    @contextmanager
    def writing(self, *subfolders: str, tell: Callable[[str], None] = lambda _: None) -> Iterator[None]:
        """Lock the folder of an existing run for this process while the block lasts; see ``create``.

        Raises:
            BadInput: the folder cannot be written, or is locked by another process.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.path, tell))
                self._prepare(subfolders)
            except OSError as error:
                raise BadInput(f"{self.path}: cannot be written ({error.strerror})") from None
            yield

    def _check_empty(self) -> None:
        names = contents(self.path)
        if self.config.name in names:
            error = BadInput(f"{self.path}: contains a run already; name a new folder", argument="run")
            error.resume = self.path
            raise error
        if names:
            raise BadInput(f"{self.path}: not empty; name a new folder", argument="run")

    def _prepare(self, subfolders: Sequence[str]) -> None:
        for path in leftovers(self.path):
            path.unlink(missing_ok=True)
        for name in (*subfolders, self.checkpoints.name, self.figures.name):
            (self.path / name).mkdir(exist_ok=True)

    def write_json(self, path: Path, document: Mapping[str, Any]) -> None:
        """Write a JSON document atomically."""
        write_atomically(path, (json.dumps(document, indent=1) + "\n").encode())

    def save(self, checkpoint: Checkpoint) -> None:
        """Save a checkpoint and keep the one before; the rows up to it are flushed to disk first."""
        for table in (self.metrics, self.timing):
            if table.exists():
                flush(table)
        save_checkpoint(self.checkpoints / f"{checkpoint.generation:08d}.npz", checkpoint)
        for old in members(self.checkpoints)[:-_KEPT]:
            old.unlink(missing_ok=True)

    def clear_front(self) -> None:
        """Remove the networks of an earlier front and their table."""
        for path in members(self.front):
            path.unlink(missing_ok=True)

    def newest_checkpoint(self) -> Checkpoint | None:
        """The newest intact checkpoint, or None if none was written yet.

        Raises:
            BadInput: all checkpoints are damaged.
        """
        newest_error = None
        for path in reversed(members(self.checkpoints)):
            try:
                return load_checkpoint(path)
            except BadInput as error:
                newest_error = newest_error or error
        if newest_error:
            raise newest_error
        return None

    def append(self, path: Path, row: Mapping[str, float | str]) -> None:
        """Append a row to a table, after a header if the table is empty."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if not path.exists() or path.stat().st_size == 0:
            writer.writerow(row)
        writer.writerow([_cell(value) for value in row.values()])
        append_text(path, text.getvalue())

    def truncate(
        self, path: Path, end: int, needed: Sequence[int] | None = None, of: str = "generation"
    ) -> None:
        """Truncate a table to the rows whose first cell, a generation or a round, is below ``end``.

        An incomplete last row, written when the disk became full, is dropped.

        Args:
            path: the table.
            end: the first generation or round to drop.
            needed: the numbers that must remain, in this order; not checked if None.
            of: what the numbers count, for messages.

        Raises:
            BadInput: other numbers remain than are needed; the file is then left unchanged.
        """
        content = read_bytes(path, LARGEST_TABLE) if path.exists() else b""
        header, *rows = [line for line in content.splitlines(keepends=True) if line.endswith(b"\n")] or [b""]
        try:
            kept = [(number, row) for row in rows if (number := int(row.partition(b",")[0])) < end]
        except ValueError:
            raise BadInput(f"{path}: a row does not begin with a number") from None
        numbers = [number for number, _ in kept]
        if needed is not None and numbers != list(needed):
            raise BadInput(f"{path}: {_difference(of, end, numbers, needed)}")
        if path.exists():
            write_atomically(path, *((header, *(row for _, row in kept)) if kept else ()))

    def columns(self, path: Path) -> dict[str, NDArray[np.float64]]:
        """A table's columns by name, float64[rows] each.

        Raises:
            BadInput: the table is missing or damaged.
        """
        return read_table(path)[0]


def _difference(of: str, end: int, numbers: Sequence[int], needed: Sequence[int]) -> str:
    """Describe the first difference between the numbers of a table's rows and those needed."""
    for row, (number, expected) in enumerate(zip(numbers, needed, strict=False), 1):
        if number != expected:
            return f"row {row} is of {of} {number}, expected {of} {expected}"
    return f"{len(numbers)} rows, but the checkpoint after {end} {of}s needs {len(needed)}"


def _cell(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return str(int(value)) if isinstance(value, (int, np.integer)) else repr(float(value))
