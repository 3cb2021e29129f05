"""Removal of nodes that no enabled connection touches."""

from __future__ import annotations

import numpy as np

from ...kernels.compiler import kernel
from ...kernels.genes import index_nodes, node_table, position_of

__all__ = ["drop_idle"]


@kernel
def drop_idle(genes):  # type: ignore[no-untyped-def]
    """Drop hidden nodes that no enabled gene touches, and the genes that end in them.

    Where no connection is disabled without a replacement there are none; otherwise they would grow in
    number without end. Returns (node_rows, node, activation, gene_rows, source, target, enabled).
    """
    genomes = genes.node_rows.shape[0] - 1
    node_rows, gene_rows = np.zeros(genomes + 1, np.int64), np.zeros(genomes + 1, np.int64)
    node, activation = np.empty_like(genes.node), np.empty_like(genes.activation)
    source, target = np.empty_like(genes.source), np.empty_like(genes.target)
    enabled = np.empty_like(genes.enabled)
    fixed = 1 + genes.inputs
    largest = 0
    for genome in range(genomes):
        largest = max(largest, genes.node_rows[genome + 1] - genes.node_rows[genome])
    busy, table = np.empty(fixed + largest, np.bool_), node_table(genes)
    nodes, kept = 0, 0
    for genome in range(genomes):
        begin, end = genes.node_rows[genome], genes.node_rows[genome + 1]
        first, last = genes.gene_rows[genome], genes.gene_rows[genome + 1]
        index_nodes(genes, genome, table)
        for position in range(fixed + end - begin):
            busy[position] = position < fixed + genes.outputs
        for gene in range(first, last):
            if genes.enabled[gene]:
                busy[position_of(genes, genome, table, genes.source[gene])] = True
                busy[position_of(genes, genome, table, genes.target[gene])] = True
        for index in range(begin, end):
            if busy[fixed + index - begin]:
                node[nodes], activation[nodes] = genes.node[index], genes.activation[index]
                nodes += 1
        for gene in range(first, last):
            if genes.enabled[gene] or (
                busy[position_of(genes, genome, table, genes.source[gene])]
                and busy[position_of(genes, genome, table, genes.target[gene])]
            ):
                source[kept], target[kept] = genes.source[gene], genes.target[gene]
                enabled[kept] = genes.enabled[gene]
                kept += 1
        node_rows[genome + 1], gene_rows[genome + 1] = nodes, kept
    return (
        node_rows,
        node[:nodes],
        activation[:nodes],
        gene_rows,
        source[:kept],
        target[:kept],
        enabled[:kept],
    )
