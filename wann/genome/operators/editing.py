"""Edits of a single genome, of which operators are made.

An operator edits the last genome of the ``Genes`` that the children are written to: there is room after it,
and its row pointers grow with it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels.compiler import inlined
from ...kernels.genes import index_nodes, is_direct, position_of

__all__ = ["Workspace", "append_node", "connect", "disable", "remove_dead_ends", "remove_gene", "remove_node"]


class Workspace(NamedTuple):
    """What operators need beside the genome that they edit.

    Attributes:
        choices: int64[n], activation ids that hidden nodes may have.
        newest: the highest node id in use before this generation.
        origin: int64[nodes, 4], what made each added node: the operator (left to the roulette), two numbers
            that identify the change, and the index among the nodes of that change.
        table: room for ``index_nodes``.
    """

    choices: NDArray[np.int64]
    newest: int
    origin: NDArray[np.int64]
    table: NDArray[np.int64]


@inlined
def append_node(genes, genome, workspace, activation, first, second):  # type: ignore[no-untyped-def]
    """Add a hidden node without connections; returns its id, which is preliminary.

    Children whose changes have the same identity (operator, ``first``, ``second``) get the same ids in the
    end, so that equal structures are known as equal (Stanley & Miikkulainen 2002).
    """
    index = genes.node_rows[genome + 1]
    name = max(genes.node[index - 1], workspace.newest) + 1
    genes.node[index] = name
    genes.activation[index] = activation
    workspace.origin[index, 1] = first
    workspace.origin[index, 2] = second
    workspace.origin[index, 3] = name - workspace.newest - 1
    genes.node_rows[genome + 1] += 1
    return name


@inlined
def connect(genes, genome, source, target):  # type: ignore[no-untyped-def]
    """Insert an enabled gene between two nodes that have none, in its order."""
    index = genes.gene_rows[genome + 1]
    while index > genes.gene_rows[genome] and (
        genes.source[index - 1] > source
        or (genes.source[index - 1] == source and genes.target[index - 1] > target)
    ):
        genes.source[index] = genes.source[index - 1]
        genes.target[index] = genes.target[index - 1]
        genes.enabled[index] = genes.enabled[index - 1]
        index -= 1
    genes.source[index] = source
    genes.target[index] = target
    genes.enabled[index] = True
    genes.gene_rows[genome + 1] += 1


@inlined
def disable(genes, genome, gene):  # type: ignore[no-untyped-def]
    """Disable the gene at this index; a direct one is not stored while it is disabled."""
    if is_direct(genes, gene):
        remove_gene(genes, genome, gene)
    else:
        genes.enabled[gene] = False


@inlined
def remove_gene(genes, genome, gene):  # type: ignore[no-untyped-def]
    """Remove the gene at this index."""
    last = genes.gene_rows[genome + 1] - 1
    for index in range(gene, last):
        genes.source[index] = genes.source[index + 1]
        genes.target[index] = genes.target[index + 1]
        genes.enabled[index] = genes.enabled[index + 1]
    genes.gene_rows[genome + 1] = last


@inlined
def remove_node(genes, genome, node):  # type: ignore[no-untyped-def]
    """Remove the hidden node at this index, and the genes that begin or end in it."""
    name = genes.node[node]
    last = genes.node_rows[genome + 1] - 1
    for index in range(node, last):
        genes.node[index] = genes.node[index + 1]
        genes.activation[index] = genes.activation[index + 1]
    genes.node_rows[genome + 1] = last
    kept = genes.gene_rows[genome]
    for gene in range(genes.gene_rows[genome], genes.gene_rows[genome + 1]):
        if genes.source[gene] != name and genes.target[gene] != name:
            genes.source[kept], genes.target[kept] = genes.source[gene], genes.target[gene]
            genes.enabled[kept] = genes.enabled[gene]
            kept += 1
    genes.gene_rows[genome + 1] = kept


@inlined
def remove_dead_ends(genes, genome, table):  # type: ignore[no-untyped-def]
    """Remove hidden nodes from which no enabled connection leads on, until there are none."""
    fixed = 1 + genes.inputs + genes.outputs
    begin = genes.node_rows[genome] + genes.outputs
    dead = True
    while dead:
        index_nodes(genes, genome, table)
        feeds = np.zeros(fixed + genes.node_rows[genome + 1] - begin, np.bool_)
        feeds[:fixed] = True
        for gene in range(genes.gene_rows[genome], genes.gene_rows[genome + 1]):
            if genes.enabled[gene]:
                feeds[position_of(genes, genome, table, genes.source[gene])] = True
        kept = genes.gene_rows[genome]
        for gene in range(genes.gene_rows[genome], genes.gene_rows[genome + 1]):
            source = position_of(genes, genome, table, genes.source[gene])
            if feeds[source] and feeds[position_of(genes, genome, table, genes.target[gene])]:
                genes.source[kept], genes.target[kept] = genes.source[gene], genes.target[gene]
                genes.enabled[kept] = genes.enabled[gene]
                kept += 1
        genes.gene_rows[genome + 1] = kept
        nodes = begin
        for node in range(begin, genes.node_rows[genome + 1]):
            if feeds[fixed + node - begin]:
                genes.node[nodes], genes.activation[nodes] = genes.node[node], genes.activation[node]
                nodes += 1
        dead = nodes < genes.node_rows[genome + 1]
        genes.node_rows[genome + 1] = nodes
