"""Change an integer coefficient by one of the parallel paths that it consists of."""

from __future__ import annotations

from ...kernels.compiler import inlined
from ...kernels.random import draw
from .drawing import INVERSE, LINEAR, draw_relay
from .duplicate_node import duplicate
from .editing import remove_dead_ends, remove_node

__all__ = ["change_gain"]


@inlined
def change_gain(genes, genome, workspace, state):  # type: ignore[no-untyped-def]
    """A relay is duplicated, removed or negated, each as likely."""
    state, relay = draw_relay(genes, genome, state)
    if relay >= 0:
        state, change = draw(state, 3)
        if change == 0:
            duplicate(genes, genome, workspace, relay)
        elif change == 1:
            remove_node(genes, genome, relay)
            remove_dead_ends(genes, genome, workspace.table)
        else:
            genes.activation[relay] = LINEAR + INVERSE - genes.activation[relay]
    return state
