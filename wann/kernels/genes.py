"""All genomes of a population in flat arrays, and where each of them begins."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .compiler import inlined, kernel

__all__ = [
    "Genes",
    "depths",
    "index_nodes",
    "is_direct",
    "node_table",
    "position_of",
    "sort_by_depth",
    "topological_order",
]


class Genes(NamedTuple):
    """Flat arrays of a population.

    Ids name nodes across genomes: 0 is the bias, then inputs, then outputs, then hidden nodes in
    the order of their innovation. Connection genes of a genome are sorted by (source, target),
    which is their innovation number.

    Between bias or inputs and outputs every genome has every gene (Gaier & Ha 2019, section 3.1).
    Of these, of which there may be thousands, only the enabled are stored.

    Attributes:
        inputs: number of inputs, without the bias.
        outputs: number of outputs.
        node_rows: int64[genomes + 1], where each genome's node genes begin.
        node: int64[nodes], ids of the outputs and hidden nodes, ascending.
        activation: int8[nodes], activation ids.
        gene_rows: int64[genomes + 1], where each genome's connection genes begin.
        source: int64[genes], node ids.
        target: int64[genes], node ids.
        enabled: bool[genes].
    """

    inputs: int
    outputs: int
    node_rows: NDArray[np.int64]
    node: NDArray[np.int64]
    activation: NDArray[np.int8]
    gene_rows: NDArray[np.int64]
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    enabled: NDArray[np.bool_]


@inlined
def node_table(genes):  # type: ignore[no-untyped-def]
    """An empty hash table, int64[2**k], with room for the hidden nodes of any genome."""
    size = 4
    for genome in range(genes.node_rows.shape[0] - 1):
        while size < 2 * (genes.node_rows[genome + 1] - genes.node_rows[genome]):
            size *= 2
    return np.empty(size, np.int64)


@inlined
def index_nodes(genes, genome, table):  # type: ignore[no-untyped-def]
    """Fill the table with the hidden nodes of a genome, so that ``position_of`` finds them."""
    table[:] = -1
    mask = table.shape[0] - 1
    for index in range(genes.node_rows[genome] + genes.outputs, genes.node_rows[genome + 1]):
        where = genes.node[index] & mask
        while table[where] >= 0:
            where = (where + 1) & mask
        table[where] = index


@inlined
def position_of(genes, genome, table, name):  # type: ignore[no-untyped-def]
    """The position of the node with this id: bias 0, inputs, outputs, then hidden; -1 if absent."""
    if name < 1 + genes.inputs + genes.outputs:
        return name
    mask = table.shape[0] - 1
    where = name & mask
    while table[where] >= 0:
        if genes.node[table[where]] == name:
            return 1 + genes.inputs + table[where] - genes.node_rows[genome]
        where = (where + 1) & mask
    return np.int64(-1)


@inlined
def is_direct(genes, gene):  # type: ignore[no-untyped-def]
    """Whether a gene leads from bias or an input to an output: stored while it is enabled."""
    fixed = 1 + genes.inputs
    return genes.source[gene] < fixed and genes.target[gene] < fixed + genes.outputs


@inlined
def depths(size, sources, targets, keep, depth):  # type: ignore[no-untyped-def]
    """Longest path from a node without predecessors, by Kahn's algorithm.

    ``sources`` and ``targets`` int64[edges] are positions in [0, size); only edges with ``keep`` count;
    ``depth`` int64[size] receives the result. Returns how many nodes were reached: fewer than
    ``size`` means that there is a cycle.
    """
    waiting = np.zeros(size, np.int64)
    begins = np.zeros(size + 1, np.int64)
    for edge in range(sources.shape[0]):
        if keep[edge]:
            waiting[targets[edge]] += 1
            begins[sources[edge] + 1] += 1
    for position in range(size):
        begins[position + 1] += begins[position]
    following = np.empty(begins[size], np.int64)
    filled = begins[:size].copy()
    for edge in range(sources.shape[0]):
        if keep[edge]:
            following[filled[sources[edge]]] = targets[edge]
            filled[sources[edge]] += 1
    ready = np.empty(size, np.int64)
    count = 0
    for position in range(size):
        depth[position] = 0
        if waiting[position] == 0:
            ready[count] = position
            count += 1
    done = 0
    while done < count:
        position = ready[done]
        done += 1
        for index in range(begins[position], begins[position + 1]):
            target = following[index]
            depth[target] = max(depth[target], depth[position] + 1)
            waiting[target] -= 1
            if waiting[target] == 0:
                ready[count] = target
                count += 1
    return count


@inlined
def sort_by_depth(depth, first, last, order):  # type: ignore[no-untyped-def]
    """Positions [first, last) by (depth, position) into ``order``: a counting sort, hence canonical."""
    deepest = 0
    for position in range(first, last):
        deepest = max(deepest, depth[position])
    begins = np.zeros(deepest + 2, np.int64)
    for position in range(first, last):
        begins[depth[position] + 1] += 1
    for level in range(deepest + 1):
        begins[level + 1] += begins[level]
    for position in range(first, last):
        order[begins[depth[position]]] = position
        begins[depth[position]] += 1


@kernel
def topological_order(size, first, sources, targets):  # type: ignore[no-untyped-def]
    """Nodes [first, size) of an acyclic graph by (depth, number), int64[size - first]."""
    depth = np.empty(size, np.int64)
    depths(size, sources, targets, np.ones(len(sources), np.bool_), depth)
    order = np.empty(size - first, np.int64)
    sort_by_depth(depth, first, size, order)
    return order
