"""The errors and warnings that callers are meant to catch, and how an exception reads in one line."""

from __future__ import annotations

from pathlib import Path

__all__ = ["BadInput", "Failure", "TaskWarning", "Unwritable", "described"]


class _Error(Exception):
    """An expected error, whose text is one sentence for the user.

    Attributes:
        message: the sentence itself, without the argument's name and without how to resume.
        argument: the Python argument at fault; ``str`` begins with it.
        resume: the run folder whose checkpoint was kept, for ``wann.resume``; ``str`` ends with it.
    """

    resume: Path | None = None

    def __init__(self, message: str, *, argument: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.argument = argument

    def __str__(self) -> str:
        named = self.message if self.argument is None else f"{self.argument}: {self.message}"
        return named if self.resume is None else f"{named}; resume it with wann.resume({str(self.resume)!r})"


class BadInput(_Error, ValueError):
    """Input that cannot be used; the message names what is at fault, what was given and what is accepted."""


class Failure(_Error, RuntimeError):
    """Work that could not be finished although the input was good (a full disk, no worker left)."""


class Unwritable(Failure):
    """A file that the operating system refuses to write (a full disk, a quota, a missing permission)."""


class TaskWarning(UserWarning):
    """A task that can be used, but whose results may not mean what the user expects."""


def described(error: BaseException) -> str:
    """The type of an exception and the first line of its message; for ``BadInput`` the line alone."""
    try:
        line = next(iter(str(error).splitlines()), "")
    except Exception:  # noqa: BLE001 - __str__ of a foreign exception is foreign code
        line = ""
    if isinstance(error, BadInput):
        return line
    return f"{type(error).__name__}: {line}" if line else type(error).__name__
