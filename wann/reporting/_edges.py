"""Connections of a topology, drawn as smooth curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch
from matplotlib.path import Path
from numpy.typing import NDArray

from ..network import Network
from ._scale import Scale
from ._style import GREY, INK, NEGATIVE, POSITIVE
from .layout import Layout

__all__ = ["draw_connections"]

FloatArray = NDArray[np.float64]


def draw_connections(axes: Axes, network: Network, layout: Layout, scale: Scale) -> None:
    """Draw every connection as a curve; those without an effect are grey."""
    colours, widths = _inks(network, scale)
    slopes = _slopes([scale.to_page(route) for route in layout.routes])
    # Faint and weak ones first, so that the important ones are on top.
    for index in np.lexsort((widths, layout.effective)).tolist():
        effective = bool(layout.effective[index])
        patch = PathPatch(
            _curve(scale.to_page(layout.routes[index]), slopes),
            facecolor="none",
            edgecolor=colours[index] if effective else GREY,
            linewidth=float(widths[index]) if effective else 0.7 * scale.line,
            linestyle="solid" if effective else (0, (2.0, 2.0)),
            alpha=scale.alpha if effective else 0.45 * scale.alpha,
            capstyle="round" if effective else "butt",
            zorder=1,
            clip_on=False,
        )
        patch.set_gid(f"edge-{index}")
        axes.add_artist(patch)


def _inks(network: Network, scale: Scale) -> tuple[list[str], FloatArray]:
    """Colour and width of each connection."""
    if network.weights is None:
        return [INK] * network.connections, np.full(network.connections, scale.line)
    size = np.abs(network.weights)
    widths = scale.line * (0.4 + 1.8 * size / max(float(size.max(initial=0.0)), 1e-12))
    return [POSITIVE if weight >= 0 else NEGATIVE for weight in network.weights], widths


def _slopes(routes: Sequence[FloatArray]) -> dict[tuple[float, ...], float]:
    """The slope at each bend, the same for all connections that share the bend.

    It is the harmonic mean of the slopes before and after, and zero at a turn, so that curves do not
    overshoot (Fritsch and Butland 1984).
    """
    before: dict[tuple[float, ...], float] = {}
    after: dict[tuple[float, ...], set[float]] = {}
    for route in routes:
        steps = np.diff(route, axis=0)
        rises = (steps[:, 1] / steps[:, 0]).tolist()
        for index, bend in enumerate(map(tuple, route[1:-1].tolist())):
            before[bend] = rises[index]
            after.setdefault(bend, set()).add(rises[index + 1])
    slopes = {}
    for bend, arriving in before.items():
        leaving = sum(sorted(after[bend])) / len(after[bend])
        level = arriving * leaving <= 0
        slopes[bend] = 0.0 if level else 2.0 * arriving * leaving / (arriving + leaving)
    return slopes


def _curve(points: FloatArray, slopes: Mapping[tuple[float, ...], float]) -> Path:
    """A smooth curve through points of increasing x, horizontal at both ends."""
    reach = 0.42 * float(points[1, 0] - points[0, 0])
    tangents = [(reach, reach * slopes.get(tuple(point), 0.0)) for point in points.tolist()]
    tangents[0] = tangents[-1] = (reach, 0.0)
    vertices = [points[0]]
    for index in range(len(points) - 1):
        vertices.append(points[index] + tangents[index])
        vertices.append(points[index + 1] - tangents[index + 1])
        vertices.append(points[index + 1])
    return Path(np.array(vertices), [Path.MOVETO] + [Path.CURVE4] * (len(vertices) - 1))
