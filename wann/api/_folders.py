"""Run folders: a fresh one, and what one that is there belongs to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..files import read_toml
from ..runs import RunFolder, fresh_folder

__all__ = ["prunes", "run_folder"]


@contextmanager
def run_folder(given: Path | str | None, name: str, seed: int) -> Iterator[Path]:
    """The given folder, or a fresh one such as ``results/runs/NAME-seed3-1`` that no other run uses.

    A fresh one that stays empty is removed again.

    Raises:
        BadInput: a fresh one cannot be made.
    """
    if given is not None:
        yield Path(given)
        return
    path = fresh_folder(name, seed)
    try:
        yield path
    finally:
        with suppress(OSError):  # there is something in it
            path.rmdir()


def prunes(run: Path | str) -> bool:
    """Whether a run folder is of pruning, not of a search.

    Raises:
        BadInput: no run folder, one of which a part is a link, or a configuration that is not TOML.
    """
    folder = RunFolder.existing(Path(run))
    return read_toml(folder.config).get("kind") == "prune"
