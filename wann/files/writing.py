"""Writers: atomic replacement of a file, appending, and folders."""

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
    errno.EACCES: "change the permissions, or name another path",
}


def write_atomically(path: Path, *parts: bytes | bytearray) -> None:
    """Replace a file as a whole or not at all: write a temporary file beside it, flush it to disk, rename it.

    Args:
        path: the file.
        parts: its content, in pieces.

    Raises:
        BadInput: the folder does not exist, or the path is not that of a regular file.
        Unwritable: the disk is full, or the folder cannot be written.
    """
    with _written(path):
        if not path.parent.is_dir():
            raise BadInput(f"{path}: there is no folder {path.parent}; name a file in an existing folder")
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise BadInput(f"{path}: not a regular file; remove it, or name another")
        # The target's name may have the greatest length that the file system allows.
        temporary = path.with_name(f".{path.name[:50]}.{os.getpid()}.tmp")
        temporary.unlink(missing_ok=True)
        try:
            with temporary.open("xb") as file:  # never through a symbolic link
                for part in parts:
                    file.write(part)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def append_text(path: Path, text: str) -> None:
    """Append to a text file.

    Raises:
        Unwritable: the disk is full, or the file cannot be written.
    """
    with _written(path), path.open("a", encoding="utf-8", newline="") as file:
        file.write(text)


def flush(path: Path) -> None:
    """Flush a file's content to the disk.

    Raises:
        Unwritable: the content has not reached the disk.
    """
    with _written(path), path.open("rb") as file:
        os.fsync(file.fileno())


def make_folder(path: Path) -> None:
    """Create a folder and its parents, unless they exist.

    Raises:
        Unwritable: the path is not a folder, or it cannot be created.
    """
    with _written(path):
        path.mkdir(parents=True, exist_ok=True)


@contextmanager
def _written(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` into ``Unwritable``, with the file's name and a remedy."""
    try:
        yield
    except OSError as error:
        remedy = _REMEDIES.get(error.errno or 0, "name another path")
        raise Unwritable(f"{path}: cannot be written ({error.strerror or error}); {remedy}") from None
