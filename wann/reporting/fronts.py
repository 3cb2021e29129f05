"""Performance against connections: a population and its non-dominated front."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from ..errors import BadInput
from ..kernels.ranking import fronts
from ._style import ACCENT, BLUE, INK, add_title, checked_suffix, drawable, house_style, save, tidy

__all__ = ["draw_front", "non_dominated"]


def non_dominated(connections: NDArray[np.int64], means: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which individuals nobody beats in both: fewer connections and a higher mean; bool[n].

    A mean that is not finite is on no front.
    """
    finite = np.flatnonzero(np.isfinite(means))
    first, second = means[finite], -connections[finite].astype(np.float64)
    order = np.lexsort((-second, -first))
    chosen = np.zeros(len(means), np.bool_)
    chosen[finite] = fronts(order, first, second) == 0
    return chosen


def draw_front(
    connections: NDArray[np.int64],
    means: NDArray[np.float64],
    path: Path,
    *,
    title: str | None = None,
    score: str = "mean return",
    champion: tuple[int, float] | None = None,
) -> None:
    """Draw mean return against connections, with the non-dominated front.

    Args:
        connections: int64[n], connections of each individual.
        means: float64[n], mean return of each over the shared weights.
        path: an SVG, PNG or PDF file.
        title: a line above the drawing.
        score: what the upright axis measures.
        champion: connections and mean of one network to mark.

    Raises:
        BadInput: an unknown suffix, or arrays of unequal length.
        Failure: the file cannot be written.
    """
    checked_suffix(path)
    if len(connections) != len(means):
        raise BadInput(f"{len(connections)} numbers of connections for {len(means)} means")
    front, means = non_dominated(connections, means), drawable(means)
    steps = np.unique(np.stack([connections[front].astype(np.float64), means[front]]), axis=1)
    with house_style():
        figure = Figure(figsize=(5.6, 3.6), layout="constrained")
        axes = figure.add_subplot()
        add_title(axes, title)
        others = (connections[~front], means[~front])
        axes.scatter(*others, s=16, color=BLUE, alpha=0.35, linewidths=0, label="population")
        line = axes.plot(*steps, color=ACCENT, linewidth=1.3, drawstyle="steps-post", zorder=3)
        line[0].set(marker="o", markersize=4.5, label="non-dominated front")
        if champion is not None:
            star = axes.scatter(*champion, s=110, marker="*", label="champion", zorder=4)
            star.set(facecolor="#f2a541", edgecolor=INK, linewidth=0.6)
        axes.set_xlabel("connections")
        axes.set_ylabel(score)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
        tidy(axes)
        figure.legend(loc="outside lower center", ncols=3)
        save(figure, path)
