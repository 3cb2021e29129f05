"""Uniform draws from the parts of a genome, for operators to act on."""

from __future__ import annotations

from typing import Final

import numpy as np

from ...kernels.compiler import inlined
from ...kernels.genes import depths, index_nodes, is_direct, position_of
from ...kernels.random import draw

__all__ = [
    "INVERSE",
    "LINEAR",
    "draw_activation",
    "draw_disabled",
    "draw_enabled",
    "draw_hidden",
    "draw_ordered_pair",
    "draw_relay",
    "draw_source",
    "draw_unconnected",
    "earlier_units",
    "is_relay",
    "layers",
]

LINEAR: Final = 1
INVERSE: Final = 7
"""Ids of the activations of relays: hidden nodes that hand on the sum of what they read, or its negative."""


@inlined
def draw_enabled(genes, genome, state):  # type: ignore[no-untyped-def]
    """Index of an enabled gene; -1 if there is none."""
    first, last = genes.gene_rows[genome], genes.gene_rows[genome + 1]
    count = 0
    for gene in range(first, last):
        count += genes.enabled[gene]
    if count == 0:
        return state, np.int64(-1)
    state, index = draw(state, count)
    for gene in range(first, last):
        if genes.enabled[gene]:
            if index == 0:
                return state, gene
            index -= 1
    return state, np.int64(-1)


@inlined
def draw_disabled(genes, genome, state):  # type: ignore[no-untyped-def]
    """Ids of source and target of a disabled gene, stored or not; -1, -1 if there is none."""
    first, last = genes.gene_rows[genome], genes.gene_rows[genome + 1]
    fixed = 1 + genes.inputs
    count = fixed * genes.outputs
    for gene in range(first, last):
        if is_direct(genes, gene):
            count -= 1
        else:
            count += not genes.enabled[gene]
    if count == 0:
        return state, np.int64(-1), np.int64(-1)
    state, index = draw(state, count)
    gene = first
    source = np.int64(0)
    while source < fixed or gene < last:
        if source < fixed:
            for target in range(fixed, fixed + genes.outputs):
                if gene < last and genes.source[gene] == source and genes.target[gene] == target:
                    gene += 1  # stored, hence enabled
                elif index == 0:
                    return state, source, target
                else:
                    index -= 1
        while gene < last and (genes.source[gene] == source or source >= fixed):
            if not genes.enabled[gene]:
                if index == 0:
                    return state, genes.source[gene], genes.target[gene]
                index -= 1
            gene += 1
        source += 1
    return state, np.int64(-1), np.int64(-1)


@inlined
def draw_hidden(genes, genome, table, state):  # type: ignore[no-untyped-def]
    """Index of the gene of a hidden node that feeds something; -1 if there is none.

    Where no connection is ever disabled without a replacement, that is every hidden node.
    """
    index_nodes(genes, genome, table)
    begin, end = genes.node_rows[genome] + genes.outputs, genes.node_rows[genome + 1]
    feeds = np.zeros(end - begin, np.bool_)
    shift = 1 + genes.inputs + genes.outputs
    for gene in range(genes.gene_rows[genome], genes.gene_rows[genome + 1]):
        if genes.enabled[gene] and genes.source[gene] >= shift:
            feeds[position_of(genes, genome, table, genes.source[gene]) - shift] = True
    count = 0
    for node in range(end - begin):
        count += feeds[node]
    if count == 0:
        return state, np.int64(-1)
    state, index = draw(state, count)
    for node in range(end - begin):
        if feeds[node]:
            if index == 0:
                return state, begin + node
            index -= 1
    return state, np.int64(-1)


@inlined
def draw_activation(choices, present, state):  # type: ignore[no-untyped-def]
    """An activation id from ``choices`` other than ``present``; ``present`` if there is none."""
    count = 0
    for choice in choices:
        count += choice != present
    if count == 0:
        return state, np.int64(present)
    state, index = draw(state, count)
    for choice in choices:
        if choice != present:
            if index == 0:
                return state, np.int64(choice)
            index -= 1
    return state, np.int64(present)


@inlined
def layers(genes, genome, table):  # type: ignore[no-untyped-def]
    """Positions of the sources and of the targets of all genes, int64[genes], and layers int64[nodes].

    Layers follow all genes, disabled ones too: whatever is enabled later, a connection to a later layer never
    closes a cycle. Outputs are the last layer.
    """
    index_nodes(genes, genome, table)
    fixed = 1 + genes.inputs
    first, last = genes.gene_rows[genome], genes.gene_rows[genome + 1]
    size = fixed + genes.node_rows[genome + 1] - genes.node_rows[genome]
    source = np.empty(last - first, np.int64)
    target = np.empty(last - first, np.int64)
    for gene in range(first, last):
        source[gene - first] = position_of(genes, genome, table, genes.source[gene])
        target[gene - first] = position_of(genes, genome, table, genes.target[gene])
    depth = np.empty(size, np.int64)
    depths(size, source, target, np.ones(last - first, np.bool_), depth)
    for position in range(fixed, fixed + genes.outputs):
        depth[position] = size
    return source, target, depth


