"""Tables of text, as they are printed, and as notebooks show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

__all__ = ["as_html", "as_text"]

_LEFT: Final = ("condition", "weights")
"""Columns of words; the others are of numbers, and stand to the right."""


def as_text(rows: Sequence[Mapping[str, str]]) -> str:
    """Rows of cells by their headings, in aligned columns, without those in which nothing stands."""
    names, cells = _columns(rows)
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    lines = (
        "  ".join(
            cell.ljust(width) if name in _LEFT else cell.rjust(width)
            for name, cell, width in zip(names, row, widths, strict=True)
        )
        for row in (names, *cells)
    )
    return "\n".join(line.rstrip() for line in lines)


def as_html(rows: Sequence[Mapping[str, str]]) -> str:
    """The same as an HTML table."""
    names, cells = _columns(rows)
    styles = [f' style="text-align: {"left" if name in _LEFT else "right"}"' for name in names]

    def row(tag: str, texts: Sequence[str]) -> str:
        parts = [f"<{tag}{style}>{escape(text)}</{tag}>" for style, text in zip(styles, texts, strict=True)]
        return f"<tr>{''.join(parts)}</tr>"

    return "\n".join(["<table>", row("th", names), *(row("td", texts) for texts in cells), "</table>"])


def _columns(rows: Sequence[Mapping[str, str]]) -> tuple[list[str], list[list[str]]]:
    names = [name for name in (rows[0] if rows else ()) if any(row[name] for row in rows)]
    return names, [[row[name] for name in names] for row in rows]
