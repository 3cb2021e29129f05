"""The run folder: where everything that a search leaves behind has its place."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..files import LARGEST_TABLE, append_text, flush, read_bytes, read_table, write_atomically
from .checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from .lock import locked
from .parts import check_parts, contents, leftovers, members

__all__ = ["RunFolder"]

_KEPT: Final = 2  # checkpoints: the newest, and the one before should the newest be damaged


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run, and the rows that grow with it."""

    path: Path

    @property
    def config(self) -> Path:
        """The configuration as it was run."""
        return self.path / "config.toml"

    @property
    def manifest(self) -> Path:
        """Versions, machine, commit, times."""
        return self.path / "manifest.json"

    @property
    def metrics(self) -> Path:
        """A row for each generation; depends on configuration and seed alone."""
        return self.path / "metrics.csv"

    @property
    def timing(self) -> Path:
        """Seconds of each generation, by phase."""
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
        """Networks that could not be evaluated."""
        return self.path / "failures"

    @property
    def checkpoints(self) -> Path:
        """Where the search can go on."""
        return self.path / "checkpoints"

    @property
    def figures(self) -> Path:
        """Pictures."""
        return self.path / "figures"

    @property
    def report(self) -> Path:
        """The page that shows it all."""
        return self.path / "report.html"

    @classmethod
    @contextmanager
    def begun(
        cls, path: Path, config: str, *rooms: str, tell: Callable[[str], None] = lambda _: None
    ) -> Iterator[RunFolder]:
        """A new run, of which nobody else writes anything while the block lasts.

        The configuration comes first: whenever a process is killed here, there is either nothing yet, and the
        run can be begun again, or a configuration, with which it can be resumed.

        Args:
            path: a folder that is not there, or empty.
            config: what the run's configuration file is to say.
            rooms: folders to be in it, beside those that every run has.
            tell: told in a sentence if the folder cannot be locked.

        Raises:
            BadInput: it is not empty, cannot be written, or another process writes there.
        """
        folder = cls(path)
        with ExitStack() as stack:
            try:
                path.mkdir(parents=True, exist_ok=True)
                folder._check_empty()
                stack.enter_context(locked(path, tell))
                folder._check_empty()  # somebody may have been faster
                write_atomically(folder.config, config.encode())
                folder._furnish(rooms)
            except OSError as error:
                raise BadInput(f"--run {path}: cannot be written ({error.strerror})") from None
            yield folder

    @classmethod
    def existing(cls, path: Path) -> RunFolder:
        """A folder that a run has left, no part of it a link.

        Raises:
            BadInput: it is no run folder, or has a part that is a link.
        """
        folder = cls(path)
        if path.is_dir():
            check_parts(path)
        if not folder.config.is_file():
            raise BadInput(f"{path}: no run folder (it has no config.toml); begin one with `wann search`")
        return folder

    @contextmanager
    def writing(self, *rooms: str, tell: Callable[[str], None] = lambda _: None) -> Iterator[None]:
        """Be the only one who writes in a folder that a run has left, while the block lasts; see ``begun``.

        Raises:
            BadInput: it cannot be written, or another process writes there.
        """
        with ExitStack() as stack:
            try:
                stack.enter_context(locked(self.path, tell))
                self._furnish(rooms)
            except OSError as error:
                raise BadInput(f"{self.path}: cannot be written ({error.strerror})") from None
            yield

    def _check_empty(self) -> None:
        found = contents(self.path)
        if self.config.name in found:
            raise BadInput(f"--run {self.path}: holds a run; name a new folder, or `wann resume {self.path}`")
        if found:
            raise BadInput(f"--run {self.path}: not empty; name a new folder")

    def _furnish(self, rooms: Sequence[str]) -> None:
        for path in leftovers(self.path):
            path.unlink(missing_ok=True)
        for room in (*rooms, self.checkpoints.name, self.figures.name):
            (self.path / room).mkdir(exist_ok=True)

    def write_json(self, path: Path, document: Mapping[str, Any]) -> None:
        """Write a JSON document, as a whole or not at all."""
        write_atomically(path, (json.dumps(document, indent=1) + "\n").encode())

    def save(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint, and the one before it; the rows that it relies on reach the disk first."""
        for table in (self.metrics, self.timing):
            if table.exists():
                flush(table)
        save_checkpoint(self.checkpoints / f"{checkpoint.generation:08d}.npz", checkpoint)
        for old in members(self.checkpoints)[:-_KEPT]:
            old.unlink(missing_ok=True)

    def clear_front(self) -> None:
        """Remove the networks of an earlier front, and their table."""
        for path in members(self.front):
            path.unlink(missing_ok=True)

    def newest_checkpoint(self) -> Checkpoint | None:
        """The newest whole checkpoint, or None if none was written yet.

        Raises:
            BadInput: there are checkpoints, and all are damaged.
        """
        complaint = None
        for path in reversed(members(self.checkpoints)):
            try:
                return load_checkpoint(path)
            except BadInput as error:
                complaint = complaint or error
        if complaint:
            raise complaint
        return None

    def append(self, path: Path, row: Mapping[str, float | str]) -> None:
        """Add a row to a table, with its header if it is the first."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if not path.exists() or path.stat().st_size == 0:
            writer.writerow(row)
        writer.writerow([_cell(value) for value in row.values()])
        append_text(path, text.getvalue())

    def cut(self, path: Path, end: int, needed: Sequence[int] | None = None, of: str = "generation") -> None:
        """Cut a table back to the rows whose first number, of a generation or a round, is below ``end``.

        A last row without an end, half written when the disk was full, counts for nothing.

        Args:
            path: the table.
            end: the first number that goes.
            needed: the numbers that must be left, in this order; any if not given.
            of: what the numbers are of.

        Raises:
            BadInput: other numbers are left than are needed; nothing is written then.
        """
        content = read_bytes(path, LARGEST_TABLE) if path.exists() else b""
        header, *rows = [line for line in content.splitlines(keepends=True) if line.endswith(b"\n")] or [b""]
        try:
            kept = [(number, row) for row in rows if (number := int(row.partition(b",")[0])) < end]
        except ValueError:
            raise BadInput(f"{path}: a row does not begin with a number") from None
        found = [number for number, _ in kept]
        if needed is not None and found != list(needed):
            raise BadInput(f"{path}: {_difference(of, end, found, needed)}")
        if path.exists():
            write_atomically(path, *((header, *(row for _, row in kept)) if kept else ()))

    def columns(self, path: Path) -> dict[str, NDArray[np.float64]]:
        """A table's columns by name, float64[rows].

        Raises:
            BadInput: it is missing or damaged.
        """
        return read_table(path)[0]


def _difference(of: str, end: int, found: Sequence[int], needed: Sequence[int]) -> str:
    """What is wrong with the first numbers of a table's rows."""
    for row, (number, right) in enumerate(zip(found, needed, strict=False), 1):
        if number != right:
            return f"row {row} is of {of} {number}, where one of {of} {right} belongs"
    return f"{len(found)} rows, but the checkpoint stands after {end} {of}s and needs {len(needed)}"


def _cell(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return str(int(value)) if isinstance(value, (int, np.integer)) else repr(float(value))
