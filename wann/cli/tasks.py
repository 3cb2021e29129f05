"""wann tasks."""

from __future__ import annotations

from rich.table import Table

from .app import app
from .output import screen


@app.command()
def tasks() -> None:
    """List what can be solved here, and what each needs installed."""
    from .. import api

    table = Table("task", "inputs", "outputs", "needs")
    for name, (inputs, outputs) in api.tasks().items():
        table.add_row(name, str(len(inputs)), str(len(outputs)), api.needs(name))
    table.caption = "and any other Gymnasium environment of vectors, by its id"
    table.caption_justify = "left"
    screen().print(table)
