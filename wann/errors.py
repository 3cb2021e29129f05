"""The errors and warnings that callers are meant to catch, and how an exception reads in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

__all__ = ["BadInput", "Failure", "TaskWarning", "Unwritable", "described", "naming"]


def _python_argument(name: str) -> str:
    return f"{name}:"


def _python_call(run: Path) -> str:
    return f"wann.resume({str(run)!r})"


def _python_function(verb: str) -> str:
    return f"wann.{verb}"


class _Error(Exception):
    """An expected error, whose text is one sentence for the user.

    Attributes:
        message: the sentence without the argument's name, the file it is in, and how to resume.
        argument: the Python argument at fault; it is named in front of the message.
        verb: the function, and command, that the input is for; the text ends with it.
        file: the file that the message is about, named before all else.
        resume: the run folder whose checkpoint was kept; the text ends with how to resume it.
    """

    file: Path | None = None
    resume: Path | None = None

    def __init__(self, message: str, *, argument: str | None = None, verb: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.argument = argument
        self.verb = verb

    def within(self, file: Path) -> Self:
        """The same error, found in a file."""
        self.file = file
        return self

    def phrased(
        self,
        argument: Callable[[str], str],
        resume: Callable[[Path], str],
        verb: Callable[[str], str],
    ) -> str:
        """The whole text, with arguments, functions and the way to resume in the words of an interface.

        Args:
            argument: names an argument at the beginning of the message: ``"condition:"``, ``"--condition"``.
            resume: the call or command that resumes a run.
            verb: names a function: ``"wann.prune"``, ``"`wann prune`"``.
        """
        text = self.message if self.argument is None else f"{argument(self.argument)} {self.message}"
        text = text if self.file is None else f"{self.file}: {text}"
        text = text if self.verb is None else f"{text}; it is for {verb(self.verb)}"
        return text if self.resume is None else f"{text}; resume it with {resume(self.resume)}"

    def __str__(self) -> str:
        return self.phrased(_python_argument, _python_call, _python_function)


class BadInput(_Error, ValueError):
    """Input that cannot be used; the message names what is at fault, what was given and what is accepted."""


@contextmanager
def naming(arguments: Mapping[str, str]) -> Iterator[None]:
    """Blame the argument that a caller gave instead of the key of a configuration that it became.

    Args:
        arguments: names of arguments by the keys with which messages begin.
    """
    try:
        yield
    except BadInput as error:
        key, colon, message = error.message.partition(": ")
        if colon and error.argument is None and key in arguments:
            error.argument, error.message = arguments[key], message
        raise


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
