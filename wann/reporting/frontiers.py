"""Accuracy against connections, several families of networks in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from numpy.typing import NDArray

from ..errors import BadInput
from ._style import ACCENT, BLUE, GREY, INK, add_title, checked_suffix, house_style, save, tidy

__all__ = ["FrontierPoint", "draw_frontier"]

_COLOURS: Final = (
    *(ACCENT, BLUE, "#2a9d8f", "#e9a23b", "#7b5ea7", "#5b8c2a", "#c46ab0", "#4a6fa5", "#a0522d"),
    *(INK, "#00838f", "#b5651d"),
)
_TICKS: Final = (
    *(0.0, 10, 20, 30, 40, 50, 60, 70, 80, 85, 90),
    *(93, 95, 96, 97, 98, 98.5, 99, 99.3, 99.5, 99.7, 99.9),
)
_LEAST_ERROR: Final = 1e-4
_MARKS: Final = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "*")


@dataclass(frozen=True)
class FrontierPoint:
    """One size of one family.

    Attributes:
        family: what it is called in the picture.
        connections: how many, above zero.
        accuracy: mean over seeds, from 0 to 1.
        deviation: over seeds.
    """

    family: str
    connections: float
    accuracy: float
    deviation: float


def draw_frontier(
    points: Sequence[FrontierPoint],
    path: Path,
    *,
    title: str | None = None,
    across: str = "effective connections",
) -> None:
    """Draw test accuracy against connections, a line for each family; errors by their factors.

    Args:
        points: in any order; families in the order in which they first come.
        path: an SVG, PNG or PDF file.
        title: a line above the drawing.
        across: what the level axis counts.

    Raises:
        BadInput: an unknown suffix, or no points.
        Failure: the file cannot be written.
    """
    checked_suffix(path)
    if not points:
        raise BadInput("no network with a connection: there is nothing to draw")
    families = list(dict.fromkeys(point.family for point in points))
    with house_style():
        figure = Figure(figsize=(8.6, 4.4), layout="constrained")
        axes = figure.add_subplot()
        add_title(axes, title)
        for number, family in enumerate(families):
            _draw_family(axes, number, [point for point in points if point.family == family])
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.set_yscale("function", functions=(_spread, _gathered))
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
    bars = [point.deviation for point in members]
    family = members[0].family
    colour = GREY if family.startswith("dense") else _COLOURS[number % len(_COLOURS)]
    drawn = axes.errorbar(size, height, bars if any(bars) else None, color=colour, label=family)
    drawn[0].set(linewidth=1.2, marker=_MARKS[number % len(_MARKS)], markersize=4.2)
    for bar in drawn[2]:
        bar.set(linewidth=0.8, alpha=0.7)
    if family.startswith("dense"):
        axes.axhline(height[0], color=colour, linewidth=0.7, linestyle=(0, (4, 3)), zorder=1)


def _spread(accuracy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Equal factors of the error are equal distances: 90, 99 and 99.9 % are as far apart."""
    return -np.log10(np.clip(1 - np.asarray(accuracy, np.float64), _LEAST_ERROR, 1.0))


def _gathered(height: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 - 10.0 ** -np.asarray(height, np.float64)


def _lowest(points: Sequence[FrontierPoint]) -> float:
    """The tick below all points, in per cent."""
    least = 100 * min(point.accuracy - point.deviation for point in points)
    return max((tick for tick in _TICKS if tick <= least), default=0.0)


def _highest(points: Sequence[FrontierPoint]) -> float:
    most = 100 * max(point.accuracy + point.deviation for point in points)
    return min((tick for tick in _TICKS if tick >= most), default=100 * (1 - _LEAST_ERROR))
