"""Split an enabled connection by a new node (Stanley & Miikkulainen 2002; Gaier & Ha 2019, section 3.1)."""

from __future__ import annotations

from ...kernels.compiler import inlined
from ...kernels.random import draw
from .drawing import draw_enabled
from .editing import append_node, connect, disable

__all__ = ["add_node"]


@inlined
def add_node(genes, genome, workspace, state):  # type: ignore[no-untyped-def]
    """The connection is disabled; its source feeds the new node, which feeds its target."""
    state, gene = draw_enabled(genes, genome, state)
    if gene >= 0:
        state, index = draw(state, workspace.choices.shape[0])
        source, target = genes.source[gene], genes.target[gene]
        disable(genes, genome, gene)
        name = append_node(genes, genome, workspace, workspace.choices[index], source, target)
        connect(genes, genome, source, name)
        connect(genes, genome, name, target)
    return state
