"""wann bench."""

from __future__ import annotations

import json as json_text

import typer
from rich.console import Console
from rich.table import Table

from .app import app
from .live import console
from .options import Json


@app.command()
def bench(json: Json = False) -> None:
    """Measure this machine's throughput beside the published way, straight-line C and bare stepping."""
    from ..benchmark import run_benchmark

    report = run_benchmark(lambda line: console.print(line, style="dim", soft_wrap=True))
    if json:
        typer.echo(json_text.dumps(report.to_json()))
        return
    for table in report.tables():
        shown = Table(*table.header, title=table.caption, title_justify="left")
        for row in table.rows:
            shown.add_row(*row)
        Console(highlight=False).print(shown)
