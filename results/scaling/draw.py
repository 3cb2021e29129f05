"""Draw what ``measure.py`` found, by `python results/scaling/draw.py`."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wann.reporting._style import ACCENT, BLUE, GREY, INK, add_title, house_style, save, tidy

HERE = Path(__file__).parent


def read(name: str) -> list[dict[str, str]]:
    """Rows of a table."""
    with (HERE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def draw_driver(axes: Axes) -> None:
    """Milliseconds of the driver against the population."""
    rows = read("driver")
    population = np.array([float(row["population"]) for row in rows])
    total = np.array([float(row["total_ms"]) for row in rows])
    axes.loglog(population, population * 0.02, color=GREY, linestyle="--", label="20 ms per 1,000 genomes")
    axes.loglog(population, total, color=BLUE, marker="o", label="measured")
    axes.set(xlabel="population", ylabel="ms per generation, evaluation aside")
    add_title(axes, "The driver")


def draw_saturation(axes: Axes) -> None:
    """Milliseconds of a generation against the number of workers, measured and by the model."""
    rows = [row for row in read("saturation") if row["model_ms"]]
    for work, colour in (("2.0", ACCENT), ("8.0", BLUE)):
        chosen = [row for row in rows if row["work_seconds"] == work]
        workers = np.array([float(row["workers"]) for row in chosen])
        measured, model = (
            np.array([float(row[name]) for row in chosen]) for name in ("measured_ms", "model_ms")
        )
        axes.loglog(workers, float(work) * 1e3 / workers, color=GREY, linewidth=0.8, linestyle=":")
        axes.loglog(workers, model, color=colour, linewidth=1.0, linestyle="--")
        axes.loglog(workers, measured, color=colour, marker="o", linestyle="", label=f"{work[0]} s of work")
    axes.plot([], [], color=INK, linewidth=1.0, linestyle="--", label="model")
    axes.plot([], [], color=GREY, linewidth=0.8, linestyle=":", label="ideal")
    axes.set(xlabel="workers", ylabel="ms per generation")
    axes.set_xticks([1, 2, 4, 8, 16, 32], ["1", "2", "4", "8", "16", "32"])
    axes.minorticks_off()
    add_title(axes, "Sleeping networks on two cores")


def draw_memory(axes: Axes) -> None:
    """Megabytes against generations of the same networks."""
    rows = [row for row in read("memory") if row["what"] == "same networks"]
    generation = [float(row["generation"]) for row in rows]
    for name, colour in (("driver_mb", ACCENT), ("workers_mb", BLUE), ("ray_mb", GREY)):
        label = {"driver_mb": "driver", "workers_mb": "two workers", "ray_mb": "Ray itself"}[name]
        axes.plot(generation, [float(row[name]) for row in rows], color=colour, label=label)
    axes.set(xlabel="generation", ylabel="resident MB", ylim=(0, None))
    add_title(axes, "Memory")


with house_style():
    figure = Figure(figsize=(10.5, 3.3), layout="constrained")
    panels = figure.subplots(1, 3)
    for axes, draw in zip(panels, (draw_driver, draw_saturation, draw_memory), strict=True):
        draw(axes)
        tidy(axes)
        axes.legend(frameon=False, fontsize=8)
    for suffix in (".svg", ".png"):
        save(figure, HERE / f"scaling{suffix}")
