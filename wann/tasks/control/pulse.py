"""Signs of life of the environments in this process, for whoever judges whether one hangs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

__all__ = ["PULSE", "Pulse"]


class Pulse:
    """What the environments of a process are doing.

    Attributes:
        calls: how many calls of an environment have returned.
        inside: whether one has not.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.inside = False

    @contextmanager
    def call(self) -> Iterator[None]:
        """A call of an environment, while the block runs."""
        self.inside = True
        try:
            yield
        finally:
            self.inside = False
            self.calls += 1


PULSE: Final = Pulse()
"""Of this process, whose one computing thread writes it."""
