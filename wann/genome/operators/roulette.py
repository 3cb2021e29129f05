"""One change for each child, drawn by roulette over all operators (Gaier & Ha 2019, section 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from ...kernels.compiler import inlined, kernel
from ...kernels.genes import Genes
from ...kernels.random import stream, uniform
from .add_connection import add_connection
from .add_node import add_node
from .add_path import add_path
from .add_unit import add_unit
from .change_activation import change_activation
from .change_gain import change_gain
from .disable_connection import disable_connection
from .double_gain import double_gain
from .duplicate_node import duplicate_node
from .editing import Workspace
from .enable_connection import enable_connection
from .move_connection import move_connection
from .remove_node import remove_node

__all__ = ["OPERATORS", "vary"]

Operator = Callable[..., Any]

OPERATORS: Final[dict[str, Operator]] = {
    "change_activation": change_activation,
    "add_node": add_node,
    "add_connection": add_connection,
    "enable_connection": enable_connection,
    "disable_connection": disable_connection,
    "duplicate_node": duplicate_node,
    "add_path": add_path,
    "change_gain": change_gain,
    "add_unit": add_unit,
    "remove_node": remove_node,
    "move_connection": move_connection,
    "double_gain": double_gain,
}
"""Every operator by its name, which is also the setting that holds its weight.

``operator(genes, genome, workspace, state)`` edits one genome and returns the state of its random stream.
New operators come last, so that those before them draw as ever.
"""

_ROOM: Final = 16  # nodes and genes that an operator may add to a copy of everything


def _dispatcher(operators: Sequence[Operator]) -> Operator:
    """One function that applies the operator with a given index; numba knows no table of functions."""
    if not operators:
        return inlined(lambda index, genes, genome, workspace, state: state)
    first, others = operators[0], _dispatcher(operators[1:])

    @inlined
    def apply(index, genes, genome, workspace, state):  # type: ignore[no-untyped-def]
        if index == 0:
            return first(genes, genome, workspace, state)
        return others(index - 1, genes, genome, workspace, state)

    return apply


_apply: Final = _dispatcher(list(OPERATORS.values()))


@kernel
def vary(genes, parents, bounds, choices, newest, seed, generation, first):  # type: ignore[no-untyped-def]
    """A child of each parent, with one change.

    An operator that finds nothing to change leaves a copy, as in the published code.

    Args:
        genes: the parents' generation.
        parents: int64[children].
        bounds: float64[operators], upper bounds of the roulette, ascending to 1.
        choices: int64[n], activation ids that hidden nodes may have.
        newest: the highest node id in use.
        seed, generation, first: child k draws from the stream of address (seed, generation, first + k).

    Returns:
        (node_rows, node, activation, gene_rows, source, target, enabled) as in ``Genes``, and origin
        int64[nodes, 4]. Ids above ``newest`` are preliminary; their rows of ``origin`` say what made
        them: the operator, two numbers that identify the change, and the index among its nodes.
    """
    children = parents.shape[0]
    nodes, links, largest = 0, 0, 0
    for parent in parents:
        size = 2 * (genes.node_rows[parent + 1] - genes.node_rows[parent]) + _ROOM
        nodes, largest = nodes + size, max(largest, size)
        links += 2 * (genes.gene_rows[parent + 1] - genes.gene_rows[parent]) + _ROOM
    child_genes = Genes(
        genes.inputs,
        genes.outputs,
        np.zeros(children + 1, np.int64),
        np.empty(nodes, np.int64),
        np.empty(nodes, np.int8),
        np.zeros(children + 1, np.int64),
        np.empty(links, np.int64),
        np.empty(links, np.int64),
        np.empty(links, np.bool_),
    )
    table = 4
    while table < 2 * largest:
        table *= 2
    origin = np.zeros((nodes, 4), np.int64)
    workspace = Workspace(choices, newest, origin, np.empty(table, np.int64))
    for child in range(children):
        _copy(genes, parents[child], child_genes, child)
        before = child_genes.node_rows[child + 1]
        state = stream(seed, generation, first + child)
        state, ball = uniform(state)
        operator = 0
        while operator < bounds.shape[0] - 1 and ball >= bounds[operator]:
            operator += 1
        _apply(operator, child_genes, child, workspace, state)
        for node in range(before, child_genes.node_rows[child + 1]):
            origin[node, 0] = operator
    nodes, links = child_genes.node_rows[children], child_genes.gene_rows[children]
    return (
        child_genes.node_rows,
        child_genes.node[:nodes].copy(),
        child_genes.activation[:nodes].copy(),
        child_genes.gene_rows,
        child_genes.source[:links].copy(),
        child_genes.target[:links].copy(),
        child_genes.enabled[:links].copy(),
        origin[:nodes].copy(),
    )


@inlined
def _copy(genes, genome, children, child):  # type: ignore[no-untyped-def]
    """Make the next child a copy of a genome. Loops: numba takes seconds to compile assignments of slices."""
    begin, to = genes.node_rows[genome], children.node_rows[child]
    count = genes.node_rows[genome + 1] - begin
    for index in range(count):
        children.node[to + index] = genes.node[begin + index]
        children.activation[to + index] = genes.activation[begin + index]
    children.node_rows[child + 1] = to + count
    begin, to = genes.gene_rows[genome], children.gene_rows[child]
    count = genes.gene_rows[genome + 1] - begin
    for index in range(count):
        children.source[to + index] = genes.source[begin + index]
        children.target[to + index] = genes.target[begin + index]
        children.enabled[to + index] = genes.enabled[begin + index]
    children.gene_rows[child + 1] = to + count
