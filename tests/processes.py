"""What runs on this machine, read from /proc."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

__all__ = [
    "PATIENCE", "command", "computing", "descendants", "listening_beyond_loopback", "wait_until", "workers",
]  # fmt: skip

PATIENCE: Final = 300.0
"""Seconds after which something hangs; a busy machine alone takes far fewer."""

_LISTENING = "0A"
_LOOPBACK = ("0100007F:", "0000000000000000FFFF00000100007F:", "00000000000000000000000001000000:")


def wait_until(true: Callable[[], bool]) -> None:
    """Ask again and again until the answer is yes.

    Raises:
        TimeoutError: it is not within ``PATIENCE``.
    """
    deadline = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError("what is waited for does not happen")
        time.sleep(0.01)


def _parents() -> dict[int, int]:
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        found[int(path.parent.name)] = int(text.rpartition(")")[2].split()[1])
    return found


def command(process: int) -> bytes:
    """What a process calls itself; nothing if it is gone."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def descendants(process: int) -> list[int]:
    """Children of a process, their children, and so on."""
    parents = _parents()
    found, last = [], [process]
    while last:
        last = [child for child, parent in parents.items() if parent in last]
        found += last
    return found


def computing(process: int) -> list[int]:
    """Descendants that compute; those that only keep track of resources do not."""
    return [
        number
        for number in descendants(process)
        if b"loky.backend.popen" in command(number) or b"spawn_main" in command(number)
    ]


def workers(process: int | None = None) -> list[int]:
    """Workers of a driver, or of this process; other tests have theirs at the same time."""
    family = descendants(os.getpid() if process is None else process)
    return sorted(number for number in family if command(number).startswith(b"ray::Worker"))


def listening_beyond_loopback(processes: list[int]) -> list[str]:
    """Addresses other than loopback at which these processes accept connections."""
    sockets = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENING and not fields[1].startswith(_LOOPBACK):
                sockets[f"socket:[{fields[9]}]"] = fields[1]
    found = []
    for process in processes:
        try:
            links = [str(path.readlink()) for path in Path(f"/proc/{process}/fd").iterdir()]
        except OSError:
            continue
        found += [sockets[link] for link in links if link in sockets]
    return found
