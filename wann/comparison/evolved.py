"""Evolved networks as entries of a comparison."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from ..errors import BadInput
from ..formats import load_network
from ..network import Network
from ..runs import members, read_manifest
from .conditions import ImageTasks, assessor_of, path_counts, stored_bytes, under_shared_weights
from .entries import Entry, Family

__all__ = ["evolved_networks"]

_MOST_FROM_FRONT: Final = 12  # networks of a search's last front, beside its champion


def evolved_networks(
    run: Path, settings: str, tasks: ImageTasks, seed: int, *, trained: bool
) -> Iterator[Entry]:
    """A search's champion and a sample of its last front, or the network of a file.

    Args:
        run: the folder of a search, or a network JSON file.
        settings: the run's configuration without the seed, as text.
        tasks: sets of images.
        seed: for what the assessment draws, and of training.
        trained: whether a champion without weights of its own is trained too, where PyTorch is installed.

    Raises:
        BadInput: no network, or one of a task without images.
    """
    recorded = read_manifest(run / "manifest.json").processor_seconds
    seconds = float("nan") if recorded is None else recorded
    step = "champion" if run.is_dir() else str(run)
    yield from _assessed(load_network(run), step, settings, tasks, seed, seconds, trained=trained)
    front = [path for path in members(run / "front") if path.suffix == ".json"]
    sample = np.linspace(0, len(front) - 1, min(_MOST_FROM_FRONT, len(front)))
    for index in sorted({round(position) for position in sample}):
        network = load_network(front[index])
        if network.connections:
            yield from _assessed(network, front[index].stem, settings, tasks, seed, seconds, trained=False)


def _assessed(
    network: Network,
    step: str,
    settings: str,
    tasks: ImageTasks,
    seed: int,
    seconds: float,
    *,
    trained: bool,
) -> Iterator[Entry]:
    """A network under shared weights, and with its own weights or trained ones."""
    if network.task is None:
        raise BadInput(f"{step}: the network names no task")
    task = tasks[network.task]
    connections, biases = path_counts(network)
    values = 1 if network.weights is None else len(np.unique(network.weights))
    entry = Entry(
        task=task.id,
        family=Family("evolved", settings=settings),
        step=step,
        connections=connections,
        biases=biases,
        accuracy=float("nan"),
        weight_values=values,
        multiply_adds=connections,
        bytes=stored_bytes(network, values),
        seconds=seconds,
    )
    yield from under_shared_weights(network, entry, task, seed)
    if network.weights is not None:
        accuracy = assessor_of(network, task, seed).stored().accuracy
        yield replace(entry, family=replace(entry.family, condition="stored"), accuracy=accuracy)
    elif trained and find_spec("torch") is not None:
        began = time.process_time()
        accuracy = assessor_of(network, task, seed).tuned().accuracy
        yield replace(
            entry,
            family=replace(entry.family, condition="tuned"),
            accuracy=accuracy,
            weight_values=connections,
            bytes=stored_bytes(network, network.connections),
            seconds=seconds + time.process_time() - began,
        )
