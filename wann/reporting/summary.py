"""Drawings of large networks: layers as blocks, connections as counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from numpy.typing import NDArray

from ..activations import BY_NAME
from ..network import Network, on_paths
from ._style import GREY, INK
from .layout import layers_of

__all__ = ["Summary", "is_large"]

_MOST_CONNECTIONS: Final = 5_000
_MOST_BENDS: Final = 20_000
"""Limits of a drawing node by node, which then takes less than a minute."""
_BLOCKS: Final = 8
"""Largest number of blocks of hidden layers."""
_DISTANCE: Final = 132.0
_WIDTH: Final = 46.0
_TALLEST: Final = 210.0
_LOWEST: Final = 26.0
_WIDEST: Final = 13.0
_LABELLED: Final = 0.01
"""Share of all connections below which an arc has no count."""


def is_large(network: Network) -> bool:
    """Whether a network has too many connections to draw each of them."""
    if network.connections > _MOST_CONNECTIONS:
        return True
    layer = layers_of(network)
    farthest = layer.copy()
    np.maximum.at(farthest, network.source, layer[network.target])
    return int(np.maximum(farthest - layer - 1, 0).sum()) > _MOST_BENDS


@dataclass(frozen=True)
class Summary:
    """A network in blocks of layers: inputs, hidden layers in order, outputs.

    Attributes:
        network: the network.
        first: int64[blocks], the first layer of each block.
        last: int64[blocks], the last layer of each block.
        block: int64[nodes], the block of each node.
        counts: int64[blocks, blocks], connections from a block to another, or within one.
        live: bool[nodes], whether a node is on a path from bias or input to output.
        effective: number of connections on such a path.
    """

    network: Network
    first: NDArray[np.int64]
    last: NDArray[np.int64]
    block: NDArray[np.int64]
    counts: NDArray[np.int64]
    live: NDArray[np.bool_]
    effective: int

    @classmethod
    def of(cls, network: Network) -> Summary:
        """Group layers into blocks, several neighbouring ones where there are many."""
        layer = layers_of(network)
        within = np.arange(1, layer.max())
        hidden = np.array_split(within, min(_BLOCKS, len(within))) if len(within) else []
        first = np.array([0, *(part[0] for part in hidden), layer.max()])
        last = np.array([0, *(part[-1] for part in hidden), layer.max()])
        block = np.searchsorted(last, layer)
        counts = np.zeros((len(first), len(first)), np.int64)
        np.add.at(counts, (block[network.source], block[network.target]), 1)
        live, effective = on_paths(network)
        return cls(network, first, last, block, counts, live, int(effective.sum()))

    @property
    def centres(self) -> NDArray[np.float64]:
        """Horizontal positions of the blocks, float64[blocks] in points."""
        return _DISTANCE * np.arange(len(self.first), dtype=np.float64)

    @property
    def heights(self) -> NDArray[np.float64]:
        """Heights of the blocks, float64[blocks] in points, logarithmic in the number of nodes."""
        nodes = np.bincount(self.block, minlength=len(self.first))
        share = np.log1p(nodes) / np.log1p(nodes.max())
        return np.asarray(np.maximum(_LOWEST, _TALLEST * share), np.float64)

    @property
    def borders(self) -> tuple[float, float, float, float]:
        """Left, right, lower and upper border of the drawing."""
        lower, top = -float(self.heights.max()) / 2 - 44.0, self._rise(self._longest) + 16.0
        return -_WIDTH, float(self.centres[-1]) + _WIDTH, lower, top

    @property
    def _longest(self) -> int:
        """Largest number of blocks from one end of a connection to the other."""
        pairs = np.argwhere(np.triu(self.counts, 1))
        return int(np.diff(pairs, axis=1).max(initial=1))

    def _rise(self, span: int) -> float:
        """Height of an arc between blocks ``span`` apart."""
        return float(self.heights.max()) / 2 + 22.0 * (span - 1)

    def draw(self, axes: Axes) -> None:
        """Draw blocks and arcs; data coordinates of ``axes`` are points."""
        self._draw_arcs(axes)
        for number in range(len(self.first)):
            self._draw_block(axes, number)

    def _draw_block(self, axes: Axes, number: int) -> None:
        network, height = self.network, float(self.heights[number])
        x, lower = float(self.centres[number]) - _WIDTH / 2, -height / 2
        members = np.flatnonzero(self.block == number)
        names = [network.activation_name(node) for node in members.tolist()]
        if number == 0:
            axes.add_patch(Rectangle((x, lower), _WIDTH, height, facecolor=INK, zorder=3))
        for name in sorted(set(names), key=lambda name: BY_NAME[name].id) if number else ():
            part = height * names.count(name) / len(names)
            strip = Rectangle((x, lower), _WIDTH, part, facecolor=BY_NAME[name].colour, linewidth=0, zorder=3)
            axes.add_patch(strip)
            lower += part
        frame = Rectangle(
            (x, -height / 2), _WIDTH, height, fill=False, edgecolor=INK, linewidth=0.8, zorder=4
        )
        frame.set_gid(f"block-{number}")
        axes.add_patch(frame)
        label = self._label(number, len(members))
        axes.text(x + _WIDTH / 2, -height / 2 - 5, label, ha="center", va="top", fontsize=8)

    def _label(self, number: int, nodes: int) -> str:
        if number == 0:
            return f"bias and\n{nodes - 1:,} inputs"
        if number == len(self.first) - 1:
            return f"{nodes:,} output{'' if nodes == 1 else 's'}"
        first, last = int(self.first[number]), int(self.last[number])
        inside = int(self.counts[number, number])
        return "\n".join(
            [
                f"{nodes:,} hidden",
                f"layer {first}" if first == last else f"layers {first} to {last}",
                *([f"{inside:,} inside"] if inside else []),
            ]
        )

    def _draw_arcs(self, axes: Axes) -> None:
        """An arc for each pair of blocks, as wide as it has connections."""
        total, upper = max(1, int(self.counts.sum())), self.heights / 2
        for source, target in np.argwhere(np.triu(self.counts, 1)).tolist():
            count, span = int(self.counts[source, target]), target - source
            width = max(0.5, _WIDEST * (count / total) ** 0.5)
            begin, end = self.centres[[source, target]].tolist()
            if span == 1:
                height, points = 0.0, [(begin, 0.0), (end, 0.0)]
                codes = [Path.MOVETO, Path.LINETO]
            else:  # over the blocks between them
                height = self._rise(span)
                feet = upper[[source, target]].tolist()
                bend = (height - sum(feet) / 8) / 0.75
                points = [(begin, feet[0]), (begin, bend), (end, bend), (end, feet[1])]
                codes = [Path.MOVETO, *[Path.CURVE4] * 3]
            arc = PathPatch(Path(points, codes), facecolor="none", edgecolor=INK, linewidth=width, alpha=0.4)
            arc.set(capstyle="butt", zorder=1, gid=f"arc-{source}-{target}")
            axes.add_patch(arc)
            if span == 1 or count >= _LABELLED * total:
                above = ((begin + end) / 2, height + width / 2 + 2)
                axes.text(*above, f"{count:,}", ha="center", va="bottom", fontsize=8, color=GREY)
