"""Layouts: who stands where."""

from __future__ import annotations

from collections.abc import Callable

import networkx as nx
import numpy as np
import pytest

from wann.network import Network
from wann.reporting import layered_layout

Grow = Callable[..., Network]


@pytest.fixture(scope="module", params=[(0, 5, 1), (5, 5, 1), (52, 5, 1), (120, 24, 4), (300, 5, 1)])
def network(request: pytest.FixtureRequest, grow: Grow) -> Network:
    return grow(*request.param, seed=3)


def test_inputs_are_left_most_and_outputs_right_most(network: Network) -> None:
    layer = layered_layout(network).positions[:, 0]
    first = 1 + network.inputs
    outputs = slice(first, first + network.outputs)
    assert (layer[:first] == 0).all()
    assert (layer[outputs] == layer.max()).all()
    assert ((layer[outputs.stop :] > 0) & (layer[outputs.stop :] < layer.max())).all()


def test_inputs_and_outputs_keep_their_order_from_top_to_bottom(network: Network) -> None:
    height = layered_layout(network).positions[:, 1]
    first = 1 + network.inputs
    assert (np.diff(height[:first]) < 0).all()
    assert (np.diff(height[first : first + network.outputs]) < 0).all()


def test_no_node_stands_on_another(network: Network) -> None:
    positions = layered_layout(network).positions
    for layer in np.unique(positions[:, 0]):
        heights = np.sort(positions[positions[:, 0] == layer, 1])
        assert np.diff(heights).min(initial=1.0) >= 1.0 - 1e-9


def test_no_connection_runs_through_a_node(network: Network) -> None:
    layout = layered_layout(network)
    for route in layout.routes:
        for layer, height in route[1:-1]:
            column = layout.positions[layout.positions[:, 0] == layer, 1]
            assert np.abs(column - height).min(initial=1.0) > 0.5


def test_every_route_leads_from_source_to_target_layer_by_layer(network: Network) -> None:
    layout = layered_layout(network)
    ends = zip(network.source, network.target, layout.routes, strict=True)
    for source, target, route in ends:
        np.testing.assert_array_equal(route[[0, -1]], layout.positions[[source, target]])
        assert (np.diff(route[:, 0]) == 1).all()


def test_hidden_nodes_stand_at_their_longest_path(network: Network) -> None:
    layer = layered_layout(network).positions[:, 0]
    graph = network.graph()
    for node in range(1 + network.inputs + network.outputs, network.size):
        sources = [layer[source] for source in graph.predecessors(node)]
        assert layer[node] == max(sources, default=0) + 1


def test_effective_connections_are_those_that_the_network_counts(network: Network) -> None:
    assert layered_layout(network).effective.sum() == network.effective_connections


def test_what_is_on_no_path_is_not_live() -> None:
    # 3: output; 4 leads nowhere, 5 is fed by nothing, 6 is on a path.
    edges = np.array([(1, 4), (5, 3), (1, 6), (6, 3)])
    network = Network(2, 1, np.array([1, 4, 4, 5], np.int8), edges[:, 0], edges[:, 1])
    layout = layered_layout(network)
    assert layout.live.tolist() == [False, True, False, True, False, False, True]
    assert layout.effective.sum() == network.effective_connections == 2


def test_crossings_that_can_be_avoided_are_avoided() -> None:
    # Two chains whose hidden nodes are numbered crosswise: 3, 4 outputs; 5, 6 hidden.
    edges = np.array([(1, 6), (6, 3), (2, 5), (5, 4)])
    network = Network(2, 2, np.ones(4, np.int8), edges[:, 0], edges[:, 1])
    height = layered_layout(network).positions[:, 1]
    assert height[6] > height[5]


def test_layouts_have_fewer_crossings_than_nodes_in_the_order_of_their_numbers(grow: Grow) -> None:
    network = grow(52, seed=3)
    layout = layered_layout(network)
    unsorted = layout.positions.copy()
    for layer in np.unique(unsorted[:, 0]):
        column = unsorted[:, 0] == layer
        unsorted[column, 1] = -np.arange(column.sum())
    assert _crossings(network, layout.positions) < 0.7 * _crossings(network, unsorted)


def _crossings(network: Network, positions: np.ndarray) -> int:
    edges = list(nx.DiGraph(network.graph()).edges)
    total = 0
    for place, (a, b) in enumerate(edges):
        for c, d in edges[place + 1 :]:
            if {a, b} & {c, d}:
                continue
            total += _side(positions, a, b, c) != _side(positions, a, b, d) and (
                _side(positions, c, d, a) != _side(positions, c, d, b)
            )
    return total


def _side(positions: np.ndarray, a: int, b: int, point: int) -> bool:
    (ax, ay), (bx, by), (px, py) = positions[[a, b, point]]
    return bool((bx - ax) * (py - ay) > (by - ay) * (px - ax))
