"""wann tasks."""

from __future__ import annotations

import json as json_text

from .app import app
from .options import Json
from .output import console, print_table, printed


@app.command(examples=("wann tasks", "wann tasks --json"))
def tasks(json: Json = False) -> None:
    """List what can be solved here, and what each needs installed."""
    from .. import api

    known = api.tasks()
    if json:
        entries = [
            {"id": name, "inputs": [*inputs], "outputs": [*outputs], "needs": api.needs(name)}
            for name, (inputs, outputs) in known.items()
        ]
        printed(json_text.dumps({"tasks": entries}))
        return
    rows = [
        {
            "task": name,
            "inputs": str(len(inputs) or "image"),
            "outputs": str(len(outputs)),
            "needs": api.needs(name),
        }
        for name, (inputs, outputs) in known.items()
    ]
    print_table(rows, left=("needs",))
    console.print("any other Gymnasium environment by its id, of images with task.encoder")
