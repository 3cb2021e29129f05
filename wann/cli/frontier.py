"""wann frontier."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import app
from .options import Seed
from .output import console, print_table, written


@app.command(
    examples=(
        "wann frontier results/runs/lottery-ticket-* champion.json -o frontier",
        "wann frontier results/runs/mnist-seed0-1 --no-trained --no-logistic",
    )
)
def frontier(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Folders of pruning runs and of searches on images, or network JSON files. Runs that differ "
            "in the seed alone are one line.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="DIR", help="Where to; a fresh folder in results/runs."),
    ] = None,
    logistic: Annotated[
        bool, typer.Option(help="Fit a logistic regression with an L1 penalty beside them; minutes.")
    ] = True,
    trained: Annotated[
        bool, typer.Option(help="Train evolved champions by gradients too, where PyTorch is installed.")
    ] = True,
    seed: Seed = 0,
) -> None:
    """Put pruned and evolved networks on one picture and one table: accuracy against connections."""
    from .. import api

    with api.run_folder(output, "frontier", seed) as folder, console.status("comparing ...") as status:
        entries = api.frontier(
            runs,
            folder,
            seed=seed,
            logistic=logistic,
            trained=trained,
            show=lambda what: (
                status.update(f"{what} ...") if console.is_terminal else console.print(what, soft_wrap=True)
            ),
        )
    rows = [
        {
            "images": entry.task,
            "family": str(entry.family),
            "": entry.step,
            "connections": f"{entry.connections:,.0f}",
            "accuracy, %": f"{100 * entry.accuracy:.2f}"
            + (f" ± {100 * entry.std:.2f}" if entry.seeds > 1 else ""),
            "seeds": str(entry.seeds),
            "biases": f"{entry.biases:,.0f}",
        }
        for entry in sorted(entries, key=lambda entry: (entry.task, str(entry.family), entry.connections))
    ]
    print_table(rows, left=("family", ""))
    written("Table", folder / "frontier.csv")
    for task in sorted({entry.task for entry in entries}):
        written("Picture", folder / f"frontier-{task}.svg")
