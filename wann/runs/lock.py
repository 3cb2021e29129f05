"""The lock of a run folder: one writer at a time; the system releases it when the process ends."""

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
    """Hold the lock of a folder while the block lasts.

    Args:
        folder: an existing folder.
        tell: receives a sentence if the file system does not support locks; work goes on without one.

    Raises:
        BadInput: another process holds the lock, or the lock file is not a plain file.
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
        status = os.fstat(lock)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:  # a hard link to a foreign file
            raise BadInput(f"{path}: not a plain file with one link; remove it")
        _acquire(lock, folder, tell)
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()} {platform.node()}\n".encode())
        yield
    finally:
        os.close(lock)


def _acquire(lock: int, folder: Path, tell: Callable[[str], None]) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = re.match(r"(\d+) (\S+)", os.read(lock, 300).decode(errors="replace"))
        who = f"process {holder[1]} on {holder[2]}" if holder else "another process"
        raise BadInput(f"{folder}: {who} is writing there; wait until it has ended, or end it") from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        tell(f"{folder}: its file system has no locks; make sure that no other process writes there")
