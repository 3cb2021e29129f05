"""The parts of a run folder by name: nothing else in it is written or deleted, and no link is followed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..errors import BadInput

__all__ = ["LOCK", "check_parts", "contents", "leftovers", "members"]

LOCK: Final = ".lock"
_FOLDERS: Final = {"front", "failures", "checkpoints", "figures", "rounds"}
_FILES: Final = {
    *("config.toml", "manifest.json", "metrics.csv", "timing.csv", "learning.csv"),
    *("champion.json", "initial.npz", "report.html", LOCK),
}
_TEMPORARY: Final = re.compile(r"\..+\.\d+\.(tmp|part)")
_OF_REPORT: Final = re.compile(r"\.report\.html\..*")
_MEMBERS: Final = {
    "checkpoints": re.compile(r"\d{8,}\.npz"),
    "front": re.compile(r"\d{5,}-connections\.json|front\.csv"),
}


def check_parts(path: Path) -> None:
    """Refuse a run folder of which a part is a link, or is no plain file or folder.

    The folder itself may be a link, and what is not a part of a run may be what it likes: nobody touches it.

    Raises:
        BadInput: there is such a part; or the folder cannot be read.
    """
    try:
        for entry in os.scandir(path):
            if entry.name in _FOLDERS:
                _check(entry, "folder", right=entry.is_dir(follow_symlinks=False))
                _check_below(path / entry.name)
            elif entry.name in _FILES or _TEMPORARY.fullmatch(entry.name):
                _check(entry, "file", right=entry.is_file(follow_symlinks=False))
    except OSError as error:
        raise BadInput(f"{error.filename or path}: cannot be read ({error.strerror})") from None


def _check_below(folder: Path) -> None:
    waiting = [folder]
    while waiting:
        for entry in os.scandir(waiting.pop()):
            inner = entry.is_dir(follow_symlinks=False)
            _check(entry, "file", right=inner or entry.is_file(follow_symlinks=False))
            if inner:
                waiting.append(Path(entry.path))


def _check(entry: os.DirEntry[str], kind: str, *, right: bool) -> None:
    if entry.is_symlink():
        raise BadInput(
            f"{entry.path}: a link to {Path(entry.path).readlink()}; in a run folder no link is followed: "
            f"put the {kind} itself there"
        )
    if not right and os.path.lexists(entry.path):  # what another process has renamed meanwhile is neither
        raise BadInput(f"{entry.path}: not a plain {kind}, as that part of a run folder must be")


def contents(path: Path) -> list[str]:
    """Names of what lies in a folder, but for what a process that was killed at once may have left."""
    names = sorted(entry.name for entry in path.iterdir())
    return [name for name in names if name != LOCK and not _TEMPORARY.fullmatch(name)]


def leftovers(path: Path) -> Iterator[Path]:
    """Temporary files that writers of a run folder have left when they were killed.

    Not those of its pictures and report, which are drawn while others write.
    """
    for folder, _, files in os.walk(path):
        here = Path(folder).relative_to(path)
        if here.parts and here.parts[0] not in _FOLDERS - {"figures"}:
            continue
        for name in files:
            if _TEMPORARY.fullmatch(name) and not _OF_REPORT.fullmatch(name):
                yield Path(folder, name)


def members(folder: Path) -> list[Path]:
    """Files of ``checkpoints`` or ``front`` with names of our own, in order."""
    if not folder.is_dir():
        return []
    own = _MEMBERS[folder.name]
    return sorted(path for path in folder.iterdir() if own.fullmatch(path.name))
