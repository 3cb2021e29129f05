"""A heartbeat of the environments in this process, from which a watchdog sees whether one hangs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["PULSE", "Pulse"]


class Pulse:
    """Calls of environments in a process.

    Attributes:
        calls: number of calls that have returned.
        inside: whether a call is in progress.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.inside = False

    @contextmanager
    def call(self) -> Iterator[None]:
        """Count the block as a call of an environment."""
        self.inside = True
        try:
            yield
        finally:
            self.inside = False
            self.calls += 1


PULSE: Final = Pulse()
"""The heartbeat of this process, written by its one computing thread."""
