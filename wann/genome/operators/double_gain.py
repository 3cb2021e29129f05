"""Double what one node reads: twice its gain, or finer steps of its coefficients."""

from __future__ import annotations

import numpy as np

from ...kernels.compiler import inlined
from ...kernels.genes import index_nodes, position_of
from .drawing import draw_ordered_pair, is_relay
from .duplicate_node import duplicate

__all__ = ["double_gain"]


@inlined
def double_gain(genes, genome, workspace, state):  # type: ignore[no-untyped-def]
    """Every relay that feeds one output or unit is duplicated.

    An output gives twice as much. A step gives the same, and each path to it counts half as much as before.
    """
    state, _, target = draw_ordered_pair(genes, genome, workspace.table, state)
    fixed = 1 + genes.inputs
    first, last = genes.gene_rows[genome], genes.gene_rows[genome + 1]
    feeding = np.empty(last - first, np.int64)
    count = 0
    index_nodes(genes, genome, workspace.table)
    for gene in range(first, last):
        if genes.enabled[gene] and genes.target[gene] == target and genes.source[gene] >= fixed:
            position = position_of(genes, genome, workspace.table, genes.source[gene])
            node = genes.node_rows[genome] + position - fixed
            if is_relay(genes, genome, node):
                feeding[count] = node
                count += 1
    for index in range(count):
        duplicate(genes, genome, workspace, feeding[index])
    return state
