"""Draw the evidence, by `python results/swingup/draw.py`: learning curves, and returns against the weight.

Left: champions over random shared weights against the processor time of the search; the line is the median
over seeds, the band lies between the quartiles. Right: the champion of each family whose mean is the median
over its seeds, at each of 100 midpoints of [-2, 2]; the line is the mean of 10 episodes, the band lies
between the quartiles.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import wann
from wann.assessment import ControlAssessor
from wann.evaluation import LocalEvaluator
from wann.reporting._style import ACCENT, GREY, add_title, house_style, save, tidy
from wann.tasks import task_for

HERE: Final = Path(__file__).parent
REPORT_SEED: Final = 1_000_003


@dataclass(frozen=True)
class Family:
    """Searches of one kind.

    Attributes:
        folder: with ``learning.csv`` and the champions.
        label: in the legend.
        colour: of its lines.
    """

    folder: str
    label: str
    colour: str

    def rows(self) -> list[Mapping[str, str]]:
        """Rows of its table."""
        with (HERE / self.folder / "learning.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))


FAMILIES: Final = [
    family
    for family in (
        Family("fresh", "configs/swingup.toml", ACCENT),
        Family("published", "published algorithm", GREY),
    )
    if (HERE / family.folder / "learning.csv").exists()
]


def draw_learning(axes: Axes) -> None:
    """Median and quartiles over the seeds against processor time."""
    for family in FAMILIES:
        table: dict[str, list[tuple[float, float]]] = {}
        for row in family.rows():
            table.setdefault(row["at"], []).append(
                (float(row["processor_seconds"]), float(row["random_shared"]))
            )
        points = [(np.median(column, axis=0)[0], [score for _, score in column]) for column in table.values()]
        points.sort(key=lambda point: point[0])
        times = [time for time, _ in points]
        lower, middle, upper = np.array([np.percentile(scores, (25, 50, 75)) for _, scores in points]).T
        seeds = {row["seed"] for row in family.rows()}
        axes.fill_between(times, lower, upper, color=family.colour, alpha=0.2, linewidth=0)
        axes.plot(
            times,
            middle,
            color=family.colour,
            marker="o",
            markersize=3,
            label=f"{family.label}, {len(seeds)} seeds",
        )
    axes.set_xscale("log")
    ticks = [7.5, 15, 30, 60, 120, 240]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set(xlabel="processor seconds of the search", ylabel="return, random shared weight", ylim=(0, 1000))
    add_title(axes, "Learning")


def draw_weights(axes: Axes) -> None:
    """Return against the shared weight, of the median champion of each family."""
    for family in FAMILIES:
        last = {row["seed"]: float(row["random_shared"]) for row in family.rows()}
        seed = sorted(last, key=lambda key: last[key])[(len(last) - 1) // 2]
        champion = wann.load(HERE / family.folder / f"swingup-{seed}.json")
        with LocalEvaluator(task_for(champion, None), 2) as evaluator:
            weights, returns = ControlAssessor(champion, evaluator, REPORT_SEED).response()
        lower, upper = np.percentile(returns, (25, 75), axis=1)
        axes.fill_between(weights, lower, upper, color=family.colour, alpha=0.2, linewidth=0)
        label = f"seed {seed}, {champion.connections} connections"
        axes.plot(weights, returns.mean(axis=1), color=family.colour, label=label)
    axes.set(xlabel="shared weight", ylabel="return", xlim=(-2, 2), ylim=(0, 1000))
    add_title(axes, "Median champions at every weight")


def main() -> None:
    """Draw both panels into ``evidence.svg`` and ``evidence.png``."""
    with house_style():
        figure = Figure(figsize=(9.0, 3.4), layout="constrained")
        panels = figure.subplots(1, 2)
        places = ("lower right", (1.0, 0.0)), ("center right", (1.0, 0.67))  # where no curve is
        for axes, draw, (corner, anchor) in zip(panels, (draw_learning, draw_weights), places, strict=True):
            draw(axes)
            tidy(axes)
            axes.legend(frameon=False, fontsize=7.5, handlelength=1.2, loc=corner, bbox_to_anchor=anchor)
        for suffix in (".svg", ".png"):
            save(figure, HERE / f"evidence{suffix}")


if __name__ == "__main__":
    main()
