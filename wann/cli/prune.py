"""wann prune."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .app import INTERRUPTED, app
from .live import Interruption, RoundsLine, console

if TYPE_CHECKING:
    from ..pruning import PruningRun


@app.command(
    epilog="Examples: wann prune configs/prune/lottery-ticket.toml --seed 3 | "
    "wann prune configs/prune/snip.toml --set pruning.criterion=grasp --set data.name=fashion-mnist | "
    "wann prune results/swingup/champions/3.json -o smaller.json"
)
def prune(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="A TOML file; see configs/prune/.")],
    run: Annotated[
        Path | None,
        typer.Option("--run", metavar="DIR", help="Folder of the run; a fresh one in results/runs."),
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Overrides the file's seed.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Overrides any key; may be repeated."),
    ] = None,
) -> int:
    """Prune a dense network in rounds, and keep every round in a run folder."""
    from .. import api
    from ..pruning import PruningRun, load_prune_config

    overrides = [*(changes or ()), *([] if seed is None else [f"seed={seed}"])]
    settings = load_prune_config(config, overrides)
    folder = run or api.fresh_run_folder(config)
    return carry_on(PruningRun.start(settings, folder))


def carry_on(run: PruningRun) -> int:
    """Run to the end, or to the first Ctrl-C; returns the exit code."""
    folder = run.folder
    interruption = Interruption()
    with interruption.watching(), RoundsLine() as line:
        done = run.run(line, interruption)
    if not done:
        console.print(f"Interrupted; go on with: wann resume {folder.path}", soft_wrap=True)
        return INTERRUPTED
    if folder.champion.is_file():
        console.print(f"Champion: {folder.champion} (the smallest as good as dense)", soft_wrap=True)
    console.print(f"Table:    {folder.metrics}", soft_wrap=True)
    console.print(f"Picture:  {folder.figures / 'accuracy.svg'}", soft_wrap=True)
    return 0
