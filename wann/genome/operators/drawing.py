"""Uniform draws from the parts of a genome, for operators to act on."""

from __future__ import annotations

import numpy as np

from ...kernels.compiler import inlined
from ...kernels.genes import depths, index_nodes, is_direct, position_of
from ...kernels.random import draw

__all__ = ["draw_activation", "draw_disabled", "draw_enabled", "draw_hidden", "draw_unconnected"]


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
def _name(genes, genome, position):  # type: ignore[no-untyped-def]
    fixed = 1 + genes.inputs
    return position if position < fixed else genes.node[genes.node_rows[genome] + position - fixed]


@inlined
def draw_unconnected(genes, genome, table, state):  # type: ignore[no-untyped-def]
    """Ids of a source and of a target in a strictly later layer, without a gene between them.

    Layers follow all genes, disabled ones too: whatever is enabled later, no cycle can arise.
    Returns the state and the two ids, (-1, -1) if every such pair has a gene.
    """
    index_nodes(genes, genome, table)
    fixed = 1 + genes.inputs
    outputs_end = fixed + genes.outputs
    first, last = genes.gene_rows[genome], genes.gene_rows[genome + 1]
    size = fixed + genes.node_rows[genome + 1] - genes.node_rows[genome]
    source = np.empty(last - first, np.int64)
    target = np.empty(last - first, np.int64)
    for gene in range(first, last):
        source[gene - first] = position_of(genes, genome, table, genes.source[gene])
        target[gene - first] = position_of(genes, genome, table, genes.target[gene])
    depth = np.empty(size, np.int64)
    depths(size, source, target, np.ones(last - first, np.bool_), depth)
    for position in range(fixed, outputs_end):
        depth[position] = size  # outputs are the last layer
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
        for edge in range(last - first):
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
                        return state, _name(genes, genome, start), _name(genes, genome, position)
                    index -= 1
    return state, np.int64(-1), np.int64(-1)
