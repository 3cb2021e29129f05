"""Pictures of a network's topology: inputs left, outputs right, activations as colours and labels."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path as FilePath
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from ..activations import ACTIVATIONS
from ..errors import BadInput
from ..network import Network
from ..tasks import image_width, names_of
from ..trust import NOTHING, Trust
from ._edges import draw_connections
from ._hover import hover_page
from ._nodes import draw_names, draw_nodes
from ._scale import Scale
from ._style import (
    GREY,
    INK,
    NEGATIVE,
    PICTURES,
    POSITIVE,
    Picture,
    checked_suffix,
    house_style,
    plain,
    save,
    save_text,
    to_svg,
)
from .layout import layered_layout
from .pixels import draw_pixels
from .summary import Summary, is_large

__all__ = ["draw_topology", "names_in_picture", "plot_topology"]

FloatArray = NDArray[np.float64]

_POINTS_PER_INCH: Final = 72.0


def draw_topology(
    network: Network,
    path: FilePath,
    *,
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    side: int | None = None,
    title: str | None = None,
) -> None:
    """Draw a network as SVG, PNG or PDF, or as an HTML page with details on hover.

    Stored weights set the colour (by sign) and width of connections. Nodes and connections on no path from
    bias or input to output are drawn faintly. Networks with thousands of connections are drawn as blocks of
    layers with counts of connections. Equal networks give equal bytes.

    Args:
        network: the network to draw.
        path: the file; its suffix determines the format.
        input_names: a name for each input, excluding the bias.
        output_names: a name for each output.
        side: width of the square image whose pixels are the inputs, if they are; grids of the pixels that
            each output reads are added.
        title: a line above the drawing.

    Raises:
        BadInput: an unknown suffix, a folder that does not exist, or a wrong number of names.
        Failure: the file cannot be written.
    """
    suffix = checked_suffix(path, (*PICTURES, ".html"))
    names = _names(network, input_names, output_names)
    large = is_large(network)
    figure = _drawn(network, names, title, side)
    with house_style():
        if suffix == ".html":
            # Only nodes respond to the pointer; a summary has none.
            save_text(hover_page(network, to_svg(figure), () if large else names, title), path)
        else:
            save(figure, path)


def plot_topology(network: Network, *, title: str | None = None) -> Picture:
    """The topology as a matplotlib figure; inputs and outputs have the names of the network's task.

    Nothing is imported to find them.
    """
    inputs, outputs, side = names_in_picture(network)
    return _drawn(network, _names(network, inputs, outputs), title, side)


def names_in_picture(
    network: Network, trust: Trust = NOTHING
) -> tuple[Sequence[str] | None, Sequence[str] | None, int | None]:
    """Names of inputs and outputs, and the width of images, as far as the network's task has them.

    A picture needs no task: without one, numbers serve as names.

    Args:
        network: what is drawn.
        trust: modules that its task may import.
    """
    side = image_width(network.task, network.inputs)
    if network.data is not None:
        return network.data.features, network.data.classes, side
    if network.task is not None:
        with suppress(BadInput):
            inputs, outputs = names_of(network.task, network.interface, trust)
            if (len(inputs), len(outputs)) == (network.inputs, network.outputs):
                return inputs, outputs, side
    return None, None, side


def _drawn(network: Network, names: Sequence[str], title: str | None, side: int | None) -> Picture:
    with house_style():
        return (_summary if is_large(network) else _figure)(network, names, title, side)


def _names(network: Network, inputs: Sequence[str] | None, outputs: Sequence[str] | None) -> list[str]:
    """A name for every node."""
    given = ((inputs, network.inputs, "input"), (outputs, network.outputs, "output"))
    names = ["bias"]
    for chosen, count, kind in given:
        if chosen is not None and len(chosen) != count:
            raise BadInput(
                f"{len(chosen)} names for a network with {count} {kind}s", argument=f"{kind}_names"
            )
        names += chosen if chosen is not None else [f"{kind} {n}" for n in range(1, count + 1)]
    names += [f"hidden {n}" for n in range(1, network.hidden + 1)]
    return [plain(name) for name in names]


def _figure(network: Network, names: Sequence[str], title: str | None, side: int | None) -> Picture:
    layout = layered_layout(network)
    scale = Scale.of(layout)
    centres = scale.to_page(layout.positions)
    everything = scale.to_page(np.concatenate([layout.positions, *layout.routes]))
    margin = scale.diameter
    low, high = everything.min(axis=0) - margin, everything.max(axis=0) + margin
    figure, axes = _page(network, names, side, (low[0], high[0], low[1], high[1]))
    draw_connections(axes, network, layout, scale)
    draw_nodes(axes, network, layout, scale, centres)
    named = draw_names(axes, network, layout, scale, centres, names)
    caption = _caption(network, int(layout.effective.sum()))
    if named > 1:
        caption.append(f"{network.inputs} inputs, one in {named} named")
    if not layout.effective.all() or not layout.live[1 + network.inputs :].all():
        caption.append("faint: on no path from input to output")
    _surround(axes, network, layout.live, caption, title, (low[0], high[0], low[1], high[1]))
    return figure


def _summary(network: Network, names: Sequence[str], title: str | None, side: int | None) -> Picture:
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
) -> tuple[Picture, Axes]:
    """A figure with these borders, whose data coordinates are points."""
    left, right, bottom, top = borders
    figure = Picture()
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
    """Add legend and caption below a drawing, and a title above it."""
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


def _draw_legend(
    axes: Axes, network: Network, live: NDArray[np.bool_], middle: float, bottom: float, width: float
) -> float:
    """Draw a legend of the activations that occur; return its lower border."""
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
