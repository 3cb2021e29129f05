"""Curves: the course of a search, and a network's return by its shared weight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ..errors import BadInput
from ._style import ACCENT, BLUE, GREY, INK, add_title, checked_suffix, drawable, house_style, save, tidy

__all__ = ["LEARNING", "draw_learning", "draw_weight_response"]

FloatArray = NDArray[np.float64]

_RETURNS: Final = (
    ("best_max", "best at its best weight", "#9db8d6", 0.9),
    ("median_mean", "median of the generation", GREY, 1.1),
    ("best_mean", "best of the generation", BLUE, 1.1),
    ("champion_mean", "champion", ACCENT, 1.9),
)
_CONNECTIONS: Final = (
    ("median_connections", "median of the generation", GREY, 1.1),
    ("best_connections", "best of the generation", BLUE, 1.1),
)
LEARNING: Final = ("generation", *(name for name, *_ in (*_RETURNS, *_CONNECTIONS)))
"""The columns of metrics that are drawn."""


def draw_learning(
    metrics: Mapping[str, FloatArray],
    path: Path,
    *,
    title: str | None = None,
    score: str = "mean return",
) -> None:
    """Draw returns, and below them connections, against the generation.

    Args:
        metrics: columns of a run's metrics.csv, float64[generations] each: generation, best_mean,
            median_mean, best_max, champion_mean, best_connections, median_connections.
        path: an SVG, PNG or PDF file.
        title: a line above the drawing.
        score: label of the upper axis.

    Raises:
        BadInput: an unknown suffix, a missing column, or columns of unequal length.
        Failure: the file cannot be written.
    """
    checked_suffix(path)
    _check_columns(metrics)
    with house_style():
        figure = Figure(figsize=(6.4, 4.6), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(2.2, 1.0))
        add_title(above, title)
        for axes, curves in ((above, _RETURNS), (below, _CONNECTIONS)):
            _draw_columns(axes, metrics, curves)
        above.set_ylabel(score)
        below.set_ylabel("connections")
        below.set_xlabel("generation")
        below.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        below.margins(y=0.15)
        handles, _ = above.get_legend_handles_labels()
        # The champion first: readers look for it.
        figure.legend(handles=handles[::-1], loc="outside lower center", ncols=4, columnspacing=1.4)
        save(figure, path)


def _check_columns(metrics: Mapping[str, FloatArray]) -> None:
    missing = [name for name in LEARNING if name not in metrics]
    if missing:
        raise BadInput(f"no column {missing[0]!r}; there are {', '.join(metrics)}", argument="metrics")
    for name in LEARNING:
        if len(metrics[name]) != len(metrics["generation"]):
            raise BadInput(
                f"column {name!r} has {len(metrics[name])} rows, generation {len(metrics['generation'])}",
                argument="metrics",
            )


def _draw_columns(
    axes: Axes, metrics: Mapping[str, FloatArray], curves: Sequence[tuple[str, str, str, float]]
) -> None:
    generation = metrics["generation"]
    # A single generation gives no line.
    marker = "o" if len(generation) == 1 else None
    for column, label, colour, width in curves:
        axes.plot(
            generation,
            drawable(metrics[column]),
            color=colour,
            linewidth=width,
            label=label,
            marker=marker,
            markersize=3,
            # A champion is kept until a better one is found.
            drawstyle="steps-post" if column == "champion_mean" else "default",
        )
    axes.margins(x=0.01)
    tidy(axes)


def draw_weight_response(
    weights: FloatArray,
    mean: FloatArray,
    std: FloatArray,
    path: Path,
    *,
    title: str | None = None,
    score: str = "mean return",
    trained: Sequence[float] = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0),
    chosen: float | None = None,
) -> None:
    """Draw the mean return against the shared weight, with a band of one standard deviation.

    Args:
        weights: float64[n], shared weights in any order.
        mean: float64[n], mean return of each.
        std: float64[n], standard deviation over the episodes of each.
        path: an SVG, PNG or PDF file.
        title: a line above the drawing.
        score: label of the vertical axis.
        trained: weights that the search used, marked on the axis.
        chosen: the tuned weight, marked by a line.

    Raises:
        BadInput: an unknown suffix, or arrays of unequal length.
        Failure: the file cannot be written.
    """
    checked_suffix(path)
    if not len(weights) == len(mean) == len(std):
        raise BadInput(f"{len(weights)} weights, {len(mean)} means and {len(std)} standard deviations")
    order = np.argsort(weights, kind="stable")
    weights, mean, std = weights[order], drawable(mean[order]), drawable(std[order])
    with house_style():
        figure = Figure(figsize=(5.6, 3.2), layout="constrained")
        axes = figure.add_subplot()
        add_title(axes, title)
        band = axes.fill_between(weights, mean - std, mean + std, label="one standard deviation")
        band.set(color=BLUE, alpha=0.16, linewidth=0.0)
        axes.plot(weights, mean, color=BLUE, label="mean")
        if chosen is not None:
            axes.axvline(chosen, color=ACCENT, linewidth=1.0, label=f"tuned: {chosen:g}")
        if trained:
            _mark_trained(axes, trained)
        axes.set_xlabel("shared weight")
        axes.set_ylabel(score)
        axes.set_xlim(min(-2.0, *weights, *trained) - 0.05, max(2.0, *weights, *trained) + 0.05)
        tidy(axes)
        figure.legend(loc="outside lower center", ncols=4)
        save(figure, path)


def _mark_trained(axes: Axes, trained: Sequence[float]) -> None:
    """Mark weights by triangles on the axis, where they hide no data."""
    axes.plot(
        trained,
        np.zeros(len(trained)),
        transform=axes.get_xaxis_transform(),
        linestyle="none",
        marker="^",
        markersize=5,
        color=INK,
        clip_on=False,
        label="weights of the search",
    )
