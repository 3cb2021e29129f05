"""Connect two nodes that have no gene between them (Gaier & Ha 2019, section 3.1)."""

from __future__ import annotations

from ...kernels.compiler import inlined
from .drawing import draw_unconnected
from .editing import connect

__all__ = ["add_connection"]


@inlined
def add_connection(genes, genome, workspace, state):  # type: ignore[no-untyped-def]
    """From any node to one in a strictly later layer."""
    state, source, target = draw_unconnected(genes, genome, workspace.table, state)
    if source >= 0:
        connect(genes, genome, source, target)
    return state
