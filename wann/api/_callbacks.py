"""What the verbs ask and call between generations."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from ..errors import BadInput

__all__ = ["deadline", "never", "quiet"]


def deadline(minutes: float | None) -> Callable[[], bool]:
    """A function that returns whether so many minutes have passed since it was first called.

    It always returns False if no minutes are given. The first call comes before the first generation, so that
    a search always makes one, however long its workers took to start.

    Raises:
        BadInput: the minutes are not positive.
    """
    if minutes is None:
        return never
    if not minutes > 0:
        raise BadInput(f"{minutes:g} is not above 0", argument="minutes")
    began: list[float] = []

    def over() -> bool:
        now = monotonic()
        if not began:
            began.append(now)
        return now - began[0] >= 60 * minutes

    return over


def quiet(*_: object) -> None:
    """Show nothing."""


def never() -> bool:
    """Never stop."""
    return False
