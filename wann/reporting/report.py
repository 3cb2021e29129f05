"""HTML reports: self-contained pages of facts, tables and figures."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Final

from ..files import read_bytes
from ._style import checked_suffix, plain, save_text

__all__ = ["Table", "write_report"]

_MEDIA: Final = {".svg": "image/svg+xml", ".png": "image/png"}

_LARGEST_FIGURE: Final = 256 * 2**20

# Characters of a cell that are not digits: standard deviations, percent, thousands, a dash for no value.
_NOT_DIGITS: Final = str.maketrans({"±": " ", "%": " ", "\N{EN DASH}": " ", ",": "", "\N{MINUS SIGN}": "-"})

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light; }}
* {{ box-sizing: border-box; }}
body {{ margin: 0; font: 16px/1.55 system-ui, sans-serif; color: #22303f; background: #f4f6f8; }}
main {{ max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }}
h1 {{ margin: 0 0 1.5rem; font-size: 1.9rem; line-height: 1.2; }}
dl, figure, .table {{ margin: 0 0 1.5rem; background: #fff; border-radius: 10px;
  box-shadow: 0 1px 3px #0002; }}
dl {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: 1rem 1.5rem;
  padding: 1.25rem 1.5rem; }}
dt {{ color: #66727f; font-size: 0.8rem; }}
dd {{ margin: 0; font-weight: 600; overflow-wrap: anywhere; }}
figure {{ padding: 1.25rem; text-align: center; }}
figure img {{ max-width: 100%; height: auto; }}
figcaption, caption {{ color: #66727f; font-size: 0.9rem; }}
figcaption {{ margin-top: 0.75rem; }}
.table {{ padding: 1.25rem 1.5rem; overflow-x: auto; }}
table {{ width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }}
caption {{ text-align: left; padding-bottom: 0.5rem; }}
th, td {{ padding: 0.4rem 0.75rem; text-align: left; }}
th {{ border-bottom: 2px solid #22303f; font-size: 0.85rem; }}
td {{ border-bottom: 1px solid #e9edf1; }}
tr:last-child td {{ border-bottom: 0; }}
.number {{ text-align: right; }}
@media print {{ body {{ background: #fff; }}
  dl, figure, .table {{ box-shadow: none; break-inside: avoid; }} }}
</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


@dataclass(frozen=True)
class Table:
    """A table of text.

    Attributes:
        caption: description of the table.
        header: a name for each column.
        rows: the cells, as many in each row as the header has names.

    Raises:
        ValueError: a row of another length.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.header):
                raise ValueError(f"a row of {len(row)} cells under {len(self.header)} columns: {row}")


def write_report(
    path: Path,
    *,
    title: str,
    facts: Mapping[str, str],
    tables: Sequence[Table],
    figures: Sequence[tuple[str, Path]],
) -> None:
    """Write a report as one HTML file, with its figures embedded.

    Args:
        path: the HTML file.
        title: the heading.
        facts: key facts by name.
        tables: the tables, in order.
        figures: captions and files (SVG or PNG), in order. They are embedded as images, in which
            browsers execute nothing.

    Raises:
        BadInput: an unknown suffix, a figure that cannot be read, a folder that does not exist.
        Failure: the file cannot be written.
    """
    checked_suffix(path, (".html",))
    parts = [f"<h1>{_text(title)}</h1>"]
    if facts:
        pairs = (f"<div><dt>{_text(name)}</dt><dd>{_text(fact)}</dd></div>" for name, fact in facts.items())
        parts.append("<dl>\n{}\n</dl>".format("\n".join(pairs)))
    parts += [_figure(caption, file) for caption, file in figures]
    parts += [_table(table) for table in tables]
    save_text(_PAGE.format(title=_text(title), body="\n".join(parts)), path)


def _text(text: str) -> str:
    return escape(plain(text))


def _figure(caption: str, file: Path) -> str:
    media = _MEDIA[checked_suffix(file, tuple(_MEDIA))]
    content = read_bytes(file, _LARGEST_FIGURE)
    image = f'<img alt="{_text(caption)}" src="data:{media};base64,{base64.b64encode(content).decode()}">'
    return f"<figure>\n{image}\n<figcaption>{_text(caption)}</figcaption>\n</figure>"


def _table(table: Table) -> str:
    numeric = [all(map(_is_number, column)) for column in zip(*table.rows, strict=True)]
    numeric = numeric or [False] * len(table.header)
    rows = [_row("th", table.header, numeric), *(_row("td", row, numeric) for row in table.rows)]
    caption = f"<caption>{_text(table.caption)}</caption>"
    return '<div class="table"><table>\n{}\n{}\n</table></div>'.format(caption, "\n".join(rows))


def _row(tag: str, cells: Sequence[str], numeric: Sequence[bool]) -> str:
    kinds = [' class="number"' if number else "" for number in numeric]
    pairs = zip(kinds, cells, strict=True)
    return "<tr>{}</tr>".format("".join(f"<{tag}{kind}>{_text(cell)}</{tag}>" for kind, cell in pairs))


def _is_number(cell: str) -> bool:
    """Whether a cell is empty or a number, perhaps with its standard deviation or in percent."""
    shown = cell.translate(_NOT_DIGITS).split()
    try:
        for part in shown:
            float(part)
    except ValueError:
        return False
    return True
