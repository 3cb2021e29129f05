"""The report of a search: its champion, learning curve, front and settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..experiment import Config, load_config
from ..files import make_folder, read_table
from ..formats import load_network
from ..network import Network
from ..runs import RunFolder, read_manifest
from ..tasks import ControlSettings, image_width, recorded_names
from .curves import LEARNING, draw_learning
from .fronts import draw_front
from .report import Table, write_report
from .topology import draw_topology

__all__ = ["report_run"]

_LARGEST_COUNT: Final = 1e15


def report_run(folder: RunFolder) -> Path:
    """Draw the pictures of a run and write report.html; return its path.

    Raises:
        BadInput: the run has no champion or no metrics yet, or a file of it is damaged.
    """
    champion = load_network(folder.path)
    metrics = _metrics(folder)
    make_folder(folder.figures)
    config = load_config(folder.config)
    task = config.task
    side = image_width(task.id, champion.inputs)
    inputs, outputs = recorded_names(task, champion.data)
    topology, learning = folder.figures / "topology.svg", folder.figures / "learning.svg"
    draw_topology(
        champion,
        topology,
        input_names=inputs,
        output_names=outputs,
        side=side,
        title=f"Champion of {task.id}",
    )
    draw_learning(metrics, learning)
    figures = [("Champion", topology), ("Learning curve", learning)]
    if (folder.front / "front.csv").exists():
        picture = folder.figures / "front.svg"
        draw_front(*_front(folder.front / "front.csv"), picture)
        figures.append(("Front of the last generation", picture))
    write_report(
        folder.report,
        title=f"{task.id}, seed {_number(champion.provenance.get('seed'))}",
        facts=_facts(
            folder,
            champion,
            {name: column[-1] for name, column in metrics.items()},
            episodes=isinstance(task, ControlSettings),
        ),
        tables=[_settings(config)],
        figures=figures,
    )
    return folder.report


def _metrics(folder: RunFolder) -> dict[str, NDArray[np.float64]]:
    metrics, _ = read_table(folder.metrics, (*LEARNING, "evaluations", "steps"))
    if not len(metrics["generation"]):
        raise BadInput(f"{folder.metrics}: no generation yet")
    return metrics


def _front(path: Path) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Connections and means of the front's networks."""
    front, _ = read_table(path, ("connections", "mean"))
    connections = front["connections"]
    if not ((connections >= 0) & (connections <= _LARGEST_COUNT)).all():
        raise BadInput(f"{path}: not a table of a front: it holds impossible numbers of connections")
    return connections.astype(np.int64), front["mean"]


def _number(value: Any, shape: str = "") -> str:
    """A number from a network's provenance, which may contain any JSON value."""
    known = isinstance(value, int | float) and not isinstance(value, bool)
    return format(value, shape) if known else "unknown"


def _facts(
    folder: RunFolder, champion: Network, last: Mapping[str, float], *, episodes: bool
) -> dict[str, str]:
    provenance = champion.provenance
    facts = {
        "Champion": f"{champion.connections} connections ({champion.effective_connections} effective), "
        f"{champion.hidden} hidden nodes, found in generation {_number(provenance.get('generation'))}",
        "Mean return": f"{_number(provenance.get('selection_mean'), '.4g')} over "
        f"{_number(provenance.get('selection_episodes'))} selection episodes",
        "Generations": f"{last['generation'] + 1:,.0f}",
        "Episodes" if episodes else "Batches": f"{last['evaluations']:,.0f}",
        "Environment steps" if episodes else "Examples shown": f"{last['steps']:,.0f}",
    }
    manifest = read_manifest(folder.manifest)
    if manifest.wall_seconds is not None:
        facts["Time"] = f"{manifest.wall_seconds:,.1f} s"
        facts["Machine"] = f"{manifest.machine.processor}, {manifest.machine.cores} cores"
    return facts


def _settings(config: Config) -> Table:
    rows = []
    for name, value in config.model_dump(mode="json", exclude_none=True).items():
        table = (
            {f"{name}.{key}": inner for key, inner in value.items()}
            if isinstance(value, dict)
            else {name: value}
        )
        rows += [(key, json.dumps(shown, ensure_ascii=False)) for key, shown in table.items()]
    return Table("Configuration", ("key", "value"), tuple(rows))
