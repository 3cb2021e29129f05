"""One decision of many lanes, each with a network and a weight of its own."""

from __future__ import annotations

import numpy as np

from .compiler import kernel
from .forward import forward_shared, forward_weighted

__all__ = ["act"]

_ONE = np.float32(1)


@kernel
def act(program, networks, rows, weights, observations, outputs):  # type: ignore[no-untyped-def]
    """Run, in each lane, one network on one observation.

    Args:
        program: compiled networks.
        networks: int64[lanes], which network plays in each lane.
        rows: int64[lanes], with which of the weights.
        weights: float32[weights, 1] shared values, or float32[weights, connections of the batch].
        observations: float32[lanes, inputs].
        outputs: float32[lanes, outputs], receives the raw outputs.
    """
    nodes, edges = 0, 0
    for network in networks:
        first, last = program.node_rows[network], program.node_rows[network + 1]
        nodes = max(nodes, last - first)
        edges = max(edges, program.edge_rows[last] - program.edge_rows[first])
    shared = weights.shape[1] == 1
    values = np.empty(1 + program.inputs + nodes, np.float32)
    table = np.empty(0 if shared else edges, np.float32)
    values[0] = _ONE
    for lane in range(networks.shape[0]):
        network, row = networks[lane], rows[lane]
        for index in range(program.inputs):
            values[1 + index] = observations[lane, index]
        if shared:
            output = forward_shared(values, weights[row, 0], program, network)
        else:
            first = program.edge_rows[program.node_rows[network]]
            last = program.edge_rows[program.node_rows[network + 1]]
            for edge in range(first, last):
                table[edge - first] = weights[row, program.gene[edge]]
            output = forward_weighted(values, _ONE, table, program, network)
        for index in range(program.outputs):
            outputs[lane, index] = values[output + index]
