"""wann tasks."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from .app import app


@app.command()
def tasks() -> None:
    """List what can be solved here, and what each needs installed."""
    from .. import api

    table = Table("task", "inputs", "outputs", "episode limit", "needs")
    for task in api.tasks():
        table.add_row(task.id, str(task.inputs), str(task.outputs), f"{task.episode_limit:,}", "nothing more")
    Console(highlight=False).print(table)
