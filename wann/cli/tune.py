"""wann tune."""

from __future__ import annotations

from typing import Annotated

import typer

from .app import app
from .live import Countdown, console
from .options import EpisodeLimit, NetworkPath, Output, Seed, Stepping, Trusted, Workers


@app.command(
    examples=(
        "wann tune results/runs/swingup-seed0-1 -o tuned.json",
        "wann tune walker.json --method shared -o walker-shared.json",
        "wann tune results/runs/mnist-16-seed0-1 --method gradient -o trained.json",
    )
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
            help="shared: the best shared weight; cma: CMA-ES; gradient: for images, needs PyTorch; "
            "if not given what suits the task.",
        ),
    ] = None,
    iterations: Annotated[
        int | None,
        typer.Option(
            "--iterations", min=1, max=1_000_000, help="Of CMA-ES (400), or epochs of gradient descent (40)."
        ),
    ] = None,
    seed: Seed = 0,
    stepping: Stepping = None,
    episode_limit: EpisodeLimit = None,
    workers: Workers = None,
    trust: Trusted = None,
) -> None:
    """Find the best shared weight, or train one for each connection from there, and write the network.

    On environments the return against the shared weight is drawn and written beside it, and CMA-ES keeps
    its progress there: interrupted, the same command goes on.
    """
    from .. import api

    progress = output.with_suffix(".tuning")
    curve = output.with_suffix(".weights.svg")
    loaded = api.load(network)
    if progress.exists():
        console.print(f"going on from {progress}", style="dim", soft_wrap=True)
    with Countdown() as line:
        tuned = api.tune(
            loaded,
            task=task,
            method=method,
            iterations=iterations,
            seed=seed,
            stepping=stepping,
            episode_limit=episode_limit,
            workers=workers,
            trust=trust or (),
            show=line,
            curve=curve,
            progress=progress,
        )
    api.save(tuned, output)
    console.print(f"Tuned network: {output}", soft_wrap=True)
    if curve.exists():
        console.print(f"Curve:         {curve}", soft_wrap=True)
