"""The run folder: where everything that a search leaves behind has its place."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..files import LARGEST_TABLE, append_text, flush, read_bytes, read_table, write_atomically
from .checkpoint import Checkpoint, load_checkpoint, save_checkpoint

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
    def create(cls, path: Path, *rooms: str) -> RunFolder:
        """A fresh folder with these folders in it, beside those that every run has.

        Raises:
            BadInput: it exists and is not empty, or cannot be written.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            if any(path.iterdir()):
                raise BadInput(f"--run {path}: not empty; name a new folder, or `wann resume {path}`")
            folder = cls(path)
            for room in (*rooms, folder.checkpoints.name, folder.figures.name):
                (path / room).mkdir()
        except OSError as error:
            raise BadInput(f"--run {path}: cannot be written ({error.strerror})") from None
        return folder

    @classmethod
    def existing(cls, path: Path) -> RunFolder:
        """A folder that a search has left.

        Raises:
            BadInput: it is no run folder.
        """
        folder = cls(path)
        if not folder.config.is_file():
            raise BadInput(f"{path}: no run folder (it has no config.toml)")
        return folder

    def write_json(self, path: Path, document: Mapping[str, Any]) -> None:
        """Write a JSON document, as a whole or not at all."""
        write_atomically(path, (json.dumps(document, indent=1) + "\n").encode())

    def save(self, checkpoint: Checkpoint) -> None:
        """Keep a checkpoint, and the one before it; the rows that it relies on reach the disk first."""
        for table in (self.metrics, self.timing):
            if table.exists():
                flush(table)
        save_checkpoint(self.checkpoints / f"{checkpoint.generation:08d}.npz", checkpoint)
        for old in sorted(self.checkpoints.glob("*.npz"))[:-_KEPT]:
            old.unlink(missing_ok=True)

    def newest_checkpoint(self) -> Checkpoint | None:
        """The newest whole checkpoint, or None if none was written yet.

        Raises:
            BadInput: there are checkpoints, and all are damaged.
        """
        complaint = None
        for path in sorted(self.checkpoints.glob("*.npz"), reverse=True):
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

    def truncate(self, path: Path, generations: int) -> int:
        """Cut a table back to the rows of the first generations; returns how many are there.

        A last row without an end, half written when the disk was full, counts for nothing.
        """
        if not path.exists():
            return 0
        content = read_bytes(path, LARGEST_TABLE)
        lines = [line for line in content.splitlines(keepends=True) if line.endswith(b"\n")]
        kept = lines[: generations + 1] if generations else []
        write_atomically(path, b"".join(kept))
        return max(0, len(kept) - 1)

    def columns(self, path: Path) -> dict[str, NDArray[np.float64]]:
        """A table's columns by name, float64[rows].

        Raises:
            BadInput: it is missing or damaged.
        """
        return read_table(path)[0]


def _cell(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return str(int(value)) if isinstance(value, (int, np.integer)) else repr(float(value))
