"""Fit the logistic regressions of frontier.csv again, and draw the frontiers with them.

    WANN_DATA=... python results/pruning/frontier/logistic.py mnist-16

Fitted are those of the sets of images that are named. The other rows stay as they are: they are of runs whose
folders are not kept.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from wann.comparison.baselines import logistic_regressions
from wann.comparison.entries import Entry, averaged, table
from wann.files import write_atomically
from wann.reporting import FrontierPoint, draw_frontier
from wann.runs import manifest
from wann.tasks import ImageSettings, make_classification

HERE: Final = Path(__file__).parent
TABLE: Final = HERE / "frontier.csv"
TASKS: Final = ("mnist-16", "fashion-mnist")
FAMILY: Final = ',"logistic regression, L1",'
UNDRAWN: Final = ("best shared weight", "ensemble")
"""Conditions in which pruned networks are in the table only, as ``wann frontier`` has it."""


def fitted(names: Sequence[str]) -> Iterator[Entry]:
    """The regressions of sets of images."""
    for name in names:
        for entry in logistic_regressions(make_classification(ImageSettings(id=name)), 0):
            sys.stderr.write(f"{name}, {entry.step}: {entry.connections} {entry.accuracy:.4f}\n")
            yield entry


def draw(names: Sequence[str]) -> None:
    """Their pictures, from the table."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for name in names:
        points = [
            FrontierPoint(row["family"], *(float(row[key]) for key in ("connections", "accuracy", "std")))
            for row in rows
            if row["task"] == name
            and float(row["connections"]) > 0
            and (row["family"].startswith("evolved") or not row["family"].endswith(UNDRAWN))
        ]
        draw_frontier(points, HERE / f"frontier-{name}.svg", title=f"{name}: accuracy against connections")


def main() -> None:
    """Fit, replace, draw."""
    facts = manifest()  # before the table changes: the commit is clean
    names = [name for name in TASKS if name in sys.argv[1:]]
    header, *lines = TABLE.read_text(encoding="utf-8").splitlines()
    others = [line for line in lines if not line.startswith(tuple(f"{name}{FAMILY}" for name in names))]
    new_header, *new = table(averaged(fitted(names))).splitlines()
    if new_header != header:
        raise SystemExit(f"{TABLE} has other columns")
    write_atomically(TABLE, "\n".join([header, *others, *new, ""]).encode())
    draw(names)
    write_atomically(HERE / "logistic.manifest.json", (json.dumps(facts, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
