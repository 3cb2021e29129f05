"""What the pruning runs came to: table.csv, rounds.csv, curves and kept networks, from run folders.

    python results/pruning/table.py results/runs

The runs are those that README.md names, NAME-SEED; those that are not there are left out.
"""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from wann.reporting import FrontierPoint, draw_frontier
from wann.runs import manifest

HERE: Final = Path(__file__).parent
RUNS: Final = {
    "lottery-ticket": "lottery ticket, LeNet-300-100, MNIST",
    "han": "Han, LeNet-300-100, MNIST",
    "lenet-5-han": "Han, LeNet-5, MNIST",
    "snip": "SNIP, LeNet-300-100, MNIST",
    "grasp": "GraSP, LeNet-300-100, MNIST",
    "synflow": "SynFlow, LeNet-300-100, MNIST",
    "obd": "OBD, LeNet-300-100, MNIST",
    "learning-rate-rewinding": "learning rate rewound, LeNet-300-100, MNIST",
    "mnist-16-lottery": "lottery ticket, 256-300-100-10, MNIST 16 x 16",
    "fashion-neurons": "whole units, 784-300-150-10, Fashion-MNIST",
    "fashion-magnitude": "single weights, 784-300-150-10, Fashion-MNIST",
}
KEPT: Final = {
    "lottery-ticket": (7, 15),
    "han": (5,),
    "lenet-5-han": (4,),
    "snip": (2, 3),
    "synflow": (9,),
    "fashion-neurons": (5,),
    "fashion-magnitude": (8,),
}
"""Rounds whose masks and weights are kept, of seed 0."""
MEASURED: Final = (
    "test_accuracy", "final_test_accuracy", "int8_test_accuracy", "connections", "biases", "multiply_adds",
    "dense_bytes", "compact_bytes", "csr_bytes", "int8_bytes",
)  # fmt: skip
TIMED: Final = ("seconds", "dense_us", "compact_us", "csr_us")


def rows_of(run: Path) -> Iterator[dict[str, str]]:
    """A run's rows, with their times."""
    with (
        (run / "metrics.csv").open(encoding="utf-8") as first,
        (run / "timing.csv").open(encoding="utf-8") as second,
    ):
        for row, times in zip(csv.DictReader(first), csv.DictReader(second), strict=False):
            yield {**times, **row}


def summary(name: str, runs: dict[int, list[dict[str, str]]]) -> Iterator[dict[str, Any]]:
    """A row for each round and variant: means over seeds, and standard deviations of accuracies."""
    groups: dict[tuple[str, str], list[dict[str, str]]] = {}
    for rows in runs.values():
        for row in rows:
            groups.setdefault((row["round"], row["variant"]), []).append(row)
    for (number, variant), rows in groups.items():
        found: dict[str, Any] = {"run": name, "round": number, "variant": variant, "seeds": len(rows)}
        found["weights"] = round(np.mean([float(row["weights"]) for row in rows]), 1)
        found["share"] = round(
            100 * np.mean([float(row["weights"]) / float(row["total"]) for row in rows]), 4
        )
        for key in MEASURED:
            values = [float(row[key]) for row in rows]
            accuracy = "accuracy" in key
            found[key] = (
                round(100 * float(np.mean(values)), 3) if accuracy else round(float(np.mean(values)), 1)
            )
            if accuracy:
                found[f"{key}_std"] = round(100 * float(np.std(values, ddof=1)), 3) if len(values) > 1 else ""
        for key in TIMED:
            found[key] = round(float(np.median([float(row[key]) for row in rows])), 1)
        yield found


def keep(run: Path, name: str, rounds: tuple[int, ...]) -> None:
    """Copy masks and weights in compressed rows."""
    for number in rounds:
        source = run / "rounds" / f"{number:02d}-pruned"
        target = HERE / "networks" / f"{name}-round-{number:02d}"
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            for file in ("mask.npz", "sparse.npz", "int8.npz"):
                shutil.copyfile(source / file, target / file)


def draw(name: str, table: list[dict[str, Any]], accuracy: str) -> None:
    """Accuracy against weights kept, with the controls."""
    points = [
        FrontierPoint(
            row["variant"], row["weights"], row[accuracy] / 100, (row[f"{accuracy}_std"] or 0) / 100
        )
        for row in table
        if row["weights"] > 0
    ]
    (HERE / "curves").mkdir(exist_ok=True)
    draw_frontier(points, HERE / "curves" / f"{name}.svg", title=RUNS[name], across="weights kept")


def main() -> None:
    """Read, write, draw."""
    folder = Path(sys.argv[1])
    tables: list[dict[str, Any]] = []
    every: list[list[str]] = []
    for name in RUNS:
        runs = {}
        for path in sorted(folder.glob(f"{name}-[0-9]")):
            if (path / "timing.csv").is_file():
                runs[int(path.name[-1])] = list(rows_of(path))
        if not runs:
            continue
        table = list(summary(name, runs))
        tables += table
        early = name in ("lottery-ticket", "mnist-16-lottery")
        draw(name, table, "test_accuracy" if early else "final_test_accuracy")
        for seed, rows in runs.items():
            shutil.copyfile(
                folder / f"{name}-{seed}" / "config.toml", HERE / "configs" / f"{name}-{seed}.toml"
            )
            for row in rows:
                kept = " ".join(f"{key[5:]}:{value}" for key, value in row.items() if key.startswith("kept_"))
                every.append([name, str(seed), row["round"], row["variant"], row["weights"], row["total"]])
                every[-1] += [row[key] for key in ("connections", "validation_accuracy", "test_accuracy")]
                every[-1] += [row["final_validation_accuracy"], row["final_test_accuracy"], kept]
        keep(folder / f"{name}-0", name, KEPT.get(name, ()))
    with (HERE / "table.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(tables[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(tables)
    with (HERE / "rounds.csv").open("w", encoding="utf-8", newline="") as file:
        plain = csv.writer(file, lineterminator="\n")
        plain.writerow(
            ("run", "seed", "round", "variant", "weights", "total", "connections", "validation_accuracy",
             "test_accuracy", "final_validation_accuracy", "final_test_accuracy", "kept")
        )  # fmt: skip
        plain.writerows(every)
    (HERE / "table.manifest.json").write_text(json.dumps(manifest(), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    (HERE / "configs").mkdir(exist_ok=True)
    main()
