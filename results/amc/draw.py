"""Summarise the rows: table.csv, transfer.csv, and accuracy against what is left of the weights.

python results/amc/draw.py
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Final

from matplotlib.figure import Figure

HERE: Final = Path(__file__).parent
COLOURS: Final = {
    "uniform": "#9a9a9a",
    "erk": "#c7a252",
    "global": "#5b7f95",
    "random": "#b0b0b0",
    "ddpg": "#b4552d",
    "cma": "#3f7d4e",
    "cma-linear": "#86b48f",
    "evolved": "#7a3b8f",
}
ASIDE: Final = {"random": -0.6, "ddpg": -0.3, "cma": 0.0, "cma-linear": 0.3, "evolved": 0.6}
"""So that points of one budget stand beside each other, in per cent of the weights."""
RULES: Final = ("uniform", "erk", "global")
TITLES: Final = {"lenet-5-90": "LeNet-5", "resnet-50": "small ResNet"}


def read(pattern: str) -> list[dict[str, str]]:
    """The rows of all tables with such a name."""
    rows: list[dict[str, str]] = []
    for path in sorted((HERE / "rows").glob(pattern)):
        with path.open(encoding="utf-8", newline="") as file:
            rows += csv.DictReader(file)
    return rows


def spread(numbers: Iterable[str]) -> str:
    """Mean and standard deviation in per cent; empty if nothing was measured."""
    values = [100 * float(number) for number in numbers if number]
    if len(values) < 2:
        return "".join(f"{value:.1f}" for value in values)
    return f"{mean(values):.1f} ± {stdev(values):.1f}"


def grouped(rows: list[dict[str, str]], *keys: str) -> dict[tuple[str, ...], list[dict[str, str]]]:
    """Rows that agree in these columns."""
    groups: dict[tuple[str, ...], list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[key] for key in keys)].append(row)
    return groups


def write(name: str, rows: list[dict[str, Any]]) -> None:
    """A table."""
    with (HERE / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def summary(rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    """A row for each cell and method."""
    return [
        {
            "cell": cell,
            "method": method,
            "seeds": len(group),
            "test": spread(row["test_accuracy"] for row in group),
            "tuned": spread(row["tuned_test_accuracy"] for row in group),
            "validation": spread(row["validation_accuracy"] for row in group),
            "weights": round(mean(float(row["weights"]) for row in group)),
            "flops": round(mean(float(row["flops"]) for row in group)),
            "episodes": round(mean(float(row["episodes"]) for row in group)),
            "seconds": round(mean(float(row["seconds"]) for row in group), 1),
        }
        for (cell, method), group in grouped(rows, "cell", "method").items()
    ]


def transfer(rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    """A row for each home, place and way."""
    for row in rows:
        cell, _, seed = row["champion"].rpartition("-")
        row["home"], row["network"] = cell, "its own" if row["network_seed"] == seed else "of the next seed"
    return [
        {
            **dict(zip(("home", "model", "network", "sparsity", "how"), key, strict=True)),
            "seeds": len(group),
            "test": spread(row["test_accuracy"] for row in group),
            "weights": round(mean(float(row["weights"]) for row in group)),
        }
        for key, group in grouped(rows, "home", "model", "network", "sparsity", "how").items()
    ]


def draw(rows: list[dict[str, str]], elsewhere: list[dict[str, str]]) -> None:
    """Rules and the evolved policies as curves over the budgets, the searched choices as points."""
    figure = Figure(figsize=(9.6, 4.2), layout="constrained")
    for axes, (cell, title) in zip(figure.subplots(1, 2), TITLES.items(), strict=True):
        home = 100 - float(cell.rpartition("-")[2])
        own = [row for row in elsewhere if row["home"] == cell and row["network"] == "its own"]
        own = [row for row in own if f"{row['model'].rpartition(':')[2]}-" in f"{cell}-"]
        for name in (*RULES, "evolved"):
            there = [row for row in rows if row["cell"] == cell and row["method"] == name]
            way = "policy, best weight there" if name == "evolved" else name
            points = {home: there}
            for row in own:
                if row["how"] == way:
                    points.setdefault(100 * (1 - float(row["sparsity"])), []).append(row)
            x = sorted(points)
            y = [100 * mean(float(row["test_accuracy"]) for row in points[left]) for left in x]
            label = "evolved: one policy" if name == "evolved" else name
            axes.plot(x, y, color=COLOURS[name], marker=".", label=label, zorder=2)
        for name in ("random", "ddpg", "cma", "cma-linear", "evolved"):
            found = [row for row in rows if row["cell"] == cell and row["method"] == name]
            y = [100 * float(row["test_accuracy"]) for row in found]
            x = [home + ASIDE[name] * home / 10] * len(found)
            axes.scatter(x, y, s=24, color=COLOURS[name], label=name, zorder=3, edgecolors="white")
        axes.set_title(f"{title} on Fashion-MNIST, no training after pruning")
        axes.set_xlabel("weights left (%)")
        axes.set_ylabel("test accuracy (%)")
        axes.grid(alpha=0.25)
    figure.axes[0].legend(fontsize=8, frameon=False)
    figure.savefig(HERE / "accuracy.svg", metadata={"Date": None})


def main() -> None:
    """Read all rows, write tables and picture."""
    rows = read("[lr]*.csv")
    write("table.csv", summary(rows))
    elsewhere = read("elsewhere-*.csv")
    if elsewhere:
        write("transfer.csv", transfer(elsewhere))
        draw(rows, elsewhere)


if __name__ == "__main__":
    main()
