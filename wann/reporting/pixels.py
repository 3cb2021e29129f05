"""Grids of the pixels that the sub-network of each class reads (Gaier & Ha 2019, figure 6)."""

from __future__ import annotations

from typing import Final

import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from ..network import Network
from ._style import ACCENT, BLUE, GREY, INK, plain

__all__ = ["draw_pixels", "pixel_reads"]

_SHADES: Final = LinearSegmentedColormap.from_list("reads", ["#ffffff", "#cfe1f3", BLUE, INK])


def pixel_reads(network: Network) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """The inputs that each output reads, directly and through hidden nodes.

    Returns:
        bool[outputs, inputs], whether the output itself reads the input; int64[outputs, inputs], the number
        of connections by which the hidden nodes below the output read it.
    """
    graph = network.graph()
    direct = np.zeros((network.outputs, network.inputs), np.bool_)
    hidden = np.zeros((network.outputs, network.inputs), np.int64)
    first = 1 + network.inputs
    for output in range(network.outputs):
        for source in graph.predecessors(first + output):
            if 1 <= source < first:
                direct[output, source - 1] = True
        for node in nx.ancestors(graph, first + output):
            for source in graph.predecessors(node):
                if 1 <= source < first:
                    hidden[output, source - 1] += 1
    return direct, hidden


def draw_pixels(
    axes: Axes, network: Network, side: int, names: list[str], left: float, top: float, bottom: float
) -> float:
    """Draw a grid for each output, in one or two columns to the right of ``left``; returns the right border.

    The darker a pixel, the more connections of the output's hidden nodes read it; a dot marks those
    that the output itself reads. Data coordinates of ``axes`` are points.
    """
    direct, hidden = pixel_reads(network)
    columns = 1 if network.outputs <= 4 else 2
    rows = -(-network.outputs // columns)
    cell = float(np.clip((top - bottom) / rows, 100.0, 240.0))
    size = cell - 26.0
    most = max(1, int(hidden.max(initial=0)))
    upper = (top + bottom + rows * cell) / 2
    for output in range(network.outputs):
        column, row = divmod(output, rows)
        x, y = left + column * (size + 22.0), upper - row * cell - 18.0
        shades = np.sqrt(hidden[output].reshape(side, side) / most)
        axes.imshow(
            _SHADES(shades),
            extent=(x, x + size, y - size, y),
            aspect="auto",
            interpolation="nearest",
            zorder=2,
            clip_on=False,
        )
        pixel = size / side
        for index in np.flatnonzero(direct[output]).tolist():
            i, j = divmod(index, side)
            dot = 0.4 * pixel
            corner = (x + (j + 0.5) * pixel - dot / 2, y - (i + 0.5) * pixel - dot / 2)
            axes.add_patch(
                Rectangle(corner, dot, dot, facecolor=ACCENT, linewidth=0, zorder=4, clip_on=False)
            )
        axes.add_patch(
            Rectangle(
                (x, y - size), size, size, fill=False, edgecolor=GREY, linewidth=0.6, zorder=3, clip_on=False
            )
        )
        read = int(((hidden[output] > 0) | direct[output]).sum())
        axes.text(
            x, y + 3, plain(names[output]), fontsize=9, fontweight="bold", va="bottom", parse_math=False
        )
        axes.text(x + size, y + 3, f"{read} pixels", fontsize=7.5, color=GREY, ha="right", va="bottom")
    right = left + columns * (size + 22.0) - 22.0
    lower = upper - rows * cell - 2.0
    axes.text(
        left, lower, "dark: read by many hidden nodes below   ·   dot: read by the output itself",
        fontsize=7.5, color=GREY, va="top",
    )  # fmt: skip
    return right
