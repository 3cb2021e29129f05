"""Pictures of a network's topology: inputs left, outputs right, activations by colour and label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, PathPatch
from matplotlib.path import Path
from numpy.typing import NDArray

from ..activations import ACTIVATIONS, BY_NAME, Activation
from ..errors import BadInput
from ..network import Network
from ._hover import hover_page
from ._style import (
    FAINT,
    GREY,
    INK,
    NEGATIVE,
    PICTURES,
    POSITIVE,
    checked_suffix,
    house_style,
    plain,
    save,
    save_text,
    to_svg,
)
from .layout import Layout, layered_layout
from .pixels import draw_pixels
from .summary import Summary, is_large

__all__ = ["draw_topology"]

FloatArray = NDArray[np.float64]

_LONGEST_NAME: Final = 36
_POINTS_PER_INCH: Final = 72.0


@dataclass(frozen=True)
class _Scale:
    """Sizes of a drawing in points.

    Attributes:
        gap: between two layers.
        unit: between two nodes of a layer.
        diameter: of hidden nodes and outputs.
        dot: of the bias and inputs.
        line: width of a connection.
        alpha: opacity of a connection.
    """

    gap: float
    unit: float
    diameter: float
    dot: float
    line: float
    alpha: float

    @classmethod
    def of(cls, layout: Layout) -> _Scale:
        """Sizes at which this drawing fits a page and a reader can still follow it."""
        count = max(len(layout.routes), 1)
        unit = float(np.clip(680.0 / max(layout.span, 1.0), 4.0, 32.0))
        width = max(620.0, 0.9 * unit * layout.span)
        gap = float(np.clip(width / (layout.layers - 1), 1.5 * unit, 110.0 if layout.span < 20 else 160.0))
        sources = np.sort(layout.positions[layout.positions[:, 0] == 0, 1])
        between = float(np.diff(sources).min(initial=1.0)) * unit
        return cls(
            gap=gap,
            unit=unit,
            diameter=0.78 * unit,
            dot=float(np.clip(0.62 * between, 1.6, 9.0)),
            line=float(np.clip(2.0 * count**-0.2, 0.4, 1.4)),
            alpha=float(np.clip(2.2 * count**-0.3, 0.2, 0.85)),
        )

    def place(self, points: FloatArray) -> FloatArray:
        """Points of the layout in points of the page."""
        return points * (self.gap, self.unit)


def draw_topology(
    network: Network,
    path: FilePath,
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    side: int | None = None,
    title: str | None = None,
) -> None:
    """Draw a network as SVG, PNG or PDF, or as an HTML page whose nodes answer the pointer.

    Of networks of thousands of connections layers are drawn as blocks, and connections counted.

    Connections with stored weights are coloured by sign and as wide as they are strong. What is on
    no path from bias or input to output is drawn faint. Equal networks give equal bytes.

    Args:
        network: what to draw.
        path: the file; its suffix chooses the format.
        input_names: a name for each input, without the bias.
        output_names: a name for each output.
        side: where the inputs are the pixels of a square image, how many stand in a row: what each
            output reads of them is drawn beside.
        title: a line above the drawing.

    Raises:
        BadInput: an unknown suffix, a folder that does not exist, or names that are too many or few.
        Failure: the file cannot be written.
    """
    suffix = checked_suffix(path, (*PICTURES, ".html"))
    names = _names(network, input_names, output_names)
    large = is_large(network)
    with house_style():
        figure = (_summary if large else _figure)(network, names, title, side)
        if suffix == ".html":
            # Parts that answer the pointer are nodes: a summary has none.
            save_text(hover_page(network, to_svg(figure), () if large else names, title), path)
        else:
            save(figure, path)


def _names(network: Network, inputs: Sequence[str] | None, outputs: Sequence[str] | None) -> list[str]:
    """A name for every node."""
    given = ((inputs, network.inputs, "input"), (outputs, network.outputs, "output"))
    names = ["bias"]
    for chosen, count, kind in given:
        if chosen is not None and len(chosen) != count:
            raise BadInput(f"{len(chosen)} names of {kind}s for a network that has {count}")
        names += chosen if chosen is not None else [f"{kind} {n}" for n in range(1, count + 1)]
    names += [f"hidden {n}" for n in range(1, network.hidden + 1)]
    return [plain(name) for name in names]


def _figure(network: Network, names: Sequence[str], title: str | None, side: int | None) -> Figure:
    layout = layered_layout(network)
    scale = _Scale.of(layout)
    centres = scale.place(layout.positions)
    everything = scale.place(np.concatenate([layout.positions, *layout.routes]))
    margin = scale.diameter
    low, high = everything.min(axis=0) - margin, everything.max(axis=0) + margin
    figure, axes = _page(network, names, side, (low[0], high[0], low[1], high[1]))
    _draw_connections(axes, network, layout, scale)
    _draw_nodes(axes, network, layout, scale, centres)
    named = _draw_names(axes, network, layout, scale, centres, names)
    caption = _caption(network, int(layout.effective.sum()))
    if named > 1:
        caption.append(f"{network.inputs} inputs, one in {named} named")
    if not layout.effective.all() or not layout.live[1 + network.inputs :].all():
        caption.append("faint: on no path from input to output")
    _surround(axes, network, layout.live, caption, title, (low[0], high[0], low[1], high[1]))
    return figure


def _summary(network: Network, names: Sequence[str], title: str | None, side: int | None) -> Figure:
    """A drawing of blocks of layers."""
    summary = Summary.of(network)
    borders = summary.borders
    figure, axes = _page(network, names, side, borders)
    summary.draw(axes)
    caption = [*_caption(network, summary.effective), "too many to draw each: layers as blocks"]
    _surround(axes, network, summary.live, caption, title, borders)
    return figure


def _page(
    network: Network, names: Sequence[str], side: int | None, borders: tuple[float, float, float, float]
) -> tuple[Figure, Axes]:
    """A figure whose data coordinates are points, with room from left to right, and from bottom to top."""
    left, right, bottom, top = borders
    figure = Figure()
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    if side is not None:
        classes = list(names[1 + network.inputs : 1 + network.inputs + network.outputs])
        widest = max(len(name) for name in classes)
        right = draw_pixels(axes, network, side, classes, right + 24 + 5 * widest, top, bottom)
    figure.set_size_inches((right - left) / _POINTS_PER_INCH, (top - bottom) / _POINTS_PER_INCH)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    return figure, axes


def _surround(
    axes: Axes,
    network: Network,
    live: NDArray[np.bool_],
    caption: Sequence[str],
    title: str | None,
    borders: tuple[float, float, float, float],
) -> None:
    """Legend and caption below a drawing, a title above it."""
    left, right, bottom, top = borders
    middle = (left + right) / 2
    lower = _draw_legend(axes, network, live, middle, bottom, right - left)
    axes.text(middle, lower, "  ·  ".join(caption), ha="center", va="top", fontsize=8, color=GREY)
    if title:
        axes.text(
            middle,
            top + 6,
            plain(title),
            ha="center",
            va="bottom",
            fontsize=11,
            fontweight="bold",
            parse_math=False,
        )


def _draw_connections(axes: Axes, network: Network, layout: Layout, scale: _Scale) -> None:
    colours, widths = _inks(network, scale)
    slopes = _slopes([scale.place(route) for route in layout.routes])
    # Faint ones first, then the weak, so that what matters lies on top.
    for place in np.lexsort((widths, layout.effective)).tolist():
        effective = bool(layout.effective[place])
        patch = PathPatch(
            _curve(scale.place(layout.routes[place]), slopes),
            facecolor="none",
            edgecolor=colours[place] if effective else GREY,
            linewidth=float(widths[place]) if effective else 0.7 * scale.line,
            linestyle="solid" if effective else (0, (2.0, 2.0)),
            alpha=scale.alpha if effective else 0.45 * scale.alpha,
            capstyle="round" if effective else "butt",
            zorder=1,
            clip_on=False,
        )
        patch.set_gid(f"edge-{place}")
        axes.add_artist(patch)


def _inks(network: Network, scale: _Scale) -> tuple[list[str], FloatArray]:
    """Colour and width of each connection."""
    if network.weights is None:
        return [INK] * network.connections, np.full(network.connections, scale.line)
    size = np.abs(network.weights)
    widths = scale.line * (0.4 + 1.8 * size / max(float(size.max(initial=0.0)), 1e-12))
    return [POSITIVE if weight >= 0 else NEGATIVE for weight in network.weights], widths


def _slopes(routes: Sequence[FloatArray]) -> dict[tuple[float, ...], float]:
    """The slope at each bend, the same for all connections that share it.

    Harmonic mean of the slopes before and after, level at a turn: curves do not overshoot
    (Fritsch and Butland 1984).
    """
    before: dict[tuple[float, ...], float] = {}
    after: dict[tuple[float, ...], set[float]] = {}
    for route in routes:
        steps = np.diff(route, axis=0)
        rises = (steps[:, 1] / steps[:, 0]).tolist()
        for place, bend in enumerate(map(tuple, route[1:-1].tolist())):
            before[bend] = rises[place]
            after.setdefault(bend, set()).add(rises[place + 1])
    slopes = {}
    for bend, arriving in before.items():
        leaving = sum(sorted(after[bend])) / len(after[bend])
        level = arriving * leaving <= 0
        slopes[bend] = 0.0 if level else 2.0 * arriving * leaving / (arriving + leaving)
    return slopes


def _curve(points: FloatArray, slopes: Mapping[tuple[float, ...], float]) -> Path:
    """A smooth curve through points of rising x, level at both ends."""
    reach = 0.42 * float(points[1, 0] - points[0, 0])
    tangents = [(reach, reach * slopes.get(tuple(point), 0.0)) for point in points.tolist()]
    tangents[0] = tangents[-1] = (reach, 0.0)
    vertices = [points[0]]
    for place in range(len(points) - 1):
        vertices.append(points[place] + tangents[place])
        vertices.append(points[place + 1] - tangents[place + 1])
        vertices.append(points[place + 1])
    return Path(np.array(vertices), [Path.MOVETO] + [Path.CURVE4] * (len(vertices) - 1))


def _draw_nodes(axes: Axes, network: Network, layout: Layout, scale: _Scale, centres: FloatArray) -> None:
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


def _outline(kind: str, scale: _Scale) -> float:
    widths = {"output": 1.5, "hidden": 0.6}
    return widths.get(kind, 0.8) * min(1.0, (scale.dot if kind in ("bias", "input") else 9.0) / 9.0)


def _label(
    axes: Axes, centre: tuple[float, float], activation: Activation, diameter: float, colour: str
) -> None:
    """The activation's few characters, as large as the circle holds them."""
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


