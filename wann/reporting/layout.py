"""Positions of nodes and connections in a picture: a layered drawing with few crossings.

The method of Sugiyama, Tagawa and Toda (1981): layers by longest path, bends where a connection
passes a layer, order within the layers by barycentres, then heights that keep connections
straight. All long connections of one source share their bends, as branches share a trunk.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from ..network import Network, on_paths

__all__ = ["Layout", "layered_layout", "layers_of"]

FloatArray = NDArray[np.float64]

_SWEEPS: Final = 24
_SWITCHES: Final = 12
_RELAXATIONS: Final = 24

_BESIDE_NODE: Final = 0.62  # least distance of a passing connection from a node
_BETWEEN_BENDS: Final = 0.24  # the same between two passing connections
_LARGEST_BUNDLE: Final = 14.0  # height that passing connections may take in one layer
_TALLEST_INPUTS: Final = 32.0  # inputs beyond this number are drawn closer together than other nodes


@dataclass(frozen=True)
class Layout:
    """A drawing of a network; the unit of height is the least distance between two nodes of a layer.

    Attributes:
        positions: float64[nodes, 2], layer and height (upwards) of each node.
        routes: for each connection float64[points, 2], from its source to its target through one
            point in each layer between them.
        live: bool[nodes], whether a node is on a path from bias or input to output.
        effective: bool[connections], whether a connection is on such a path.
    """

    positions: FloatArray
    routes: tuple[FloatArray, ...]
    live: NDArray[np.bool_]
    effective: NDArray[np.bool_]

    @property
    def layers(self) -> int:
        """Number of layers, including inputs and outputs."""
        return int(self.positions[:, 0].max()) + 1

    @property
    def span(self) -> float:
        """Height of the drawing."""
        points = np.concatenate([self.positions, *self.routes])
        return float(np.ptp(points[:, 1]))


@dataclass
class _Chart:
    """Nodes and bends in layers; vertices from ``Network.size`` upwards are bends.

    Attributes:
        rows: the vertices of each layer, from top to bottom.
        left: the neighbours of each vertex in the layer before.
        right: the neighbours of each vertex in the layer after.
        chains: the vertices of each connection.
        nodes: number of vertices that are nodes.
        rank: position of each vertex in its row.
    """

    rows: list[list[int]]
    left: list[list[int]]
    right: list[list[int]]
    chains: list[list[int]]
    nodes: int
    rank: dict[int, int] = field(default_factory=dict)

    def update_ranks(self) -> None:
        """Recompute the position of each vertex in its row."""
        self.rank = {vertex: position for row in self.rows for position, vertex in enumerate(row)}


def layered_layout(network: Network) -> Layout:
    """Lay out a network with few crossings: inputs in order on the left, outputs in order on the right."""
    live, effective = on_paths(network)
    chart = _chart(network, layers_of(network).tolist(), effective)
    _reduce_crossings(chart)
    heights = _heights(chart)
    layer = {vertex: index for index, row in enumerate(chart.rows) for vertex in row}
    points = np.array([[layer[vertex], -heights[vertex]] for vertex in range(len(heights))])
    routes = tuple(points[chain] for chain in chart.chains)
    return Layout(points[: network.size], routes, live, effective)


def layers_of(network: Network) -> NDArray[np.int64]:
    """Layer of each node, int64[nodes]: longest path from the inputs, outputs together in the last layer."""
    graph, first = network.graph(), 1 + network.inputs
    outputs = range(first, first + network.outputs)
    depth = [0] * first + [1] * (network.size - first)
    for node in nx.topological_sort(graph):
        if node >= first:
            depth[node] = max((depth[source] + 1 for source in graph.predecessors(node)), default=1)
    hidden = [depth[node] for node in range(outputs.stop, network.size)]
    for node in outputs:
        depth[node] = max(hidden, default=0) + 1
    return np.array(depth)


def _chart(network: Network, depth: Sequence[int], effective: NDArray[np.bool_]) -> _Chart:
    """The chart of a network, with a bend wherever a trunk passes a layer."""
    rows: list[list[int]] = [[] for _ in range(max(depth) + 1)]
    for node, layer in enumerate(depth):
        rows[layer].append(node)
    # Connections of different colours have separate trunks.
    looks = np.sign(network.weights) if network.weights is not None else np.zeros(len(effective))
    looks = np.where(effective, looks, 2.0)
    bends: dict[tuple[int, float, int], int] = {}
    chains = []
    size = network.size
    ends = zip(network.source.tolist(), network.target.tolist(), looks.tolist(), strict=True)
    for source, target, look in ends:
        chain = [source]
        for layer in range(depth[source] + 1, depth[target]):
            if (source, look, layer) not in bends:
                bends[source, look, layer] = size
                rows[layer].append(size)
                size += 1
            chain.append(bends[source, look, layer])
        chains.append([*chain, target])
    return _Chart(rows, *_neighbours(chains, size), chains, network.size)


def _neighbours(chains: list[list[int]], size: int) -> tuple[list[list[int]], list[list[int]]]:
    left: list[list[int]] = [[] for _ in range(size)]
    right: list[list[int]] = [[] for _ in range(size)]
    segments = {pair for chain in chains for pair in pairwise(chain)}
    for before, after in sorted(segments):
        right[before].append(after)
        left[after].append(before)
    return left, right


def _reduce_crossings(chart: _Chart) -> None:
    """Sort hidden layers by barycentres, back and forth, and keep the order with the fewest crossings."""
    chart.update_ranks()
    best, fewest = [list(row) for row in chart.rows], _crossings(chart)
    for sweep in range(_SWEEPS):
        rightwards = sweep % 2 == 0
        layers = range(1, len(chart.rows) - 1)
        for layer in layers if rightwards else reversed(layers):
            _sort_by_barycentre(chart, layer, rightwards=rightwards)
        _switch_neighbours(chart, passes=1)
        crossings = _crossings(chart)
        if crossings < fewest:
            best, fewest = [list(row) for row in chart.rows], crossings
    chart.rows = best
    chart.update_ranks()
    _switch_neighbours(chart, passes=_SWITCHES)


def _sort_by_barycentre(chart: _Chart, layer: int, *, rightwards: bool) -> None:
    row = chart.rows[layer]
    sides = chart.left if rightwards else chart.right
    beside = len(chart.rows[layer - 1 if rightwards else layer + 1])
    centre = {}
    for position, vertex in enumerate(row):
        ranks = [chart.rank[other] for other in sides[vertex]]
        # A vertex without neighbours on this side keeps its position relative to its row.
        centre[vertex] = (sum(ranks) / len(ranks) + 0.5) / beside if ranks else (position + 0.5) / len(row)
    row.sort(key=centre.__getitem__)
    chart.rank.update((vertex, position) for position, vertex in enumerate(row))


def _crossings(chart: _Chart) -> int:
    """Number of crossings between all neighbouring layers: inversions of the right ends."""
    total = 0
    for row in chart.rows[:-1]:
        met: list[int] = []
        for vertex in row:
            ends = sorted(chart.rank[other] for other in chart.right[vertex])
            total += sum(len(met) - bisect_right(met, end) for end in ends)
            for end in ends:
                insort(met, end)
    return total


def _switch_neighbours(chart: _Chart, passes: int) -> None:
    """Swap neighbours in a layer wherever that saves a crossing."""
    for _ in range(passes):
        switched = False
        for row in chart.rows[1:-1]:
            for position in range(len(row) - 1):
                upper, lower = row[position], row[position + 1]
                if _saved(chart, upper, lower) > 0:
                    row[position], row[position + 1] = lower, upper
                    chart.rank[lower], chart.rank[upper] = position, position + 1
                    switched = True
        if not switched:
            return


def _saved(chart: _Chart, upper: int, lower: int) -> int:
    """Crossings saved by swapping two neighbours in a layer."""
    saved = 0
    for side in (chart.left, chart.right):
        above = [chart.rank[other] for other in side[upper]]
        below = [chart.rank[other] for other in side[lower]]
        saved += sum((first > second) - (first < second) for first in above for second in below)
    return saved


def _heights(chart: _Chart) -> FloatArray:
    """Height of each vertex, downwards, with connections as straight as the distances allow."""
    heights = np.zeros(len(chart.left))
    tightest = [_tightest_heights(chart, row) for row in chart.rows]
    tallest = max((float(offsets[-1]) for offsets in tightest[1:-1]), default=0.0)
    for row, offsets in zip(chart.rows, tightest, strict=True):
        heights[row] = offsets - offsets[-1] / 2
    for row, ends in ((chart.rows[0], 1.0), (chart.rows[-1], 2.0)):
        heights[row] = _spread(len(row), tallest, most=ends)
    layers = range(1, len(chart.rows) - 1)
    for relaxation in range(_RELAXATIONS):
        for layer in layers if relaxation % 2 == 0 else reversed(layers):
            row = chart.rows[layer]
            wanted, pull = _wanted(chart, row, heights)
            heights[row] = _keep_distances(wanted, pull, tightest[layer])
    return heights


def _spread(count: int, tallest: float, most: float) -> FloatArray:
    """Heights of inputs or outputs, evenly over the hidden layers, at most ``1 + most`` apart."""
    least = min(1.0, _TALLEST_INPUTS / count)
    distance = min(max(tallest / max(count - 1, 1), least), 1.0 + most)
    return (np.arange(count, dtype=np.float64) - (count - 1) / 2) * distance


def _tightest_heights(chart: _Chart, row: Sequence[int]) -> FloatArray:
    """The tightest heights that a row may have, from 0."""
    bends = sum(vertex >= chart.nodes for vertex in row)
    tight = min(_BETWEEN_BENDS, _LARGEST_BUNDLE / max(bends, 1))
    steps = [0.0]
    for upper, lower in pairwise(row):
        nodes = (upper < chart.nodes) + (lower < chart.nodes)
        steps.append((tight, _BESIDE_NODE, 1.0)[nodes])
    return np.cumsum(steps)


def _wanted(chart: _Chart, row: Sequence[int], heights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The height at which each vertex of a row has straight connections, and its weight."""
    known = heights.tolist()
    wanted = []
    for vertex in row:
        sides = [
            sum(known[other] for other in side) / len(side)
            for side in (chart.left[vertex], chart.right[vertex])
            if side
        ]
        wanted.append(sum(sides) / len(sides) if sides else known[vertex])
    # Straight trunks matter most: bends weigh more than nodes.
    pull = np.where(np.array(row) >= chart.nodes, 3.0, 1.0)
    return np.array(wanted), pull


def _keep_distances(wanted: FloatArray, pull: FloatArray, tightest: FloatArray) -> FloatArray:
    """The closest heights (weighted least squares) that keep the order and the least distances.

    Without the distances this is isotonic regression, solved by pooling adjacent violators.
    """
    means: list[float] = []
    weights: list[float] = []
    counts: list[int] = []
    for value, weight in zip((wanted - tightest).tolist(), pull.tolist(), strict=True):
        mean, total, count = value, weight, 1
        while means and means[-1] > mean:
            other = weights.pop()
            mean = (mean * total + means.pop() * other) / (total + other)
            total += other
            count += counts.pop()
        means.append(mean)
        weights.append(total)
        counts.append(count)
    return np.repeat(means, counts) + tightest
