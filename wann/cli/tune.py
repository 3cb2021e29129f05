"""wann tune."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from .app import INTERRUPTED, app
from .live import Countdown
from .options import EpisodeLimit, NetworkPath, Output, Seed, Stepping, TaskId, Trusted, Workers
from .output import console, print_table, written

if TYPE_CHECKING:
    from ..network import Network


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
    task: TaskId = None,
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
            "--iterations",
            metavar="N",
            min=1,
            max=1_000_000,
            help="Of CMA-ES (400), or epochs of gradient descent (40).",
        ),
    ] = None,
    seed: Seed = 0,
    stepping: Stepping = None,
    episode_limit: EpisodeLimit = None,
    workers: Workers = None,
    trust: Trusted = None,
) -> int:
    """Find the best shared weight, or train one for each connection from there, and write the network.

    On environments the return against the shared weight is drawn and written beside it, and CMA-ES keeps
    its progress there: interrupted, the same command goes on.
    """
    from .. import api

    progress = output.with_suffix(".tuning")
    curve = output.with_suffix(".weights.svg")
    loaded = api.load(network)
    where: dict[str, Any] = {
        "task": task,
        "seed": seed,
        "stepping": stepping,
        "episode_limit": episode_limit,
        "workers": workers,
        "trust": trust or (),
    }
    if progress.exists():
        console.print(f"going on from {progress}", style="dim", soft_wrap=True)
    try:
        with Countdown() as line:
            tuned = api.tune(
                loaded,
                method=method,
                iterations=iterations,
                show=line,
                curve=curve,
                progress=progress,
                **where,
            )
    except KeyboardInterrupt:
        if not progress.exists():
            raise  # nothing is kept yet
        typer.echo(f"Interrupted; the same command goes on from {progress}", err=True)
        return INTERRUPTED
    api.save(tuned, output)
    console.print("comparing on fresh episodes or images ...", style="dim")
    _print_comparison(loaded, tuned, where)
    written("Network", output)
    if curve.exists():
        written("Curve", curve)
    return 0


def _print_comparison(before: Network, tuned: Network, where: dict[str, Any]) -> None:
    """Print how good a network was before and after it was tuned."""
    from .. import api

    scores = {"before": api.evaluate(before, **where)[0]}
    if tuned.shared_weight is not None:
        scores["best shared weight"] = api.evaluate(before, weight=tuned.shared_weight, **where)[0]
    if tuned.weights is not None:
        scores["after"] = api.evaluate(tuned, **where)[0]
    print_table([{**score.cells(), "condition": name} for name, score in scores.items()], left=("weights",))
