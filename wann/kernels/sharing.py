"""Networks of one generation folded into one graph: what they have in common is computed once.

Under one shared weight the value of a node follows from the structure below it alone: its activation
and its terms, in their order. Nodes of all networks that agree in these are one node of the graph
(structural hashing). Relatives differ in few nodes, so the graph is a small part of the population.

The terms of a sum keep the order that they have in the program, inputs first. Each node is therefore
computed by the same operations as in its network alone (``forward_shared``) and has the same bits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compiler import inlined, kernel

__all__ = ["Shared", "share"]

_PRIME, _SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(29)
_UNIT = np.uint64(1)


class Shared(NamedTuple):
    """The graph of some networks; slots 0 the bias, then the inputs, then its nodes.

    Attributes:
        inputs: number of inputs, without the bias.
        activation: int8[nodes], activation ids in topological order.
        edge_rows: int64[nodes + 1], where the terms of each node begin.
        hidden: int64[nodes], where those of its terms begin that read nodes, after those that read
            bias and inputs.
        source: int32[edges], the slot that each term reads.
        times: float32[edges], how many times it counts.
        root_node: int32[roots], nodes that are an output somewhere.
        root_output: int32[roots], which output; a node that is several stands several times.
        outputs: int32[networks, outputs], the roots of each network.
    """

    inputs: int
    activation: NDArray[np.int8]
    edge_rows: NDArray[np.int64]
    hidden: NDArray[np.int64]
    source: NDArray[np.int32]
    times: NDArray[np.float32]
    root_node: NDArray[np.int32]
    root_output: NDArray[np.int32]
    outputs: NDArray[np.int32]


@inlined
def _grown(array, size):  # type: ignore[no-untyped-def]
    larger = np.empty(2 * size, array.dtype)
    larger[:size] = array[:size]
    return larger


@inlined
def _digest(kind, slots, times):  # type: ignore[no-untyped-def]
    word = np.uint64(kind)
    for index in range(slots.shape[0]):
        word = (word ^ np.uint64(slots[index])) * _PRIME + np.uint64(times[index])
        word ^= word >> _SHIFT
    return word


@inlined
def _rehashed(digests, count, size):  # type: ignore[no-untyped-def]
    """A hash table of ``size``, a power of two, with the nodes [0, count) in it."""
    table = np.full(size, -1, np.int32)
    mask = np.uint64(size - 1)
    for node in range(count):
        probe = digests[node] & mask
        while table[probe] >= 0:
            probe = (probe + _UNIT) & mask
        table[probe] = node
    return table


@kernel
def share(program, begin, limit):  # type: ignore[no-untyped-def]
    """Fold networks from ``begin`` on into a graph of at most ``limit`` nodes, one network at least.

    Returns the network after the last one folded, and the arrays of ``Shared`` in their order.
    """
    fixed = 1 + program.inputs
    networks = program.node_rows.shape[0] - 1
    room, edge_room, root_room = 1024, 8192, 256
    activation, digests = np.empty(room, np.int8), np.empty(room, np.uint64)
    edge_rows, hidden = np.zeros(room + 1, np.int64), np.empty(room, np.int64)
    source, times = np.empty(edge_room, np.int32), np.empty(edge_room, np.float32)
    root_node, root_output = np.empty(root_room, np.int32), np.empty(root_room, np.int32)
    # The roots of a node are a list through ``following``, from ``first_root`` on.
    first_root, following = np.full(room, -1, np.int32), np.empty(root_room, np.int32)
    table = np.full(2 * room, -1, np.int32)
    outputs = np.empty((networks - begin, program.outputs), np.int32)
    largest, widest = 0, 0
    for network in range(begin, networks):
        largest = max(largest, program.node_rows[network + 1] - program.node_rows[network])
    for node in range(program.node_rows[begin], program.node_rows[networks]):
        widest = max(widest, program.edge_rows[node + 1] - program.edge_rows[node])
    position_of, slots = np.empty(largest, np.int32), np.empty(widest, np.int32)
    nodes, edges, roots = 0, 0, 0
    network = begin
    while network < networks:
        first, last = program.node_rows[network], program.node_rows[network + 1]
        if network > begin and nodes + last - first > limit:
            break
        for node in range(first, last):
            start, stop = program.edge_rows[node], program.edge_rows[node + 1]
            for edge in range(start, stop):
                slot = program.source[edge]
                slots[edge - start] = slot if slot < fixed else fixed + position_of[slot - fixed]
            count, kind = stop - start, program.activation[node]
            word = _digest(kind, slots[:count], program.times[start:stop])
            mask = np.uint64(table.shape[0] - 1)
            where = word & mask
            match = -1
            while table[where] >= 0 and match < 0:
                known = table[where]
                row = edge_rows[known]
                same = digests[known] == word and activation[known] == kind
                same = same and edge_rows[known + 1] - row == count
                index = 0
                while same and index < count:
                    same = (
                        source[row + index] == slots[index]
                        and times[row + index] == program.times[start + index]
                    )
                    index += 1
                if same:
                    match = known
                else:
                    where = (where + _UNIT) & mask
            if match < 0:
                if nodes == room:
                    activation, digests, hidden = (
                        _grown(activation, room),
                        _grown(digests, room),
                        _grown(hidden, room),
                    )
                    edge_rows, first_root = _grown(edge_rows, room + 1), _grown(first_root, room)
                    room *= 2
                while edges + count > edge_room:
                    source, times = _grown(source, edge_room), _grown(times, edge_room)
                    edge_room *= 2
                match = nodes
                table[where] = match
                activation[match], digests[match], first_root[match] = kind, word, -1
                hidden[match] = edges
                for index in range(count):
                    source[edges + index] = slots[index]
                    times[edges + index] = program.times[start + index]
                    hidden[match] += slots[index] < fixed
                edges += count
                nodes += 1
                edge_rows[nodes] = edges
                if 2 * nodes > table.shape[0]:
                    table = _rehashed(digests, nodes, 2 * table.shape[0])
            position_of[node - first] = match
        for output in range(program.outputs):
            node = position_of[last - first - program.outputs + output]
            root = first_root[node]
            while root >= 0 and root_output[root] != output:
                root = following[root]
            if root < 0:
                if roots == root_room:
                    root_node, root_output = _grown(root_node, roots), _grown(root_output, roots)
                    following = _grown(following, roots)
                    root_room *= 2
                root = roots
                root_node[root], root_output[root], following[root] = node, output, first_root[node]
                first_root[node] = root
                roots += 1
            outputs[network - begin, output] = root
        network += 1
    return (
        network,
        program.inputs,
        activation[:nodes].copy(),
        edge_rows[: nodes + 1].copy(),
        hidden[:nodes].copy(),
        source[:edges].copy(),
        times[:edges].copy(),
        root_node[:roots].copy(),
        root_output[:roots].copy(),
        outputs[: network - begin].copy(),
    )
