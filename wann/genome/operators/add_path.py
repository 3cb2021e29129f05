"""Add a path of two connections through a relay: one step of an integer coefficient."""

from __future__ import annotations

from ...kernels.compiler import inlined
from ...kernels.random import draw
from .drawing import INVERSE, LINEAR, draw_ordered_pair
from .editing import append_node, connect

__all__ = ["add_path"]


@inlined
def add_path(genes, genome, workspace, state):  # type: ignore[no-untyped-def]
    """From any node but a relay to a later one that is none either, whether or not they are connected.

    Under a shared weight w the target receives w^2 times plus or minus the source: whatever the sign of w.
    """
    state, source, target = draw_ordered_pair(genes, genome, workspace.table, state)
    state, coin = draw(state, 2)
    relay = append_node(genes, genome, workspace, INVERSE if coin else LINEAR, source, target)
    connect(genes, genome, source, relay)
    connect(genes, genome, relay, target)
    return state
