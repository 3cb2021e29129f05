"""wann bench."""

from __future__ import annotations

import json as json_text

from rich.table import Table

from .app import app
from .live import console
from .options import Json
from .output import printed, screen


@app.command()
def bench(json: Json = False) -> None:
    """Measure this machine's throughput beside the published way, straight-line C and bare stepping."""
    from ..benchmark import run_benchmark

    report = run_benchmark(lambda line: console.print(line, style="dim", soft_wrap=True))
    if json:
        printed(json_text.dumps(report.to_json()))
        return
    for table in report.tables():
        shown = Table(*table.header, title=table.caption, title_justify="left")
        for row in table.rows:
            shown.add_row(*row)
        screen().print(shown)
