"""Nodes and connections of a network that are on a path from its inputs to its outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .network import Network

__all__ = ["on_paths"]


def on_paths(network: Network) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Nodes (bool[nodes]) and connections (bool[connections]) on a path from bias or input to an output."""
    graph, first = network.graph(), 1 + network.inputs
    reached = _reachable(graph, range(first))
    reaching = _reachable(graph.reverse(copy=False), range(first, first + network.outputs))
    live = reached & reaching
    return live, live[network.source] & live[network.target]


def _reachable(graph: nx.DiGraph[int], starts: range) -> NDArray[np.bool_]:
    reachable = np.zeros(len(graph), np.bool_)
    pending = list(starts)
    while pending:
        node = pending.pop()
        if not reachable[node]:
            reachable[node] = True
            pending.extend(graph.successors(node))
    return reachable
