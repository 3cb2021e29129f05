"""Accuracy against connections, several families of networks in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ..errors import BadInput
from ._style import ACCENT, BLUE, GREY, INK, add_title, checked_suffix, house_style, save, tidy

__all__ = ["FrontierPoint", "draw_frontier"]

_COLOURS: Final = (
    *(ACCENT, BLUE, "#2a9d8f", "#e9a23b", "#7b5ea7", "#5b8c2a", "#c46ab0", "#4a6fa5", "#a0522d"),
    *(INK, "#00838f", "#b5651d"),
)
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
    """Draw test accuracy against connections on a logarithmic axis, a line for each family.

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
        figure = Figure(figsize=(6.4, 4.2), layout="constrained")
        axes = figure.add_subplot()
        add_title(axes, title)
        for number, family in enumerate(families):
            members = sorted((p for p in points if p.family == family), key=lambda point: point.connections)
            size = [point.connections for point in members]
            height = [100 * point.accuracy for point in members]
            colour = GREY if family == "dense" else _COLOURS[number % len(_COLOURS)]
            bars = [100 * point.deviation for point in members]
            drawn = axes.errorbar(size, height, bars if any(bars) else None, color=colour, label=family)
            drawn[0].set(linewidth=1.2, marker=_MARKS[number % len(_MARKS)], markersize=4.2)
            for bar in drawn[2]:
                bar.set(linewidth=0.8, alpha=0.7)
            if len(members) == 1:
                axes.axhline(height[0], color=colour, linewidth=0.7, linestyle=(0, (4, 3)), zorder=1)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.set_xlabel(across)
        axes.set_ylabel("test accuracy, %")
        tidy(axes)
        figure.legend(loc="outside lower center", ncols=min(4, len(families)))
        save(figure, path)
