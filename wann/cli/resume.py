"""wann resume."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import BadInput
from .app import app
from .options import Address, Backend, Minutes, Trusted, Workers
from .search import shown


@app.command(
    examples=(
        "wann resume results/runs/swingup-seed0-1",
        "wann resume results/runs/swingup-seed0-1 --generations 4000",
    )
)
def resume(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of an interrupted run.")],
    generations: Annotated[
        int | None, typer.Option("--generations", metavar="N", help="Generations in all, not in addition.")
    ] = None,
    minutes: Minutes = None,
    backend: Backend = None,
    workers: Workers = None,
    address: Address = None,
    trust: Trusted = None,
) -> int:
    """Resume a search from its last checkpoint, or pruning after its last round."""
    from .. import api

    if api.prunes(run):
        from .prune import rounds

        if any(option is not None for option in (generations, minutes, backend, workers, address)):
            raise BadInput(
                f"{run}: a pruning run; --generations, --minutes, --backend, --workers and --ray-address are "
                "of searches"
            )
        return rounds(
            run,
            lambda show, stop, tell: (
                api.resume(run, trust=trust or (), callback=show, stop=stop, tell=tell).finished
            ),
        )
    return shown(
        run,
        lambda line, stop: (
            api.resume(
                run,
                generations=generations,
                minutes=minutes,
                backend=backend,
                workers=workers,
                address=address,
                trust=trust or (),
                callback=line,
                progress=False,
                stop=stop,
                tell=line.tell,
            ).finished
        ),
        timed=minutes is not None,
    )
