"""The files of a run folder by name: no others are written or deleted, and no link is followed."""

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
    *("champion.json", "ancestor.json", "data.npz", "initial.npz", "report.html", LOCK),
}
_ENCODER: Final = re.compile(r"encoder-[0-9a-f]{12}\.npz")
_TEMPORARY: Final = re.compile(r"\..+\.\d+\.(tmp|part)")
_OF_REPORT: Final = re.compile(r"\.report\.html\..*")
_MEMBERS: Final = {
    "checkpoints": re.compile(r"\d{8,}\.npz"),
    "front": re.compile(r"\d{5,}-connections\.json|front\.csv"),
}


def check_parts(path: Path) -> None:
    """Check that the files of a run folder are plain files and folders, not links.

    The folder itself may be a link, and files that do not belong to a run are ignored.

    Raises:
        BadInput: a file of the run is a link or not a plain file, or the folder cannot be read.
    """
    try:
        for part in sorted(path.iterdir()):
            if part.name in _FOLDERS:
                _check(part, "folder")
                for folder, folders, files in os.walk(part):
                    for names, kind in ((folders, "folder"), (files, "file")):
                        for name in names:
                            _check(Path(folder, name), kind)
            elif part.name in _FILES or _ENCODER.fullmatch(part.name) or _TEMPORARY.fullmatch(part.name):
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
            f"{path}: a link to {path.readlink()}; links in run folders are not followed: replace it by the "
            f"{kind} itself"
        )
    if not (stat.S_ISDIR(mode) if kind == "folder" else stat.S_ISREG(mode)):
        raise BadInput(f"{path}: not a plain {kind}, which a run folder must have there")


def contents(path: Path) -> list[str]:
    """Names of the entries of a folder, except what a process killed at its start may leave."""
    names = sorted(entry.name for entry in path.iterdir())
    return [name for name in names if name != LOCK and not _TEMPORARY.fullmatch(name)]


def leftovers(path: Path) -> Iterator[Path]:
    """Temporary files that killed writers have left in a run folder.

    Those of its figures and report are excluded: they may be drawn while another process writes.
    """
    for folder, _, files in os.walk(path):
        here = Path(folder).relative_to(path)
        if here.parts and here.parts[0] not in _FOLDERS - {"figures"}:
            continue
        for name in files:
            if _TEMPORARY.fullmatch(name) and not _OF_REPORT.fullmatch(name):
                yield Path(folder, name)


def members(folder: Path) -> list[Path]:
    """The files of ``checkpoints`` or ``front`` that are named as the program names them, sorted."""
    if not folder.is_dir():
        return []
    own = _MEMBERS[folder.name]
    return sorted(path for path in folder.iterdir() if own.fullmatch(path.name))
