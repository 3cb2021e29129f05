"""wann evaluate."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from .app import app
from .live import console
from .options import Json, NetworkPath, Seed, Workers

if TYPE_CHECKING:
    from ..assessment import Score
    from ..network import Network


@app.command(
    epilog="Examples: wann evaluate results/runs/swingup-1 --condition all | "
    "wann evaluate champion.json --weight 1.5 --episodes 100 --json"
)
def evaluate(
    network: NetworkPath,
    task: Annotated[
        str | None, typer.Option("--task", metavar="ID", help="The file's own task if not given.")
    ] = None,
    condition: Annotated[
        str | None,
        typer.Option(
            "--condition",
            metavar="NAME",
            help="stored, random, shared, tuned-shared, tuned or all; "
            "stored if the file has weights, else shared.",
        ),
    ] = None,
    episodes: Annotated[
        int | None,
        typer.Option("--episodes", min=1, max=1_000_000, help="Episodes reported on; 1,000 by definition."),
    ] = None,
    seed: Seed = 0,
    weight: Annotated[
        float | None, typer.Option("--weight", help="One shared value; excludes --condition.")
    ] = None,
    workers: Workers = None,
    json: Json = False,
    video: Annotated[
        Path | None,
        typer.Option("--video", metavar="FILE", help="Also one episode: .gif moves, .png shows moments."),
    ] = None,
) -> None:
    """Play episodes and say how good a network is, with deviation and standard error."""
    from .. import api

    loaded = api.load(network)
    scores = api.evaluate(
        loaded,
        task=task,
        condition=condition,
        episodes=episodes,
        seed=seed,
        weight=weight,
        workers=workers,
        show=lambda name: None if json else console.print(f"measuring {name} ...", style="dim"),
    )
    if video is not None:
        total = api.film(loaded, video, task=task, weight=weight, seed=seed)
        console.print(f"Video: {video} (one episode, return {total:.1f})", soft_wrap=True)
    if json:
        typer.echo(json_text.dumps(_document(network, loaded, task or loaded.task, scores)))
    else:
        _print_table(loaded, task or loaded.task, scores)


def _document(path: Path, network: Network, task: str | None, scores: list[Score]) -> dict[str, Any]:
    return {
        "task": task,
        "network": str(path),
        "connections": network.connections,
        "effective_connections": network.effective_connections,
        "conditions": [score.to_json() for score in scores],
    }


def _print_table(network: Network, task: str | None, scores: list[Score]) -> None:
    title = (
        f"{task}: {network.connections} connections "
        f"({network.effective_connections} effective), seed {scores[0].seed}"
    )
    table = Table(title=title, title_justify="left", title_style="bold")
    table.add_column("condition")
    for name in ("mean", "deviation", "standard error", "episodes"):
        table.add_column(name, justify="right")
    table.add_column("weights")
    for score in scores:
        failed = f" ({score.failed} failed)" if score.failed else ""
        table.add_row(
            score.condition,
            f"{score.mean:.1f}",
            f"{score.std:.1f}",
            f"{score.standard_error:.1f}",
            f"{score.episodes:,}{failed}",
            score.weights,
        )
    Console(highlight=False).print(table)
