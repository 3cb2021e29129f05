"""Disable an enabled connection."""

from __future__ import annotations

from ...kernels.compiler import inlined
from .drawing import draw_enabled
from .editing import disable

__all__ = ["disable_connection"]


@inlined
def disable_connection(genes, genome, workspace, state):  # type: ignore[no-untyped-def]
    """Its gene stays, unless a node that is left without any connection takes it along."""
    state, gene = draw_enabled(genes, genome, state)
    if gene >= 0:
        disable(genes, genome, gene)
    return state
