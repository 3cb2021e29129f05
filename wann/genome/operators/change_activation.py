"""Give a hidden node another activation (Gaier & Ha 2019, section 3.1)."""

from __future__ import annotations

from ...kernels.compiler import inlined
from .drawing import draw_activation, draw_hidden

__all__ = ["change_activation"]


@inlined
def change_activation(genes, genome, workspace, state):  # type: ignore[no-untyped-def]
    """Never to the one that it has."""
    state, node = draw_hidden(genes, genome, workspace.table, state)
    if node >= 0:
        state, chosen = draw_activation(workspace.choices, genes.activation[node], state)
        genes.activation[node] = chosen
    return state
