"""wann import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import app
from .options import Output
from .output import printed, written


@app.command(
    "import",
    examples=(
        "wann import swing.out --inputs 5 --outputs 1 -o swing.json",
        "wann import swing.out --inputs 5 --outputs 1 --weight-bias -1.5 -o swing.json",
    ),
)
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE.out", help="A published network.")],
    inputs: Annotated[int, typer.Option("--inputs", metavar="N", min=1, help="Inputs, without the bias.")],
    outputs: Annotated[int, typer.Option("--outputs", metavar="N", min=1, help="Outputs.")],
    output: Output,
    weights: Annotated[Path | None, typer.Option("--weights", metavar="FILE", help="Its .wann.json.")] = None,
    weight_bias: Annotated[
        float,
        typer.Option("--weight-bias", metavar="NUMBER", help="Added to each offset; it belongs to the task."),
    ] = 0.0,
    task: Annotated[str | None, typer.Option("--task", metavar="ID", help="Noted in the file.")] = None,
) -> None:
    """Read a network in the published .out format and write network JSON."""
    from .. import api

    network = api.import_out(file, inputs, outputs, weights=weights, weight_bias=weight_bias, task=task)
    api.save(network, output)
    printed(f"{network.connections} connections, {network.hidden} hidden nodes")
    written("Written", output)
