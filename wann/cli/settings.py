"""wann settings."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Annotated, Final

import typer

from ..reference import Key
from .app import app
from .output import printed, screen

_OF: Final = {"search": "Searches", "prune": "Pruning"}
_PAGE: Final = """\
# Settings

Every key of a configuration, with its default, what it accepts and what it means; `wann settings KEY`
says it of one key, or of a table. This page is what `wann settings --markdown` prints.
"""


@app.command(examples=("wann settings", "wann settings search.population", "wann settings backend"))
def settings(
    key: Annotated[
        str | None, typer.Argument(metavar="KEY", help="One key, or a table with all its keys.")
    ] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="As a page in Markdown.")] = False,
) -> None:
    """Explain the keys of configurations and of --set: default, accepted values, meaning."""
    from .. import api

    chosen = {_OF[verb]: keys for verb, keys in api.settings(key).items() if keys}
    if markdown:
        parts = [f"## {title}\n\n" + "\n".join(_markdown(keys)) for title, keys in chosen.items()]
        printed("\n".join([_PAGE, *parts]))
        return
    width = screen().width
    for title, keys in chosen.items():
        printed(f"{title}\n")
        for line in _lines(keys, width):
            printed(line)


def _lines(keys: list[Key], width: int) -> Iterator[str]:
    """A page of so many columns."""
    for key in keys:
        default = f" = {key.default}" if key.default else ""
        yield from textwrap.wrap(f"{key.name}{default}", width, subsequent_indent="        ")
        needed = "" if key.default else "; needed"
        said = [_plain(key.meaning), f"{_plain(key.accepted)}{needed}" if key.accepted else ""]
        said.append(f"only for {'; '.join(key.of)}" if key.of else "")
        for text in filter(None, said):
            yield from textwrap.wrap(text, width, initial_indent="    ", subsequent_indent="    ")
        yield ""


def _markdown(keys: list[Key]) -> Iterator[str]:
    """Tables of keys, one for each table of the configuration."""
    begun = False
    for key in keys:
        if not key.accepted:
            yield from (*([""] if begun else []), f"### {key.name}", "", _cell(key.meaning), "")
            begun = False
            continue
        if not begun:
            yield from ("| key | default | accepted | meaning |", "|---|---|---|---|")
            begun = True
        default = f"`{key.default}`" if key.default not in ("", "not given") else key.default or "needed"
        of = f" Only for {'; '.join(key.of)}." if key.of else ""
        yield f"| `{key.name}` | {_cell(default)} | {_cell(key.accepted)} | {_cell(key.meaning + of)} |"
    yield ""


def _plain(text: str) -> str:
    return text.replace("``", "")


def _cell(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|")
