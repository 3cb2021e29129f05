"""Files written as a whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ..errors import BadInput, Unwritable

__all__ = ["append_text", "flush", "make_folder", "write_atomically"]

_REMEDIES: Final = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some of the quota",
    errno.EFBIG: "the limit of file sizes is too low, see ulimit -f",
    errno.EACCES: "allow it, or name another place",
}


def write_atomically(path: Path, *parts: bytes | bytearray) -> None:
    """Write beside the target, flush to the disk, then rename: a crash leaves the old file.

    Raises:
        BadInput: there is no such folder, or something else than a regular file stands there.
        Unwritable: the disk is full, or the folder cannot be written.
    """
    with _written(path):
        if not path.parent.is_dir():
            raise BadInput(f"{path}: there is no folder {path.parent}; name a file in one that is there")
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise BadInput(f"{path}: no regular file; remove it, or name another")
        # The target's name may be as long as names can be.
        temporary = path.with_name(f".{path.name[:50]}.{os.getpid()}.tmp")
        temporary.unlink(missing_ok=True)
        try:
            with temporary.open("xb") as file:  # never through a link that somebody has put there
                for part in parts:
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def append_text(path: Path, text: str) -> None:
    """Add to the end of a text file.

    Raises:
        Unwritable: the disk is full, or the file cannot be written.
    """
    with _written(path), path.open("a", encoding="utf-8", newline="") as file:
        file.write(text)


def flush(path: Path) -> None:
    """Make sure that what was written to a file has reached the disk.

    Raises:
        Unwritable: it has not.
    """
    with _written(path), path.open("rb") as file:
        os.fsync(file.fileno())


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, unless it is there.

    Raises:
        Unwritable: something else stands there, or it cannot be made.
    """
    with _written(path):
        path.mkdir(parents=True, exist_ok=True)


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """What the system says, with the name of the file that is meant."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "name another place")
        raise Unwritable(f"{path}: cannot be written ({error.strerror or error}); {remedy}") from None
