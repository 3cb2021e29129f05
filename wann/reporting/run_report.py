"""A run on one page: its champion, how the search got there, its front, its settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..config import Config, load_config
from ..errors import BadInput
from ..formats import load_network
from ..network import Network
from ..runs import RunFolder
from ..tasks import recorded_names, side_of
from .curves import draw_learning
from .fronts import draw_front
from .report import Table, write_report
from .topology import draw_topology

__all__ = ["report_run"]


def report_run(folder: RunFolder) -> Path:
    """Draw the pictures of a run and write report.html; returns its path.

    Raises:
        BadInput: the run has no champion or no metrics yet.
    """
    champion = load_network(folder.path)
    metrics = folder.columns(folder.metrics)
    if not len(metrics.get("generation", ())):
        raise BadInput(f"{folder.metrics}: no generation yet")
    folder.figures.mkdir(exist_ok=True)
    config = load_config(folder.config)
    task = config.task
    side = side_of(task.id, champion.inputs)
    inputs, outputs = recorded_names(task)
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
        front = folder.columns(folder.front / "front.csv")
        picture = folder.figures / "front.svg"
        draw_front(front["connections"].astype(int), front["mean"], picture)
        figures.append(("Front of the last generation", picture))
    write_report(
        folder.report,
        title=f"{task.id}, seed {champion.provenance.get('seed')}",
        facts=_facts(
            folder, champion, {name: column[-1] for name, column in metrics.items()}, images=side is not None
        ),
        tables=[_settings(config)],
        figures=figures,
    )
    return folder.report


def _facts(
    folder: RunFolder, champion: Network, last: Mapping[str, float], *, images: bool
) -> dict[str, str]:
    found = champion.provenance
    facts = {
        "Champion": f"{champion.connections} connections ({champion.effective_connections} effective), "
        f"{champion.hidden} hidden nodes, found in generation {found.get('generation')}",
        "Mean return": f"{found.get('selection_mean', float('nan')):.4g} over "
        f"{found.get('selection_episodes')} selection episodes",
        "Generations": f"{last['generation'] + 1:,.0f}",
        "Batches" if images else "Episodes": f"{last['evaluations']:,.0f}",
        "Images shown" if images else "Environment steps": f"{last['steps']:,.0f}",
    }
    manifest = _manifest(folder)
    if manifest:
        facts["Time"] = f"{manifest.get('wall_seconds', 0):,.1f} s"
        machine = manifest.get("machine", {})
        facts["Machine"] = f"{machine.get('processor')}, {machine.get('cores')} cores"
    return facts


def _manifest(folder: RunFolder) -> dict[str, Any]:
    try:
        document = json.loads(folder.manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


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
