"""Add a hidden unit that reads several nodes at once (after Fahlman & Lebiere 1990, whose units read all)."""

from __future__ import annotations

from ...kernels.compiler import inlined
from ...kernels.genes import position_of
from ...kernels.random import draw
from .drawing import INVERSE, LINEAR, draw_ordered_pair, earlier_units, layers
from .editing import append_node, connect

__all__ = ["add_unit"]

_MOST_SOURCES = 6


@inlined
def add_unit(genes, genome, workspace, state):  # type: ignore[no-untyped-def]
    """A node with a drawn activation between several sources and one target, each by a relay of either sign.

    It reads w^2 times a random sum and difference of bias, inputs and units: with a step, the same threshold
    for every shared weight w but 0. The target is drawn first, the sources among the nodes that may feed it.
    """
    state, _, target = draw_ordered_pair(genes, genome, workspace.table, state)
    _, _, depth = layers(genes, genome, workspace.table)
    end = position_of(genes, genome, workspace.table, target)
    candidates = earlier_units(genes, genome, depth, end)
    state, count = draw(state, min(candidates.shape[0], _MOST_SOURCES))
    state, index = draw(state, workspace.choices.shape[0])
    unit = append_node(genes, genome, workspace, workspace.choices[index], target, 0)
    left = candidates.shape[0]
    for _ in range(count + 1):
        state, index = draw(state, left)
        source = candidates[index]
        left -= 1
        candidates[index] = candidates[left]
        state, coin = draw(state, 2)
        relay = append_node(genes, genome, workspace, INVERSE if coin else LINEAR, target, 0)
        connect(genes, genome, source, relay)
        connect(genes, genome, relay, unit)
    state, coin = draw(state, 2)
    relay = append_node(genes, genome, workspace, INVERSE if coin else LINEAR, target, 0)
    connect(genes, genome, unit, relay)
    connect(genes, genome, relay, target)
    return state
