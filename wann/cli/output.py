"""Standard output is for what commands print; whatever else writes there goes to standard error."""

from __future__ import annotations

import ctypes
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from rich.console import Console

__all__ = ["printed", "reserved", "screen"]

_results: TextIO | None = None


@contextmanager
def reserved() -> Iterator[None]:
    """Keep standard output, also that of C code and of child processes, to ``printed`` and ``screen``.

    Standard input is empty: a command asks nothing, and an environment that does would wait for ever.
    """
    global _results  # noqa: PLW0603 - a process has one standard output
    before, input_before = sys.stdout, sys.stdin
    with _descriptors() as output, Path(os.devnull).open(encoding="utf-8") as nothing:
        _results = before if output is None else output
        sys.stdout, sys.stdin = sys.stderr, nothing
        try:
            yield
        finally:
            sys.stdout, sys.stdin = before, input_before
            _results = None


@contextmanager
def _descriptors() -> Iterator[TextIO | None]:
    """Lead descriptor 1 to standard error, 0 to nothing; gives what 1 led to, if that is ``sys.stdout``."""
    sys.stdout.flush()
    kept = [os.dup(number) for number in (0, 1)]
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    try:
        if _is_descriptor(sys.stdout, 1):
            encoding, errors = sys.stdout.encoding, sys.stdout.errors
            with os.fdopen(os.dup(kept[1]), "w", encoding=encoding, errors=errors) as output:
                yield output
        else:
            yield None
    finally:
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).fflush(None)  # what C code has printed and not yet written
        for number, descriptor in enumerate(kept):
            os.dup2(descriptor, number)
        for descriptor in (*kept, nothing):
            os.close(descriptor)


def _is_descriptor(stream: TextIO, number: int) -> bool:
    try:
        return stream.fileno() == number
    except (io.UnsupportedOperation, ValueError):
        return False


def printed(text: str) -> None:
    """Print a line of a command's result."""
    print(text, file=_results or sys.stdout, flush=True)


def screen(page: int | None = None) -> Console:
    """Where tables of a command's result are printed; so many letters wide where no terminal says."""
    stream = _results or sys.stdout
    return Console(file=stream, highlight=False, width=None if stream.isatty() else page)
