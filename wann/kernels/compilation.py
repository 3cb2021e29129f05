"""Genomes to programs: topological order, dead code removed, connections in rows by target."""

from __future__ import annotations

import numpy as np

from .compiler import inlined, kernel
from .forward import activate
from .genes import depths, position, sort_by_depth

__all__ = ["compile_genes"]

_ZERO = np.float32(0.0)


@inlined
def _mark_live(order, places, source, target, enabled, genes, genome, live, fed):  # type: ignore[no-untyped-def]
    """Mark nodes that an output can see and that are not always zero.

    ``fed`` receives whether a path from the bias or an input arrives, ``live`` whether the node is
    computed: one without such a path is a constant, kept unless that constant is zero.
    """
    fixed = 1 + genes.inputs
    outputs_end = fixed + genes.outputs
    begin = genes.node_rows[genome]
    # order lists hidden places by depth; edges are grouped by source in (rows, following).
    rows, edges = source
    for place in range(places):
        fed[place] = place < fixed
        live[place] = place < fixed
    for place in range(fixed, places):
        live[place] = activate(genes.activation[begin + place - fixed], _ZERO) != _ZERO
    for index in range(-fixed, order.shape[0]):
        place = fixed + index if index < 0 else order[index]
        for row in range(rows[place], rows[place + 1]):
            arrival = target[edges[row]]
            fed[arrival] |= fed[place]
            live[arrival] |= live[place]
    # Backwards: what no output sees is dead, whatever its value.
    for index in range(order.shape[0] - 1, -1, -1):
        place = order[index]
        seen = False
        for row in range(rows[place], rows[place + 1]):
            arrival = target[edges[row]]
            seen |= arrival < outputs_end or live[arrival]
        live[place] &= seen
    for place in range(fixed, outputs_end):
        live[place] = True


@inlined
def _group(size, source, enabled, rows, edges):  # type: ignore[no-untyped-def]
    """Enabled edges grouped by source, in the order of the genes."""
    rows[:] = 0
    for edge in range(source.shape[0]):
        if enabled[edge]:
            rows[source[edge] + 1] += 1
    for place in range(size):
        rows[place + 1] += rows[place]
    filled = rows[:size].copy()
    for edge in range(source.shape[0]):
        if enabled[edge]:
            edges[filled[source[edge]]] = edge
            filled[source[edge]] += 1


@kernel
def compile_genes(genes):  # type: ignore[no-untyped-def]
    """Compile every genome of a population.

    Returns (node_rows, activation, edge_rows, source, gene) as in ``forward.Program``, then
    ``effective`` int64[genomes], the connections on some path from bias or inputs to outputs, and
    ``failed``, the first genome with a cycle or with an unknown node, or -1.
    """
    genomes = genes.node_rows.shape[0] - 1
    node_rows = np.zeros(genomes + 1, np.int64)
    activation = np.empty(genes.node.shape[0], np.int8)
    edge_rows = np.zeros(genes.node.shape[0] + 1, np.int64)
    total = 0
    for index in range(genes.enabled.shape[0]):
        total += genes.enabled[index]
    slots = np.empty(total, np.int32)
    names = np.empty(total, np.int64)
    effective = np.zeros(genomes, np.int64)
    fixed = 1 + genes.inputs
    outputs_end = fixed + genes.outputs
    nodes = 0
    written = 0
    counted = 0
    for genome in range(genomes):
        first, last = genes.gene_rows[genome], genes.gene_rows[genome + 1]
        begin = genes.node_rows[genome]
        places = fixed + genes.node_rows[genome + 1] - begin
        source = np.empty(last - first, np.int64)
        target = np.empty(last - first, np.int64)
        number = np.empty(last - first, np.int64)
        for edge in range(last - first):
            source[edge] = position(genes, genome, genes.source[first + edge])
            target[edge] = position(genes, genome, genes.target[first + edge])
            if source[edge] < 0 or target[edge] < 0:
                return node_rows, activation, edge_rows, slots, names, effective, genome
            number[edge] = counted
            counted += genes.enabled[first + edge]
        enabled = genes.enabled[first:last]
        depth = np.empty(places, np.int64)
        if depths(places, source, target, enabled, depth) < places:
            return node_rows, activation, edge_rows, slots, names, effective, genome
        order = np.empty(places - outputs_end, np.int64)
        sort_by_depth(depth, outputs_end, places, order)
        rows = np.empty(places + 1, np.int64)
        edges = np.empty(last - first, np.int64)
        _group(places, source, enabled, rows, edges)
        live = np.empty(places, np.bool_)
        fed = np.empty(places, np.bool_)
        _mark_live(order, places, (rows, edges), target, enabled, genes, genome, live, fed)
        # Slots: bias and inputs, live hidden nodes by (depth, place), outputs.
        slot = np.full(places, -1, np.int64)
        for place in range(fixed):
            slot[place] = place
        following = fixed
        for index in range(order.shape[0]):
            if live[order[index]]:
                slot[order[index]] = following
                activation[nodes + following - fixed] = genes.activation[begin + order[index] - fixed]
                following += 1
        for place in range(fixed, outputs_end):
            slot[place] = following
            activation[nodes + following - fixed] = genes.activation[begin + place - fixed]
            following += 1
        computed = following - fixed
        # Incoming connections of each node, by ascending slot of their source.
        fan_in = np.zeros(computed + 1, np.int64)
        for edge in range(last - first):
            if enabled[edge] and live[source[edge]] and live[target[edge]]:
                fan_in[slot[target[edge]] - fixed + 1] += 1
                effective[genome] += fed[source[edge]]
        for node in range(computed):
            fan_in[node + 1] += fan_in[node]
            edge_rows[nodes + node + 1] = written + fan_in[node + 1]
        for index in range(-fixed, order.shape[0]):
            place = fixed + index if index < 0 else order[index]
            if live[place]:
                for row in range(rows[place], rows[place + 1]):
                    edge = edges[row]
                    if live[target[edge]]:
                        node = slot[target[edge]] - fixed
                        slots[written + fan_in[node]] = slot[place]
                        names[written + fan_in[node]] = number[edge]
                        fan_in[node] += 1
        nodes += computed
        written = edge_rows[nodes]
        node_rows[genome + 1] = nodes
    return (
        node_rows,
        activation[:nodes].copy(),
        edge_rows[: nodes + 1].copy(),
        slots[:written].copy(),
        names[:written].copy(),
        effective,
        np.int64(-1),
    )
