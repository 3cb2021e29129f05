"""Time limits of one call of an environment, by processor time and by the clock."""

from __future__ import annotations

from typing import Final

__all__ = ["WALL_FACTOR", "Watchdog"]

WALL_FACTOR: Final = 5
"""How many times longer than the limit of processor time a call may take by the clock."""


class Watchdog:
    """Measures how long a worker has been inside one and the same call of an environment.

    The limit applies to the worker's processor time, which the worker reports. A worker that sleeps, or holds
    the interpreter and therefore reports nothing, is given up after ``WALL_FACTOR`` times the limit by the
    clock. Time that it spends waiting for a processor does not count: a busy machine gives up no worker.

    Args:
        limit: seconds of processor time.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self.reset()

    def reset(self) -> None:
        """Start again: the call has returned."""
        self._processor = self._wall = 0.0
        self._warned = False

    def add(self, *, processor: float = 0.0, wall: float = 0.0, waiting: float = 0.0) -> None:
        """Record that the call goes on.

        Args:
            processor: seconds of processor time since the call began.
            wall: further seconds that have passed by the clock.
            waiting: seconds that the worker has waited for a processor, and that were not reported before;
                some may have passed before the call of ``add`` that they are reported in.
        """
        self._processor = max(self._processor, processor)
        self._wall = max(0.0, self._wall + wall - waiting)

    @property
    def warning_due(self) -> bool:
        """Whether the user should be warned that the call takes long; true once for each call."""
        warned, self._warned = self._warned, self._warned or self._wall > self._limit
        return self._warned and not warned

    @property
    def expired(self) -> str | None:
        """The limit that was exceeded, as a clause; None if none was."""
        if self._processor > self._limit:
            return f"no answer within {self._limit:g} s of its processor's time"
        if self._wall > WALL_FACTOR * self._limit:
            return f"no answer within {WALL_FACTOR * self._limit:g} s"
        return None
