"""One pass through a compiled network, for one episode or for all lanes at once.

Values live in one flat array of slots: slot 0 the bias, then the inputs, then the computed nodes
in topological order, the outputs last; a slot is as wide as the lanes are. Each sum is taken in
the order of its terms in the program, so that it has the same bits whoever computes it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compiler import inlined, kernel
from .elementary import cos_pi, gaussian, sigmoid, sin_pi, tanh
from .lanes import absolute, at_least, fma, load, negative, positive, store, width

__all__ = ["Program", "activate", "forward_shared", "forward_weighted", "infer"]

_ZERO = np.float32(0.0)


class Program(NamedTuple):
    """All networks of a batch in flat arrays.

    Attributes:
        inputs: number of inputs, without the bias.
        outputs: number of outputs.
        node_rows: int64[networks + 1], where each network's computed nodes begin.
        activation: int8[nodes], activation ids in topological order, outputs last.
        edge_rows: int64[nodes + 1], where each node's incoming connections begin.
        source: int32[edges], the slot that each connection reads.
        times: float32[edges], how many times each connection counts; above one where twins are
            merged.
        gene: int64[edges], which of the batch's enabled connections each one is, where none is
            merged.
    """

    inputs: int
    outputs: int
    node_rows: NDArray[np.int64]
    activation: NDArray[np.int8]
    edge_rows: NDArray[np.int64]
    source: NDArray[np.int32]
    times: NDArray[np.float32]
    gene: NDArray[np.int64]

    @property
    def networks(self) -> int:
        """How many networks there are."""
        return len(self.node_rows) - 1


@inlined
def activate(activation, x):  # type: ignore[no-untyped-def]
    """Apply the activation with this id (see ``wann.activations``)."""
    if activation == 1:
        return x
    if activation == 2:
        return positive(x)
    if activation == 3:
        return sin_pi(x)
    if activation == 4:
        return gaussian(x)
    if activation == 5:
        return tanh(x)
    if activation == 6:
        return sigmoid(x)
    if activation == 7:
        return negative(x)
    if activation == 8:
        return absolute(x)
    if activation == 9:
        return at_least(x, _ZERO)
    if activation == 10:
        return cos_pi(x)
    return x * x


@inlined
def forward_shared(values, weight, program, network):  # type: ignore[no-untyped-def]
    """Compute every node of one network, the same weight on all its connections.

    ``values`` float32[slots * width] holds bias and inputs and receives the rest; ``weight`` is a
    float32 or lanes of them. Returns the offset of the first output.
    """
    wide = width(weight)
    offset = (1 + program.inputs) * wide
    begin, end = program.node_rows[network], program.node_rows[network + 1]
    edge = program.edge_rows[begin]
    for node in range(begin, end):
        stop = program.edge_rows[node + 1]
        if edge < stop:
            total = load(values, program.source[edge] * wide, weight) * program.times[edge]
            edge += 1
            while edge < stop:
                total = fma(load(values, program.source[edge] * wide, weight), program.times[edge], total)
                edge += 1
        else:
            total = weight - weight
        store(values, offset, activate(program.activation[node], total * weight))
        offset += wide
    return offset - program.outputs * wide


@inlined
def forward_weighted(values, like, weights, program, network):  # type: ignore[no-untyped-def]
    """Compute every node of one network, each connection with a weight of its own.

    ``weights`` float32[edges * width] in the order of the network's connections in the program;
    ``like`` tells the width. Returns the offset of the first output.
    """
    wide = width(like)
    offset = (1 + program.inputs) * wide
    begin, end = program.node_rows[network], program.node_rows[network + 1]
    edge = program.edge_rows[begin]
    index = 0
    for node in range(begin, end):
        stop = program.edge_rows[node + 1]
        total = like - like
        while edge < stop:
            term = load(values, program.source[edge] * wide, like)
            total = total + term * load(weights, index, like)
            index += wide
            edge += 1
        store(values, offset, activate(program.activation[node], total))
        offset += wide
    return offset - program.outputs * wide


@kernel
def infer(program, network, weights, observations, actions):  # type: ignore[no-untyped-def]
    """Run one network over rows of observations, one after the other.

    ``weights`` float32[1] (shared) or float32[edges]; ``observations`` float32[rows, inputs];
    ``actions`` float32[rows, outputs] receives the raw outputs.
    """
    begin, end = program.node_rows[network], program.node_rows[network + 1]
    values = np.empty(1 + program.inputs + end - begin, np.float32)
    values[0] = np.float32(1.0)
    shared = weights.shape[0] == 1
    for row in range(observations.shape[0]):
        for index in range(program.inputs):
            values[1 + index] = observations[row, index]
        if shared:
            first = forward_shared(values, weights[0], program, network)
        else:
            first = forward_weighted(values, values[0], weights, program, network)
        for index in range(program.outputs):
            actions[row, index] = values[first + index]
