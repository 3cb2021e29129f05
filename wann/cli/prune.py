"""wann prune."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import BadInput
from ..presets import presets
from .app import INTERRUPTED, app
from .completion import named, settable
from .live import RoundsLine, uninterrupted
from .options import TaskId, Trusted, Workers, writable
from .output import console, print_table, written

if TYPE_CHECKING:
    from ..pruning.run import RoundProgress


@app.command(
    examples=(
        "wann prune lenet-300-100/lottery-ticket --seed 3",
        "wann prune lenet-300-100/snip --set data.name=fashion-mnist",
        "wann prune lenet-5/amc --rates rates.toml",
        "wann prune results/runs/mnist-16-seed0-1 -o smaller.json",
    )
)
def prune(
    what: Annotated[
        str,
        typer.Argument(
            metavar="CONFIG|NETWORK",
            help="A TOML file or a preset's name: a dense network is trained and pruned. A network JSON, "
            "or the run folder of a search: connections are removed while it works as well under shared "
            f"weights. Presets are {', '.join(presets('prune'))}.",
            autocompletion=named("prune"),
        ),
    ],
    run: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            "--run",
            metavar="PATH",
            help="CONFIG: folder of the run; a fresh one in results/runs. NETWORK: the file to write.",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="N", min=0, help="CONFIG: overrides its seed. NETWORK: of episodes."),
    ] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="CONFIG: overrides any key, see wann settings; may be repeated.",
            autocompletion=settable("prune"),
        ),
    ] = None,
    rates: Annotated[
        Path | None,
        typer.Option(
            "--rates",
            metavar="FILE",
            help="CONFIG: a sparsity for each layer, as wann rates writes them.",
        ),
    ] = None,
    task: TaskId = None,
    tolerance: Annotated[
        float | None,
        typer.Option(
            "--tolerance",
            metavar="NUMBER",
            help="NETWORK: how much of the mean return may be lost; 0 if not given.",
        ),
    ] = None,
    workers: Workers = None,
    trust: Trusted = None,
) -> int:
    """Prune a dense network in rounds, or the connections of an evolved one."""
    path = Path(what)
    if what not in presets("prune") and (path.suffix == ".json" or path.is_dir()):
        _refuse({"--set": changes, "--rates": rates}, f"{what} is a network")
        output = writable(run)
        if output is None:
            raise BadInput(f"{what} is a network: name the file to write with -o FILE")
        return _shrink(path, output, task, tolerance or 0.0, seed or 0, workers, trust or ())
    _refuse(
        {"--task": task, "--tolerance": tolerance, "--workers": workers, "--trust": trust},
        f"{what} is a configuration",
    )
    from .. import api

    settings = api.read_prune_config(what, changes or (), seed=seed, rates=rates)
    with api.run_folder(run, path.stem, settings.seed) as folder:
        return rounds(
            folder,
            lambda show, stop, tell: (
                api.prune(settings, run=folder, show=show, stop=stop, tell=tell).finished
            ),
        )


def _refuse(options: dict[str, object], because: str) -> None:
    for name, given in options.items():
        if given is not None:
            raise BadInput(f"{name} does not go with it: {because}; see wann prune --help")


def rounds(
    folder: Path,
    begin: Callable[[Callable[[RoundProgress], None], Callable[[], bool], Callable[[str], None]], bool],
) -> int:
    """Prune to the end, or to the first Ctrl-C, and say where everything lies; returns the exit code."""
    line = RoundsLine()
    done = uninterrupted(folder, "this round", line, lambda stop: begin(line, stop, line.tell))
    if not done:
        return INTERRUPTED
    if (folder / "champion.json").is_file():
        written("Champion", f"{folder / 'champion.json'} (the smallest as good as dense)")
    written("Table", folder / "metrics.csv")
    written("Picture", folder / "figures" / "accuracy.svg")
    return 0


def _shrink(
    path: Path,
    output: Path,
    task: str | None,
    tolerance: float,
    seed: int,
    workers: int | None,
    trust: Sequence[str],
) -> int:
    from .. import api

    network = api.load(path)

    def show(sweep: int, connections: int, mean: float) -> None:
        console.print(f"sweep {sweep}  connections {connections:,}  mean return {mean:.5g}", soft_wrap=True)

    done = api.shrink(
        network, task=task, tolerance=tolerance, seed=seed, workers=workers, trust=trust, show=show
    )
    api.save(done.network, output)
    rows = [
        {
            "": when,
            "connections": f"{one.connections:,}",
            "mean over shared weights, fresh episodes": f"{mean:.5g}",
        }
        for when, one, mean in (
            ("before", network, done.fresh_before),
            ("after", done.network, done.fresh_after),
        )
    ]
    print_table(rows)
    written("Network", output)
    return 0
