"""wann search."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from ..presets import presets
from .app import INTERRUPTED, app
from .completion import named, settable
from .live import Interruption, ProgressLine, uninterrupted
from .options import Address, Backend, Minutes, Workers
from .output import written


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
            metavar="CONFIG",
            help=f"A TOML file, or the name of a preset: {', '.join(presets('search'))}.",
            autocompletion=named("search"),
        ),
    ],
    run: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", "--run", metavar="DIR", help="Folder of the run; a fresh one in results/runs."
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Overrides the file's seed.")
    ] = None,
    generations: Annotated[
        int | None, typer.Option("--generations", metavar="N", help="Overrides search.generations.")
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Overrides any key, see wann settings; may be repeated.",
            autocompletion=settable("search"),
        ),
    ] = None,
    minutes: Minutes = None,
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
                    settings,
                    run=folder,
                    minutes=minutes,
                    callback=line,
                    progress=False,
                    stop=stop,
                    tell=line.tell,
                ).finished
            ),
            timed=minutes is not None,
        )


def shown(folder: Path, work: Callable[[ProgressLine, Interruption], bool], *, timed: bool) -> int:
    """Search to the end, its time, or the first Ctrl-C, and name the results; returns the exit code."""
    line = ProgressLine()
    done = uninterrupted(folder, "this generation", line, lambda stop: work(line, stop), timed=timed)
    if not done:
        return INTERRUPTED
    results = [("Champion", "champion.json")]
    results += [("Picture", f"figures/{name}") for name in ("topology.svg", "learning.svg")]
    for what, name in [*results, ("Report", "report.html")]:
        if (folder / name).exists():  # all of them, unless the time was up early
            written(what, folder / name)
    return 0
