"""wann export."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import app
from .options import NetworkPath, Output
from .output import written


@app.command(examples=("wann export results/runs/swingup-seed0-1 --format out -o champion.out",))
def export(
    network: NetworkPath,
    output: Output,
    format_name: Annotated[str, typer.Option("--format", metavar="NAME", help="json or out.")],
) -> None:
    """Write a network in another format."""
    from .. import api

    for path in api.export(api.load(network), output, format_name):
        written("Written", path)
