"""wann search."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from ..presets import presets
from .app import INTERRUPTED, app
from .live import Interruption, ProgressLine, console, uninterrupted
from .options import Address, Backend, Workers


@app.command(
    examples=(
        "wann search swingup --seed 3",
        "wann search gym --set task.id=LunarLander-v3 --set search.population=64",
        "wann search mine.toml -o results/runs/small",
        "wann search paper/swingup --ray-address 10.0.0.1:6379",
    )
)
def search(
    config: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG", help=f"A TOML file, or the name of a preset: {', '.join(presets('search'))}."
        ),
    ],
    run: Annotated[
        Path | None,
        typer.Option("--run", metavar="DIR", help="Folder of the run; a fresh one in results/runs."),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Overrides the file's seed.")] = None,
    generations: Annotated[
        int | None, typer.Option("--generations", help="Overrides search.generations.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Overrides any key; may be repeated."),
    ] = None,
    backend: Backend = None,
    workers: Workers = None,
    address: Address = None,
) -> int:
    """Search for a network, and keep everything in a run folder."""
    from .. import api

    settings = api.read_config(
        config,
        changes or (),
        seed=seed,
        generations=generations,
        backend=backend,
        workers=workers,
        address=address,
    )
    with api.run_folder(run, Path(config).stem, settings.seed) as folder:
        return shown(
            folder,
            lambda line, stop: (
                api.search(
                    settings, run=folder, callback=line, progress=False, stop=stop, tell=line.tell
                ).finished
            ),
        )


def shown(folder: Path, work: Callable[[ProgressLine, Interruption], bool]) -> int:
    """Search to the end, or to the first Ctrl-C, and say where everything lies; returns the exit code."""
    with ProgressLine() as line:
        done = uninterrupted(folder, "this generation", lambda stop: work(line, stop))
    if not done:
        return INTERRUPTED
    console.print(f"Champion: {folder / 'champion.json'}", soft_wrap=True)
    for name in ("topology.svg", "learning.svg"):
        console.print(f"Picture:  {folder / 'figures' / name}", soft_wrap=True)
    console.print(f"Report:   {folder / 'report.html'}", soft_wrap=True)
    return 0
