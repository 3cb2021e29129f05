"""Performance against connections: one population with its non-dominated front, or families of networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import NDArray

from ..errors import BadInput
from ..kernels.ranking import fronts
from ._style import ACCENT, BLUE, GREY, INK, add_title, checked_suffix, drawable, house_style, save, tidy

__all__ = ["FrontierPoint", "draw_front", "draw_frontier", "non_dominated"]

_COLOURS: Final = (
    *(ACCENT, BLUE, "#2a9d8f", "#e9a23b", "#7b5ea7", "#5b8c2a", "#c46ab0", "#4a6fa5", "#a0522d"),
    *(INK, "#00838f", "#b5651d"),
)
_TICKS: Final = (
    *(0.0, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90),
    *(93, 95, 96, 97, 98, 98.5, 99, 99.3, 99.5, 99.7, 99.9),
)
_LEAST_ERROR: Final = 1e-4
_MARKERS: Final = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")


def non_dominated(connections: NDArray[np.int64], means: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Individuals that no other one dominates: fewer connections and a higher mean; bool[n].

    An individual whose mean is not finite is on no front.
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
        score: label of the vertical axis.
        champion: connections and mean of one network to mark.

    Raises:
        BadInput: an unknown suffix, or arrays of unequal length.
        Failure: the file cannot be written.
    """
    checked_suffix(path)
    if len(connections) != len(means):
        raise BadInput(f"connections has {len(connections)} values, means {len(means)}")
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


@dataclass(frozen=True)
class FrontierPoint:
    """One size of one family of networks.

    Attributes:
        family: its name in the legend.
        connections: number of connections, above zero.
        accuracy: mean over seeds, from 0 to 1.
        std: standard deviation over seeds.
    """

    family: str
    connections: float
    accuracy: float
    std: float


def draw_frontier(
    points: Sequence[FrontierPoint],
    path: Path,
    *,
    title: str | None = None,
    across: str = "effective connections",
) -> None:
    """Draw test accuracy against connections, a line for each family, the error on a logarithmic scale.

    Args:
        points: in any order; families are listed in order of first appearance.
        path: an SVG, PNG or PDF file.
        title: a line above the drawing.
        across: label of the horizontal axis.

    Raises:
        BadInput: an unknown suffix, or no points.
        Failure: the file cannot be written.
    """
    checked_suffix(path)
    if not points:
        raise BadInput("points: none given; no network has a connection")
    families = list(dict.fromkeys(point.family for point in points))
    with house_style():
        figure = Figure(figsize=(8.6, 4.4), layout="constrained")
        axes = figure.add_subplot()
        add_title(axes, title)
        for number, family in enumerate(families):
            _draw_family(axes, number, [point for point in points if point.family == family])
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.set_yscale("function", functions=(_to_height, _from_height))
        shown = [tick for tick in _TICKS if _lowest(points) <= tick <= _highest(points)]
        axes.yaxis.set_major_locator(FixedLocator([tick / 100 for tick in shown]))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:g}"))
        axes.set_ylim(_lowest(points) / 100, _highest(points) / 100)
        axes.set_xlabel(across)
        axes.set_ylabel("test accuracy, %")
        tidy(axes)
        figure.legend(loc="outside right upper")
        save(figure, path)


def _draw_family(axes: Axes, number: int, members: list[FrontierPoint]) -> None:
    members = sorted(members, key=lambda point: point.connections)
    size = [point.connections for point in members]
    height = [point.accuracy for point in members]
    bars = [point.std for point in members]
    family = members[0].family
    colour = GREY if family.startswith("dense") else _COLOURS[number % len(_COLOURS)]
    drawn = axes.errorbar(size, height, bars if any(bars) else None, color=colour, label=family)
    drawn[0].set(linewidth=1.2, marker=_MARKERS[number % len(_MARKERS)], markersize=4.2)
    for bar in drawn[2]:
        bar.set(linewidth=0.8, alpha=0.7)
    if family.startswith("dense"):
        axes.axhline(height[0], color=colour, linewidth=0.7, linestyle=(0, (4, 3)), zorder=1)


def _to_height(accuracy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Height of an accuracy: equal factors of the error are equally far apart, as 90, 99 and 99.9 %."""
    return -np.log10(np.clip(1 - np.asarray(accuracy, np.float64), _LEAST_ERROR, 1.0))


def _from_height(height: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 - 10.0 ** -np.asarray(height, np.float64)


def _lowest(points: Sequence[FrontierPoint]) -> float:
    """The highest tick below all points, in per cent."""
    least = 100 * min(point.accuracy - point.std for point in points)
    return max((tick for tick in _TICKS if tick <= least), default=0.0)


def _highest(points: Sequence[FrontierPoint]) -> float:
    """The lowest tick above all points, in per cent."""
    most = 100 * max(point.accuracy + point.std for point in points)
    return min((tick for tick in _TICKS if tick >= most), default=100 * (1 - _LEAST_ERROR))
