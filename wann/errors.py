"""What can go wrong through no fault of the code."""

from __future__ import annotations

__all__ = ["BadInput", "Failure", "TaskWarning", "Unwritable", "described"]


class BadInput(ValueError):
    """Input that cannot be used; its message names the culprit, what was found and what is accepted."""


class Failure(RuntimeError):
    """Work that could not be finished though the input was good (a full disk, a lost run)."""


class Unwritable(Failure):
    """A file that the system does not let us write (a full disk, a quota, a missing permission)."""


class TaskWarning(UserWarning):
    """A task that can be played, though its results will not be what somebody may expect."""


def described(error: BaseException) -> str:
    """What was raised, in a line: its type and the first line of its message; of ``BadInput`` that line."""
    try:
        line = next(iter(str(error).splitlines()), "")
    except Exception:  # noqa: BLE001 - the message is anybody's code too
        line = ""
    if isinstance(error, BadInput):
        return line
    return f"{type(error).__name__}: {line}" if line else type(error).__name__
