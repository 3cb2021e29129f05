"""Enable a disabled connection (Gaier & Ha 2019, section 3.1)."""

from __future__ import annotations

from ...kernels.compiler import inlined
from .drawing import draw_disabled
from .editing import connect

__all__ = ["enable_connection"]


@inlined
def enable_connection(genes, genome, workspace, state):  # type: ignore[no-untyped-def]
    """One of all genes that exist, stored or not."""
    state, source, target = draw_disabled(genes, genome, state)
    if source >= 0:
        if source <= genes.inputs and target <= genes.inputs + genes.outputs:
            connect(genes, genome, source, target)
        else:
            for gene in range(genes.gene_rows[genome], genes.gene_rows[genome + 1]):
                genes.enabled[gene] |= genes.source[gene] == source and genes.target[gene] == target
    return state
