"""The networks of pruning runs as entries of a comparison."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ..errors import BadInput
from ..formats import load_network
from ..runs import PruningOutline, read_rounds
from .conditions import ImageTasks, under_shared_weights
from .entries import Entry, Family

__all__ = ["pruned_networks"]

_LARGEST_SHARED: Final = 10_000  # connections of a pruned network that is assessed under shared weights


def pruned_networks(
    run: Path, document: dict[str, Any], settings: str, tasks: ImageTasks, seed: int
) -> Iterator[Entry]:
    """Every network of a pruning run with its trained weights, small pruned ones under shared weights too.

    Args:
        run: the run folder.
        document: its configuration.
        settings: that configuration without the seed, as text.
        tasks: sets of images.
        seed: for what the assessment draws.

    Raises:
        BadInput: no configuration or tables of a pruning run, or unknown images.
    """
    config = PruningOutline.of(run / "config.toml", document)
    try:
        task = tasks[config.data.name]
    except BadInput as error:
        raise BadInput(f"{run}: {error}") from None
    unpruned = config.pruning.rounds == 0 and config.pruning.schedule == "iterative"
    for variant, row in read_rounds(run):
        step, connections = f"round {row['round']:.0f}", row["connections"]
        family = Family("pruned", config.family, None if variant == "pruned" else variant, settings=settings)
        if variant == "dense":
            family = Family("dense", config.model.name, settings=settings)
            if unpruned:  # several sizes form one family; seeds of one size are averaged
                family, step = Family("small-dense"), f"{connections:,.0f} weights"
        entry = Entry(
            task=task.id,
            family=family,
            step=step,
            connections=connections,
            biases=row["biases"],
            accuracy=row["test_accuracy"],
            weight_values=connections,
            multiply_adds=row["multiply_adds"],
            bytes=row["csr_bytes"],
            seconds=row["seconds"],
        )
        yield entry
        path = run / "rounds" / f"{row['round']:02.0f}-pruned" / "network.json"
        if variant == "pruned" and 0 < connections <= _LARGEST_SHARED and path.is_file():
            yield from under_shared_weights(load_network(path), entry, task, seed)
