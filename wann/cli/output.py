"""Standard output is for what commands print; whatever else writes there goes to standard error."""

from __future__ import annotations

import ctypes
import io
import os
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Literal, TextIO

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

__all__ = ["console", "print_table", "printed", "reserved", "screen", "written"]

console: Final = Console(stderr=True, highlight=False, markup=False, emoji=False)
"""Where progress is shown: standard error, silent with --quiet."""
_PAGE: Final = 160  # letters in a line where no terminal says how many

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


def written(what: str, path: Path | str) -> None:
    """Print a line that names a file that the command has written."""
    printed(f"{what + ':':<9} {path}")


def screen() -> Console:
    """Where tables of a command's result are printed."""
    stream = _results or sys.stdout
    width = None if stream.isatty() else _PAGE
    return Console(file=stream, highlight=False, markup=False, emoji=False, width=width)


def print_table(rows: Sequence[Mapping[str, str]], *, title: str = "", left: Collection[str] = ()) -> None:
    """Print rows by their headings, whole: columns for which there is no room follow as text below.

    Args:
        rows: cells by their headings, the same ones in each row.
        title: a line above.
        left: headings of columns that are aligned at their left; the first always is.
    """
    page = screen()
    headings = [heading for heading in rows[0] if any(row[heading] for row in rows)]
    # Rather break headings than leave out a column; a cell is never broken.
    tries = [(shown, broken) for shown in range(len(headings), 0, -1) for broken in (False, True)]
    for shown, broken in tries:
        table = _table(rows, headings[:shown], left, broken=broken)
        if page.measure(table, options=page.options.update(width=sys.maxsize)).minimum <= page.width:
            break
    if title:
        page.print(title, style="bold")
    page.print(table)
    for row in rows:
        if rest := [f"{heading} {row[heading]}".strip() for heading in headings[shown:] if row[heading]]:
            page.print(f"{row[headings[0]]}: {', '.join(rest)}")


def _table(
    rows: Sequence[Mapping[str, str]], headings: Sequence[str], left: Collection[str], *, broken: bool
) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for number, heading in enumerate(headings):
        justify: Literal["left", "right"] = "left" if number == 0 or heading in left else "right"
        words = heading.split() if broken else [heading]
        width = max(len(cell) for cell in (*words, *(row[heading] for row in rows)))
        table.add_column(heading, justify=justify, width=width, vertical="bottom")
    for row in rows:
        table.add_row(*(row[heading] for heading in headings))
    return table
