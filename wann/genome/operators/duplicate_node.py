"""Duplicate a hidden node with its connections: gene duplication (Ohno 1970)."""

from __future__ import annotations

import numpy as np

from ...kernels.compiler import inlined
from .drawing import draw_hidden
from .editing import append_node, connect

__all__ = ["duplicate", "duplicate_node"]


@inlined
def duplicate_node(genes, genome, workspace, state):  # type: ignore[no-untyped-def]
    """Under one shared weight a path counts as often as it stands: duplicates are integer gains."""
    state, node = draw_hidden(genes, genome, workspace.table, state)
    if node >= 0:
        duplicate(genes, genome, workspace, node)
    return state


@inlined
def duplicate(genes, genome, workspace, node):  # type: ignore[no-untyped-def]
    """Duplicate the hidden node at this index with its enabled connections."""
    original = genes.node[node]
    first, last = genes.gene_rows[genome], genes.gene_rows[genome + 1]
    sources, targets = np.empty(last - first, np.int64), np.empty(last - first, np.int64)
    count = 0
    for gene in range(first, last):
        if genes.enabled[gene] and (genes.source[gene] == original or genes.target[gene] == original):
            sources[count], targets[count] = genes.source[gene], genes.target[gene]
            count += 1
    name = append_node(genes, genome, workspace, genes.activation[node], original, 0)
    for copied in range(count):
        source = name if sources[copied] == original else sources[copied]
        target = name if targets[copied] == original else targets[copied]
        connect(genes, genome, source, target)