def _draw_names(
    axes: Axes,
    network: Network,
    layout: Layout,
    scale: _Scale,
    centres: FloatArray,
    names: Sequence[str],
) -> int:
    """Name bias, inputs and outputs; where inputs stand too close every n-th, which is returned."""
    first = 1 + network.inputs
    every = _every(centres[:first, 1])
    for node in range(0, first, every):
        _name(axes, centres[node], names[node], -scale.dot / 2 - 4, live=bool(layout.live[node]))
    last = first + network.outputs
    for node in range(first, last, _every(centres[first:last, 1])):
        _name(axes, centres[node], names[node], scale.diameter / 2 + 4, live=bool(layout.live[node]))
    return every


def _every(heights: FloatArray) -> int:
    """Every how many nodes a name fits: 1, or a power of two that leaves room to breathe."""
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


def _draw_legend(
    axes: Axes, network: Network, live: NDArray[np.bool_], middle: float, bottom: float, width: float
) -> float:
    """A legend of the activations that occur; returns where it ends."""
    inside = range(1 + network.inputs, network.size)
    occur = {network.activation_name(node) for node in inside if live[node]}
    entries = [
        Line2D(
            [],
            [],
            marker="o",
            linestyle="none",
            markersize=7,
            markerfacecolor=activation.colour,
            markeredgecolor=INK,
            markeredgewidth=0.6,
            label=activation.name,
        )
        for activation in ACTIVATIONS
        if activation.name in occur
    ]
    if network.weights is not None:
        signs = (("weight > 0", POSITIVE), ("weight < 0", NEGATIVE))
        entries += [Line2D([], [], color=colour, label=label) for label, colour in signs]
    if not entries:
        return bottom - 4
    rows = int(np.ceil(len(entries) / max(3, int((width + 120) / 72))))
    columns = int(np.ceil(len(entries) / rows))
    axes.legend(
        handles=entries,
        loc="upper center",
        bbox_to_anchor=(middle, bottom - 2),
        bbox_transform=axes.transData,
        ncols=columns,
        handletextpad=0.35,
        columnspacing=1.3,
        borderaxespad=0.0,
        borderpad=0.2,
        handlelength=1.2,
    )
    return bottom - 8 - 13.5 * rows


def _caption(network: Network, effective: int) -> list[str]:
    return [
        f"{_counted(network.connections, 'connection')} ({effective:,} effective)",
        _counted(network.hidden, "hidden node"),
    ]


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
