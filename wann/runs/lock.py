"""One writer for a run folder: a lock that the system lets go of when a process ends, however it ends."""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..errors import BadInput
from .parts import LOCK

__all__ = ["locked"]

_NO_LOCKS: Final = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextmanager
def locked(folder: Path, tell: Callable[[str], None]) -> Iterator[None]:
    """Be the only one who writes into a folder, while the block lasts.

    Args:
        folder: that is there.
        tell: told in a sentence where the file system knows no locks, which ends nothing.

    Raises:
        BadInput: another process writes there, or the lock file is none of ours.
        OSError: the folder cannot be written.
    """
    path = folder / LOCK
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise BadInput(f"{path}: not a plain file; remove it") from None
        raise
    try:
        found = os.fstat(lock)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:  # its other name may be anybody's file
            raise BadInput(f"{path}: not a plain file of one name; remove it")
        _take(lock, folder, tell)
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()} {platform.node()}\n".encode())
        yield
    finally:
        os.close(lock)


def _take(lock: int, folder: Path, tell: Callable[[str], None]) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = re.match(r"(\d+) (\S+)", os.read(lock, 300).decode(errors="replace"))
        who = f"process {holder[1]} on {holder[2]}" if holder else "another process"
        raise BadInput(f"{folder}: {who} is writing there; wait until it has ended, or end it") from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        tell(f"{folder}: its file system has no locks; see to it that no other process writes there")
