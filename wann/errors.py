"""What can go wrong through no fault of the code."""

from __future__ import annotations

__all__ = ["BadInput", "Failure", "Unwritable"]


class BadInput(ValueError):
    """Input that cannot be used; its message names the culprit, what was found and what is accepted."""


class Failure(RuntimeError):
    """Work that could not be finished though the input was good (a full disk, a lost run)."""


class Unwritable(Failure):
    """A file that the system does not let us write (a full disk, a quota, a missing permission)."""
