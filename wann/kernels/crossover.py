"""Crossover: a child is its mother, with some of what distinguishes its father from her.

Genes are matched by their innovation (Stanley & Miikkulainen 2002). What a father has and a mother
lacks comes over by the toss of a coin: a connection between nodes that both have for itself, a node
that she lacks together with all its connections; and so does the activation of a node, or whether a
connection is enabled, where they differ.
"""

from __future__ import annotations

import numpy as np

from .compiler import inlined, kernel
from .genes import depths, position
from .random import stream, uniform

__all__ = ["cross"]

_HALF = 0.5


@inlined
def _coin(state, first, second):  # type: ignore[no-untyped-def]
    """Heads or tails for a node or a connection: the same whenever this child asks again."""
    _, toss = uniform(stream(state, first, second))
    return toss < _HALF


@inlined
def _crosses(genes, mother, father, gene, state):  # type: ignore[no-untyped-def]
    """Whether a connection of the father that the mother lacks comes over."""
    source, target = genes.source[gene], genes.target[gene]
    has_source, has_target = position(genes, mother, source) >= 0, position(genes, mother, target) >= 0
    if has_source and has_target:
        return _coin(state, source, target)
    return (has_source or _coin(state, source, -1)) and (has_target or _coin(state, target, -1))


@kernel
def cross(genes, mothers, fathers, seed, generation):  # type: ignore[no-untyped-def]
    """The children of ``mothers`` and ``fathers``, int64[children] genomes of one population.

    Child k tosses its coins in the stream (seed, generation, k). One that would have a cycle is a
    copy of its mother. Returns (node_rows, node, activation, gene_rows, source, target, enabled) as
    in ``Genes``.
    """
    children = mothers.shape[0]
    fixed = 1 + genes.inputs
    outputs_end = fixed + genes.outputs
    node_rows, gene_rows = np.zeros(children + 1, np.int64), np.zeros(children + 1, np.int64)
    for child in range(children):
        mother, father = mothers[child], fathers[child]
        node_rows[child + 1] = node_rows[child] + (
            genes.node_rows[mother + 1] - genes.node_rows[mother]
            + genes.node_rows[father + 1] - genes.node_rows[father]
        )  # fmt: skip
        gene_rows[child + 1] = gene_rows[child] + (
            genes.gene_rows[mother + 1] - genes.gene_rows[mother]
            + genes.gene_rows[father + 1] - genes.gene_rows[father]
        )  # fmt: skip
    # Room for both parents whole; what is used of it is moved together in place.
    node, activation = np.empty(node_rows[children], np.int64), np.empty(node_rows[children], np.int8)
    source, target = np.empty(gene_rows[children], np.int64), np.empty(gene_rows[children], np.int64)
    enabled = np.empty(gene_rows[children], np.bool_)
    nodes, kept = 0, 0
    for child in range(children):
        mother, father = mothers[child], fathers[child]
        state = stream(seed, generation, child)
        begin, start = nodes, kept
        one, one_end = genes.gene_rows[mother], genes.gene_rows[mother + 1]
        two, two_end = genes.gene_rows[father], genes.gene_rows[father + 1]
        while one < one_end or two < two_end:
            if two == two_end:
                order = -1
            elif one == one_end:
                order = 1
            elif genes.source[one] != genes.source[two]:
                order = -1 if genes.source[one] < genes.source[two] else 1
            elif genes.target[one] != genes.target[two]:
                order = -1 if genes.target[one] < genes.target[two] else 1
            else:
                order = 0
            gene = one if order <= 0 else two
            on = genes.enabled[gene]
            take = True
            if order < 0:
                # A connection from an input to an output that is not stored is there, and disabled.
                direct = genes.source[one] < fixed and genes.target[one] < outputs_end
                take = not direct or not _coin(state, genes.source[one], genes.target[one])
                one += 1
            elif order > 0:
                take = _crosses(genes, mother, father, two, state)
                two += 1
            else:
                if genes.enabled[one] != genes.enabled[two]:
                    on = on != _coin(state, genes.source[one], genes.target[one])
                one += 1
                two += 1
            if take:
                source[kept], target[kept], enabled[kept] = genes.source[gene], genes.target[gene], on
                kept += 1
        one, one_end = genes.node_rows[mother], genes.node_rows[mother + 1]
        two, two_end = genes.node_rows[father], genes.node_rows[father + 1]
        while one < one_end or two < two_end:
            if two == two_end or (one < one_end and genes.node[one] < genes.node[two]):
                node[nodes], activation[nodes] = genes.node[one], genes.activation[one]
                one += 1
                nodes += 1
            elif one == one_end or genes.node[two] < genes.node[one]:
                if _coin(state, genes.node[two], -1):
                    node[nodes], activation[nodes] = genes.node[two], genes.activation[two]
                    nodes += 1
                two += 1
            else:
                chosen = two if _coin(state, genes.node[one], -2) else one
                node[nodes], activation[nodes] = genes.node[one], genes.activation[chosen]
                one += 1
                two += 1
                nodes += 1
        node_rows[child + 1], gene_rows[child + 1] = nodes, kept
        if _has_cycle(genes, node, source, target, begin, nodes, start, kept):
            nodes, kept = begin, start
            for index in range(genes.node_rows[mother], genes.node_rows[mother + 1]):
                node[nodes], activation[nodes] = genes.node[index], genes.activation[index]
                nodes += 1
            for gene in range(genes.gene_rows[mother], genes.gene_rows[mother + 1]):
                source[kept], target[kept] = genes.source[gene], genes.target[gene]
                enabled[kept] = genes.enabled[gene]
                kept += 1
            node_rows[child + 1], gene_rows[child + 1] = nodes, kept
    return (
        node_rows,
        node[:nodes].copy(),
        activation[:nodes].copy(),
        gene_rows,
        source[:kept].copy(),
        target[:kept].copy(),
        enabled[:kept].copy(),
    )


@inlined
def _has_cycle(genes, node, source, target, begin, end, start, stop):  # type: ignore[no-untyped-def]
    """Whether the genes [start, stop) between the nodes [begin, end) form one, disabled ones counted."""
    fixed = 1 + genes.inputs
    outputs_end = fixed + genes.outputs
    first = begin + genes.outputs
    sources, targets = np.empty(stop - start, np.int64), np.empty(stop - start, np.int64)
    for gene in range(start, stop):
        from_, to = source[gene], target[gene]
        if from_ >= outputs_end:
            from_ = outputs_end + np.searchsorted(node[first:end], from_)
        if to >= outputs_end:
            to = outputs_end + np.searchsorted(node[first:end], to)
        sources[gene - start], targets[gene - start] = from_, to
    depth = np.empty(fixed + end - begin, np.int64)
    everything = np.ones(stop - start, np.bool_)
    return depths(fixed + end - begin, sources, targets, everything, depth) < fixed + end - begin
