"""The verb that puts pruned and evolved networks on one frontier of accuracy against connections.

Horizontal axis: effective connections, without biases. Vertical axis: accuracy on the test images, mean and
standard deviation over seeds; weights are selected on the validation images.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import BadInput
from ..files import make_folder, read_toml, write_atomically
from ..reporting import FrontierPoint, draw_frontier
from ..runs import check_parts, manifest
from ..streams import check_seed
from .baselines import logistic_regressions
from .conditions import ImageTasks
from .entries import Entry, averaged, table
from .evolved import evolved_networks
from .pruned import pruned_networks

__all__ = ["frontier"]


def frontier(
    runs: Sequence[Path | str],
    folder: Path | str,
    *,
    seed: int = 0,
    logistic: bool = True,
    trained: bool = True,
    show: Callable[[str], None] = lambda _: None,
) -> list[Entry]:
    """Compare runs; write ``frontier.csv``, a picture for each set of images, and a manifest.

    Runs that differ in the seed alone form one family.

    Args:
        runs: folders of pruning runs and of searches on images, or network JSON files.
        folder: where the comparison is written; created if it does not exist.
        seed: for what the assessment draws, and of training.
        logistic: whether logistic regressions with an L1 penalty are fitted for comparison.
        trained: whether evolved champions are trained too, where PyTorch is installed.
        show: called with the name of what is processed next.

    Raises:
        BadInput: no runs, a folder that is no run, or a network of a task without images.
        Failure: the folder cannot be written.
    """
    check_seed(seed)
    if not runs:
        raise BadInput(
            "none given; accepted are folders of searches on images, of pruning runs, and network JSON",
            argument="runs",
        )
    tasks = ImageTasks()
    networks: list[Entry] = []
    for run in map(Path, runs):
        show(f"{run}")
        networks += _networks(run, tasks, seed, trained=trained)
    if logistic:
        for name in sorted({entry.task for entry in networks}):
            show(f"logistic regression with an L1 penalty on {name}")
            networks += logistic_regressions(tasks[name], seed)
    entries = averaged(networks)
    _write(entries, Path(folder), [str(run) for run in runs])
    return entries


def _networks(run: Path, tasks: ImageTasks, seed: int, *, trained: bool) -> Iterator[Entry]:
    if run.is_dir():
        check_parts(run)
    path = run / "config.toml"
    document = read_toml(path) if path.is_file() else {}
    settings = _without_seed(document)
    if document.get("kind") == "prune":
        return pruned_networks(run, document, settings, tasks, seed)
    return evolved_networks(run, settings, tasks, seed, trained=trained)


def _without_seed(config: Mapping[str, Any]) -> str:
    """What runs of the same settings have in common: all but the seed, and where they were computed."""
    data = config.get("data")
    if isinstance(data, dict):
        data = {key: value for key, value in data.items() if key != "folder"}
    return json.dumps({**config, "seed": None, "backend": None, "data": data}, sort_keys=True, default=str)


def _write(entries: Sequence[Entry], folder: Path, runs: list[str]) -> None:
    make_folder(folder)
    write_atomically(folder / "frontier.csv", table(entries).encode())
    write_atomically(folder / "manifest.json", (json.dumps(manifest(runs=runs), indent=1) + "\n").encode())
    for task in sorted({entry.task for entry in entries}):
        points = [
            FrontierPoint(str(entry.family), entry.connections, entry.accuracy, entry.std)
            for entry in entries
            if entry.task == task and entry.connections > 0 and _is_drawn(entry)
        ]
        title = f"{task}: accuracy against connections"
        draw_frontier(points, folder / f"frontier-{task}.svg", title=title)


def _is_drawn(entry: Entry) -> bool:
    """Pruned networks under shared weights are drawn by their mean alone; the table has all conditions."""
    return entry.family.kind == "evolved" or entry.family.condition in (None, "shared")
