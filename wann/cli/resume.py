"""wann resume."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

import typer

from ..errors import BadInput
from .app import app
from .live import Interruption, ProgressLine
from .options import Address, Backend, Workers
from .search import closing


@app.command(epilog="Example: wann resume results/runs/swingup-1 --generations 4000")
def resume(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of an interrupted run.")],
    generations: Annotated[
        int | None, typer.Option("--generations", help="Generations in all, not in addition.")
    ] = None,
    backend: Backend = None,
    workers: Workers = None,
    address: Address = None,
) -> int:
    """Go on with a search from its last checkpoint, or with pruning after its last round."""
    if _prunes(run):
        from ..pruning import PruningRun
        from .prune import carry_on

        if any(option is not None for option in (generations, backend, workers, address)):
            raise BadInput(
                f"{run}: a pruning run; --generations, --backend, --workers and --ray-address are of searches"
            )
        return carry_on(PruningRun.resume(run))
    from .. import api

    interruption = Interruption()
    with interruption.watching(), ProgressLine() as line:
        done = api.resume(
            run,
            generations=generations,
            backend=backend,
            workers=workers,
            address=address,
            show=line,
            stop=interruption,
            tell=line.tell,
        )
    return closing(done, run)


def _prunes(run: Path) -> bool:
    """Whether the run is one of pruning."""
    try:
        return tomllib.loads((run / "config.toml").read_text(encoding="utf-8")).get("kind") == "prune"
    except (OSError, ValueError):
        return False  # what is wrong with it is said where it is read
