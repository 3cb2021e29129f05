"""Nodes of a topology, drawn as labelled circles, and the names of bias, inputs and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle
from numpy.typing import NDArray

from ..activations import BY_NAME, Activation
from ..network import Network
from ._scale import Scale
from ._style import FAINT, GREY, INK
from .layout import Layout

__all__ = ["draw_names", "draw_nodes"]

FloatArray = NDArray[np.float64]

_LONGEST_NAME: Final = 36


def draw_nodes(axes: Axes, network: Network, layout: Layout, scale: Scale, centres: FloatArray) -> None:
    """Draw every node as a disc at its centre, float64[nodes, 2] in points of the page."""
    for node, (x, y) in enumerate(centres.tolist()):
        live = bool(layout.live[node])
        source = node <= network.inputs
        activation = BY_NAME[network.activation_name(node)]
        circle = Circle(
            (x, y),
            (scale.dot if source else scale.diameter) / 2,
            facecolor=_fill(activation, live=live, source=source),
            edgecolor=INK if live else FAINT,
            linewidth=_outline(network.kind(node), scale),
            zorder=3,
            clip_on=False,
        )
        circle.set_gid(f"node-{node}")
        axes.add_artist(circle)
        if not source and scale.diameter >= 6.0:
            _label(axes, (x, y), activation, scale.diameter, INK if live else GREY)


def _fill(activation: Activation, *, live: bool, source: bool) -> str:
    if not live:
        return "#ffffff"
    return INK if source else activation.colour


def _outline(kind: str, scale: Scale) -> float:
    widths = {"output": 1.5, "hidden": 0.6}
    return widths.get(kind, 0.8) * min(1.0, (scale.dot if kind in ("bias", "input") else 9.0) / 9.0)


def _label(
    axes: Axes, centre: tuple[float, float], activation: Activation, diameter: float, colour: str
) -> None:
    """Write the activation's label as large as fits in the circle."""
    size = min(0.40 * diameter, 1.42 * diameter / len(activation.label))
    axes.text(
        *centre,
        activation.label,
        ha="center",
        va="center_baseline",
        fontsize=size,
        color=colour,
        zorder=4,
        parse_math=False,
    )


def draw_names(
    axes: Axes,
    network: Network,
    layout: Layout,
    scale: Scale,
    centres: FloatArray,
    names: Sequence[str],
) -> int:
    """Name bias, inputs and outputs, only every n-th input if they are too close; return n."""
    first = 1 + network.inputs
    every = _every(centres[:first, 1])
    for node in range(0, first, every):
        _name(axes, centres[node], names[node], -scale.dot / 2 - 4, live=bool(layout.live[node]))
    last = first + network.outputs
    for node in range(first, last, _every(centres[first:last, 1])):
        _name(axes, centres[node], names[node], scale.diameter / 2 + 4, live=bool(layout.live[node]))
    return every


def _every(heights: FloatArray) -> int:
    """The n for which names of every n-th node do not overlap: 1 or a power of two."""
    between = float(np.abs(np.diff(heights)).min(initial=100.0))
    return 1 if between >= 9.0 else 2 ** int(np.ceil(np.log2(18.0 / between)))


def _name(axes: Axes, centre: FloatArray, name: str, shift: float, *, live: bool) -> None:
    shown = name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"
    axes.text(
        centre[0] + shift,
        centre[1],
        shown,
        ha="right" if shift < 0 else "left",
        va="center_baseline",
        fontsize=8.5,
        color=INK if live else GREY,
        parse_math=False,
    )