@inlined
def draw_unconnected(genes, genome, table, state):  # type: ignore[no-untyped-def]
    """Ids of a source and of a target in a strictly later layer, without a gene between them.

    Returns the state and the two ids, (-1, -1) if every such pair has a gene.
    """
    source, target, depth = layers(genes, genome, table)
    fixed, size = 1 + genes.inputs, depth.shape[0]
    outputs_end = fixed + genes.outputs
    candidates = np.empty(size, np.int64)
    count = 0
    for position in range(size):
        if position < fixed or position >= outputs_end:
            candidates[count] = position
            count += 1
    taken = np.empty(size, np.bool_)
    while count > 0:
        state, index = draw(state, count)
        start = candidates[index]
        count -= 1
        candidates[index] = candidates[count]
        taken[:] = False
        for position in range(fixed, outputs_end):
            taken[position] = start < fixed  # these genes exist, stored or not
        for edge in range(source.shape[0]):
            if source[edge] == start:
                taken[target[edge]] = True
        free = 0
        for position in range(fixed, size):
            free += depth[position] > depth[start] and not taken[position]
        if free > 0:
            state, index = draw(state, free)
            for position in range(fixed, size):
                if depth[position] > depth[start] and not taken[position]:
                    if index == 0:
                        return state, name_of(genes, genome, start), name_of(genes, genome, position)
                    index -= 1
    return state, np.int64(-1), np.int64(-1)


@inlined
def draw_source(genes, genome, table, name, state):  # type: ignore[no-untyped-def]
    """Id of a node in an earlier layer than that of the node ``name``, without a gene to it; -1 if none."""
    source, target, depth = layers(genes, genome, table)
    size = depth.shape[0]
    end = position_of(genes, genome, table, name)
    free = np.empty(size, np.bool_)
    for position in range(size):
        free[position] = depth[position] < depth[end]
    for edge in range(source.shape[0]):
        if target[edge] == end:
            free[source[edge]] = False
    count = 0
    for position in range(size):
        count += free[position]
    if count == 0:
        return state, np.int64(-1)
    state, index = draw(state, count)
    for position in range(size):
        if free[position]:
            if index == 0:
                return state, name_of(genes, genome, position)
            index -= 1
    return state, np.int64(-1)


@inlined
def draw_ordered_pair(genes, genome, table, state):  # type: ignore[no-untyped-def]
    """Ids of a target and of a node in an earlier layer, connected or not, neither of them a relay."""
    _, _, depth = layers(genes, genome, table)
    fixed, size = 1 + genes.inputs, depth.shape[0]
    begin = genes.node_rows[genome] - fixed
    ends = np.empty(size, np.int64)
    count = 0
    for position in range(fixed, size):
        if depth[position] > 0 and not is_relay(genes, genome, begin + position):
            ends[count] = position
            count += 1
    state, index = draw(state, count)
    end = ends[index]
    starts = earlier_units(genes, genome, depth, end)
    state, index = draw(state, starts.shape[0])
    return state, starts[index], name_of(genes, genome, end)


@inlined
def earlier_units(genes, genome, depth, end):  # type: ignore[no-untyped-def]
    """Ids of bias, inputs and hidden nodes that are no relays, in strictly earlier layers than a position."""
    fixed, size = 1 + genes.inputs, depth.shape[0]
    begin = genes.node_rows[genome] - fixed
    names = np.empty(size, np.int64)
    count = 0
    for position in range(size):
        if depth[position] < depth[end] and (
            position < fixed or not is_relay(genes, genome, begin + position)
        ):
            names[count] = name_of(genes, genome, position)
            count += 1
    return names[:count]


@inlined
def name_of(genes, genome, position):  # type: ignore[no-untyped-def]
    """Id of the node at a position."""
    fixed = 1 + genes.inputs
    return position if position < fixed else genes.node[genes.node_rows[genome] + position - fixed]


@inlined
def is_relay(genes, genome, node):  # type: ignore[no-untyped-def]
    """Whether the node gene at this index is a hidden node that hands on its sum, or the negative of it."""
    hidden = node >= genes.node_rows[genome] + genes.outputs
    return hidden and (genes.activation[node] == LINEAR or genes.activation[node] == INVERSE)


@inlined
def draw_relay(genes, genome, state):  # type: ignore[no-untyped-def]
    """Index of the node gene of a relay; -1 if there is none."""
    begin, end = genes.node_rows[genome], genes.node_rows[genome + 1]
    count = 0
    for node in range(begin, end):
        count += is_relay(genes, genome, node)
    if count == 0:
        return state, np.int64(-1)
    state, index = draw(state, count)
    for node in range(begin, end):
        if is_relay(genes, genome, node):
            if index == 0:
                return state, node
            index -= 1
    return state, np.int64(-1)
