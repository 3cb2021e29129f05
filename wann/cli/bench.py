"""wann bench."""

from __future__ import annotations

import json as json_text

from .app import app
from .options import Json
from .output import console, print_table, printed


@app.command()
def bench(json: Json = False) -> None:
    """Measure this machine's throughput beside the published way, straight-line C and bare stepping."""
    from ..benchmark import run_benchmark

    report = run_benchmark(lambda line: console.print(line, style="dim", soft_wrap=True))
    if json:
        printed(json_text.dumps(report.to_json()))
        return
    for table in report.tables():
        print_table([dict(zip(table.header, row, strict=True)) for row in table.rows], title=table.caption)
