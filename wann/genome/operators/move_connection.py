"""Move one end of an enabled connection to another node."""

from __future__ import annotations

from ...kernels.compiler import inlined
from .drawing import draw_enabled, draw_source
from .editing import connect, remove_gene

__all__ = ["move_connection"]


@inlined
def move_connection(genes, genome, workspace, state):  # type: ignore[no-untyped-def]
    """Its target reads another node in an earlier layer, to which it has no gene yet."""
    state, gene = draw_enabled(genes, genome, state)
    if gene >= 0:
        target = genes.target[gene]
        state, source = draw_source(genes, genome, workspace.table, target, state)
        if source >= 0:
            remove_gene(genes, genome, gene)
            connect(genes, genome, source, target)
    return state
