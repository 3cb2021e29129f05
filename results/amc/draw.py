"""Summarise the rows: table.csv, transfer.csv, and a picture of the test accuracies.

python results/amc/draw.py
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any, Final

from matplotlib.figure import Figure

HERE: Final = Path(__file__).parent
TITLES: Final = {
    "lenet-5-90": "LeNet-5, 10 % of its weights",
    "resnet-50": "small ResNet, 50 % of its weights",
}
SHADES: Final = ("#1f4e79", "#b4552d", "#3f7d4e")
"""One for each seed."""


def read(pattern: str) -> list[dict[str, str]]:
    """The rows of all tables with such a name."""
    rows: list[dict[str, str]] = []
    for path in sorted((HERE / "rows").glob(pattern)):
        with path.open(encoding="utf-8", newline="") as file:
            rows += csv.DictReader(file)
    return rows


def spread(numbers: Iterable[str]) -> str:
    """Mean and standard deviation in per cent."""
    values = [100 * float(number) for number in numbers]
    return f"{mean(values):.1f} ± {stdev(values):.1f}" if len(values) > 1 else f"{values[0]:.1f}"


def summary(rows: list[dict[str, str]], keys: Sequence[str], means: Sequence[str]) -> list[dict[str, Any]]:
    """A row for each group of rows that agree in the keys, with its accuracies and other means."""
    groups: dict[tuple[str, ...], list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[key] for key in keys)].append(row)
    return [
        {
            **dict(zip(keys, group, strict=True)),
            "seeds": len(members),
            "test": spread(row["test_accuracy"] for row in members),
            "validation": spread(row["validation_accuracy"] for row in members),
            **{name: round(mean(float(row[name]) for row in members), 1) for name in means},
        }
        for group, members in groups.items()
    ]


def write(name: str, rows: list[dict[str, Any]]) -> None:
    """A table."""
    with (HERE / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def draw(rows: list[dict[str, str]]) -> None:
    """Test accuracy of each method and seed."""
    figure = Figure(figsize=(9.6, 3.8), layout="constrained")
    methods = list(dict.fromkeys(row["method"] for row in rows))
    for axes, (cell, title) in zip(figure.subplots(1, 2), TITLES.items(), strict=True):
        for seed, shade in enumerate(SHADES):
            own = {
                row["method"]: 100 * float(row["test_accuracy"])
                for row in rows
                if (row["cell"], row["seed"]) == (cell, str(seed))
            }
            places = [methods.index(name) for name in own]
            axes.scatter(places, list(own.values()), s=26, color=shade, label=f"seed {seed}", zorder=3)
        axes.set_xticks(range(len(methods)), methods, rotation=35, ha="right")
        axes.set_title(f"{title}, Fashion-MNIST")
        axes.set_ylabel("test accuracy (%)")
        axes.grid(alpha=0.3)
    figure.axes[0].legend(frameon=False)
    figure.savefig(HERE / "accuracy.svg", metadata={"Date": None})


def main() -> None:
    """Read all rows, write tables and picture."""
    rows = read("[lr]*.csv")
    means = ("weights", "flops", "episodes", "seconds")
    write("table.csv", summary(rows, ("cell", "method"), means))
    draw(rows)
    elsewhere = read("elsewhere-*.csv")
    if elsewhere:
        write("transfer.csv", summary(elsewhere, ("home", "there", "how"), ("weights", "flops")))


if __name__ == "__main__":
    main()
