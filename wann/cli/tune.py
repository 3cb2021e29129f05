"""wann tune."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import app
from .live import console
from .options import NetworkPath, Output, Seed, Workers


@app.command(
    epilog="Examples: wann tune results/runs/swingup-1 -o tuned.json | "
    "wann tune results/runs/mnist-16-1 --method gradient -o trained.json"
)
def tune(
    network: NetworkPath,
    output: Output,
    task: Annotated[
        str | None, typer.Option("--task", metavar="ID", help="The file's own task if not given.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            "--method",
            metavar="NAME",
            help="cma: CMA-ES; gradient: for images, needs PyTorch; if not given what suits the task.",
        ),
    ] = None,
    iterations: Annotated[
        int | None,
        typer.Option(
            "--iterations", min=1, max=1_000_000, help="Of CMA-ES (400), or epochs of gradient descent (40)."
        ),
    ] = None,
    seed: Seed = 0,
    workers: Workers = None,
) -> None:
    """Train a weight for each connection, from the best shared weight, and write the network."""
    from .. import api

    with console.status("tuning ...") as status:

        def show(iteration: int, best: float) -> None:
            status.update(f"iteration {iteration + 1}: {best:.4g}")

        tuned = api.tune(
            api.load(network),
            task=task,
            method=method,
            iterations=iterations,
            seed=seed,
            workers=workers,
            show=show,
        )
    api.save(tuned, output)
    console.print(f"Tuned network: {output}", soft_wrap=True)
