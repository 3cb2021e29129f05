"""Remove a hidden node with all its connections."""

from __future__ import annotations

from ...kernels.compiler import inlined
from . import editing
from .drawing import draw_hidden

__all__ = ["remove_node"]


@inlined
def remove_node(genes, genome, workspace, state):  # type: ignore[no-untyped-def]
    """One that feeds something; disabled genes that end in it go too."""
    state, node = draw_hidden(genes, genome, workspace.table, state)
    if node >= 0:
        editing.remove_node(genes, genome, node)
        editing.remove_dead_ends(genes, genome, workspace.table)
    return state
