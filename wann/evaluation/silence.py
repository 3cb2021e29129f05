"""When something that computes, and gives no sign of life, is given up."""

from __future__ import annotations

from typing import Final

__all__ = ["WALL", "Silence"]

WALL: Final = 5
"""How many times longer than by its own processor a silence may last by the clock."""


class Silence:
    """How long a worker has been inside one and the same call of an environment.

    The limit is one of seconds of the worker's own processor, which the worker tells: on a busy machine
    nobody is given up who never got a processor. What sleeps, or holds the interpreter and so tells
    nothing, is given up after ``WALL`` times as long by the clock.

    Args:
        limit: seconds.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self.broken()

    def broken(self) -> None:
        """There was a sign of life."""
        self._processor = self._wall = 0.0
        self._told = False

    def lasts(self, *, processor: float = 0.0, wall: float = 0.0) -> None:
        """It goes on: seconds of its processor since it began, and how many more have passed by the clock."""
        self._processor = max(self._processor, processor)
        self._wall += wall

    @property
    def remarkable(self) -> bool:
        """Whether somebody should be told that it lasts; true once."""
        told, self._told = self._told, self._told or self._wall > self._limit
        return self._told and not told

    @property
    def too_long(self) -> str | None:
        """Why it is given up, in a clause; None if it is not."""
        if self._processor > self._limit:
            return f"no answer within {self._limit:g} s of its processor's time"
        if self._wall > WALL * self._limit:
            return f"no answer within {WALL * self._limit:g} s"
        return None
