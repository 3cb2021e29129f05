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
    before = sys.stdin, sys.stdout
    with _descriptors() as (output, stray), Path(os.devnull).open(encoding="utf-8") as nothing:
        _results = output
        sys.stdin, sys.stdout = nothing, stray
        try:
            yield
        finally:
            sys.stdin, sys.stdout = before
            _results = None


@contextmanager
def _descriptors() -> Iterator[tuple[TextIO, TextIO]]:
    """Lead descriptor 1 to standard error, and 0 to nothing.

    Gives a stream to where standard output led, and one to standard error that anybody may close.
    """
    sys.stdout.flush()
    kept = [os.dup(number) for number in (0, 1)]
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    try:
        if _is_descriptor(sys.stdout, 1):
            with _stream(kept[1]) as output, _stream(2) as stray:
                yield output, stray
        else:
            yield sys.stdout, sys.stderr
    finally:
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).fflush(None)  # what C code has printed and not yet written
        for number, descriptor in enumerate(kept):
            os.dup2(descriptor, number)
        for descriptor in (*kept, nothing):
            os.close(descriptor)


def _stream(descriptor: int) -> TextIO:
    raw = io.FileIO(os.dup(descriptor), "w")
    return io.TextIOWrapper(
        io.BufferedWriter(raw), sys.stdout.encoding, sys.stdout.errors, line_buffering=True
    )


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
