"""Scores as tables, in text and in notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final, TypeVar

from .score import ImageScore, Score

__all__ = ["Scores"]

_LEFT: Final = ("condition", "weights")
AnyScore = Score | ImageScore
Kind = TypeVar("Kind", bound=AnyScore)


class Scores(list[Kind]):
    """Scores of one network, one for each condition; printed, and in notebooks, they are a table."""

    def __repr__(self) -> str:
        names, rows = _cells(self)
        widths = [max(map(len, column)) for column in zip(names, *rows, strict=True)]
        lines = (
            "  ".join(
                cell.ljust(width) if name in _LEFT else cell.rjust(width)
                for name, cell, width in zip(names, row, widths, strict=True)
            )
            for row in (names, *rows)
        )
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        names, rows = _cells(self)
        aligned = [f' style="text-align: {"left" if name in _LEFT else "right"}"' for name in names]

        def row(tag: str, cells: Sequence[str]) -> str:
            parts = zip(aligned, cells, strict=True)
            return "<tr>{}</tr>".format(
                "".join(f"<{tag}{style}>{escape(cell)}</{tag}>" for style, cell in parts)
            )

        return "<table>\n{}\n</table>".format(
            "\n".join([row("th", names), *(row("td", cells) for cells in rows)])
        )


def _cells(scores: Sequence[AnyScore]) -> tuple[list[str], list[list[str]]]:
    """The headings of all columns in which something stands, and the rows."""
    cells = [score.cells() for score in scores]
    names = [name for name in (cells[0] if cells else ()) if any(row[name] for row in cells)]
    return names, [[row[name] for name in names] for row in cells]
