"""The parts of a run folder by name: nothing else in it is written or deleted, and no link is followed."""

from __future__ import annotations

import os
import re
import stat
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
        for part in sorted(path.iterdir()):
            if part.name in _FOLDERS:
                _check(part, "folder")
                for folder, folders, files in os.walk(part):
                    for names, kind in ((folders, "folder"), (files, "file")):
                        for name in names:
                            _check(Path(folder, name), kind)
            elif part.name in _FILES or _TEMPORARY.fullmatch(part.name):
                _check(part, "file")
    except OSError as error:
        raise BadInput(f"{error.filename or path}: cannot be read ({error.strerror})") from None


def _check(path: Path, kind: str) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:  # another process has renamed it meanwhile
        return
    if stat.S_ISLNK(mode):
        raise BadInput(
            f"{path}: a link to {path.readlink()}; in a run folder no link is followed: put the {kind} "
            "itself there"
        )
    if not (stat.S_ISDIR(mode) if kind == "folder" else stat.S_ISREG(mode)):
        raise BadInput(f"{path}: not a plain {kind}, as that part of a run folder must be")


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
