"""Genomes to programs: topological order, dead code removed, connections in rows by target.

Under one shared weight, nodes with equal activations and equal inputs have equal values. Such twins
(gene duplication makes many) can be merged: the program computes one, and counts how many times
each connection stands.
"""

from __future__ import annotations

import numpy as np

from .compiler import inlined, kernel
from .forward import activate
from .genes import depths, index_nodes, node_table, position_of, sort_by_depth

__all__ = ["compile_genes"]

_ZERO, _ONE = np.float32(0.0), np.float32(1.0)
_PRIME, _SHIFT, _UNIT = np.uint64(0x9E3779B97F4A7C15), np.uint64(29), np.uint64(1)


@inlined
def _mark_live(order, positions, source, target, genes, genome, live, fed):  # type: ignore[no-untyped-def]
    """Mark nodes that an output can see and that are not always zero.

    ``fed`` receives whether a path from the bias or an input arrives, ``live`` whether the node is
    computed: one without such a path is a constant, kept unless that constant is zero.
    """
    fixed = 1 + genes.inputs
    outputs_end = fixed + genes.outputs
    begin = genes.node_rows[genome]
    # order lists hidden positions by depth; edges are grouped by source in (rows, following).
    rows, edges = source
    for position in range(positions):
        fed[position] = position < fixed
        live[position] = position < fixed
    for position in range(fixed, positions):
        live[position] = activate(genes.activation[begin + position - fixed], _ZERO) != _ZERO
    for index in range(-fixed, order.shape[0]):
        position = fixed + index if index < 0 else order[index]
        for row in range(rows[position], rows[position + 1]):
            arrival = target[edges[row]]
            fed[arrival] |= fed[position]
            live[arrival] |= live[position]
    # Backwards: what no output sees is dead, whatever its value.
    for index in range(order.shape[0] - 1, -1, -1):
        position = order[index]
        seen = False
        for row in range(rows[position], rows[position + 1]):
            arrival = target[edges[row]]
            seen |= arrival < outputs_end or live[arrival]
        live[position] &= seen
    for position in range(fixed, outputs_end):
        live[position] = True


@inlined
def _group(size, source, enabled, rows, edges):  # type: ignore[no-untyped-def]
    """Enabled edges grouped by source, in the order of the genes."""
    rows[:] = 0
    for edge in range(source.shape[0]):
        if enabled[edge]:
            rows[source[edge] + 1] += 1
    for position in range(size):
        rows[position + 1] += rows[position]
    filled = rows[:size].copy()
    for edge in range(source.shape[0]):
        if enabled[edge]:
            edges[filled[source[edge]]] = edge
            filled[source[edge]] += 1


@inlined
def _sort_pairs(slots, names, count):  # type: ignore[no-untyped-def]
    """Sort the first ``count`` slots, and names with them: insertion, for they are nearly in order."""
    for index in range(1, count):
        slot, name = slots[index], names[index]
        position = index
        while position > 0 and slots[position - 1] > slot:
            slots[position] = slots[position - 1]
            names[position] = names[position - 1]
            position -= 1
        slots[position] = slot
        names[position] = name


@inlined
def _merge_equal(slots, times, count):  # type: ignore[no-untyped-def]
    """Collapse equal sorted slots and count them; returns how many distinct ones there are."""
    kept = 0
    for index in range(count):
        if kept > 0 and slots[kept - 1] == slots[index]:
            times[kept - 1] += _ONE
        else:
            slots[kept] = slots[index]
            times[kept] = _ONE
            kept += 1
    return kept


@inlined
def _duplicate(table, kind, slots, times, count, activation, edge_rows, source, many):  # type: ignore[no-untyped-def]
    """Slot in the hash table of a node computed alike, or the free one that it would take.

    ``table`` int64[2**k] holds nodes, -1 where free.
    """
    word = np.uint64(kind)
    for index in range(count):
        word = (word ^ np.uint64(slots[index])) * _PRIME + np.uint64(times[index])
        word ^= word >> _SHIFT
    mask = np.uint64(table.shape[0] - 1)
    position = word & mask
    while table[position] >= 0:
        node = table[position]
        begin = edge_rows[node]
        if activation[node] == kind and edge_rows[node + 1] - begin == count:
            same = True
            for index in range(count):
                same &= source[begin + index] == slots[index] and many[begin + index] == times[index]
            if same:
                return position
        position = (position + _UNIT) & mask
    return position


@kernel
def compile_genes(genes, merge):  # type: ignore[no-untyped-def]
    """Compile every genome of a population.

    Args:
        genes: the population.
        merge: compute nodes with equal values once; only right under one shared weight.

    Returns:
        (node_rows, activation, edge_rows, source, times, gene) as in ``forward.Program``, then
        ``effective`` int64[genomes], the connections on some path from bias or inputs to outputs,
        and ``failed``, the first genome with a cycle or with an unknown node, or -1.
    """
    genomes = genes.node_rows.shape[0] - 1
    node_rows = np.zeros(genomes + 1, np.int64)
    activation = np.empty(genes.node.shape[0], np.int8)
    edge_rows = np.zeros(genes.node.shape[0] + 1, np.int64)
    total, largest, widest = 0, 0, 0
    for index in range(genes.enabled.shape[0]):
        total += genes.enabled[index]
    for genome in range(genomes):
        largest = max(largest, genes.node_rows[genome + 1] - genes.node_rows[genome])
        widest = max(widest, genes.gene_rows[genome + 1] - genes.gene_rows[genome])
    source = np.empty(total, np.int32)
    times = np.empty(total, np.float32)
    gene = np.empty(total, np.int64)
    effective = np.zeros(genomes, np.int64)
    fixed = 1 + genes.inputs
    outputs_end = fixed + genes.outputs
    # Scratch, large enough for any genome.
    most = fixed + largest
    starts, ends = np.empty(widest, np.int64), np.empty(widest, np.int64)
    number, edges = np.empty(widest, np.int64), np.empty(widest, np.int64)
    arrivals, slots, names = (
        np.empty(widest, np.int64),
        np.empty(widest, np.int64),
        np.empty(widest, np.int64),
    )
    counts = np.empty(widest, np.float32)
    depth, order, slot = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(most, np.int64)
    rows, arrival_rows = np.empty(most + 1, np.int64), np.empty(most + 1, np.int64)
    live, fed = np.empty(most, np.bool_), np.empty(most, np.bool_)
    size = 4
    while size < 2 * largest:
        size *= 2
    table, named = np.empty(size, np.int64), node_table(genes)
    nodes, written, counted = 0, 0, 0
    for genome in range(genomes):
        first, last = genes.gene_rows[genome], genes.gene_rows[genome + 1]
        begin = genes.node_rows[genome]
        positions = fixed + genes.node_rows[genome + 1] - begin
        known = True
        index_nodes(genes, genome, named)
        for edge in range(last - first):
            starts[edge] = position_of(genes, genome, named, genes.source[first + edge])
            ends[edge] = position_of(genes, genome, named, genes.target[first + edge])
            known &= starts[edge] >= 0 and ends[edge] >= 0
            number[edge] = counted
            counted += genes.enabled[first + edge]
        here = last - first
        enabled = genes.enabled[first:last]
        if not known or depths(positions, starts[:here], ends[:here], enabled, depth) < positions:
            return node_rows, activation, edge_rows, source, times, gene, effective, np.int64(genome)
        hidden = positions - outputs_end
        sort_by_depth(depth, outputs_end, positions, order)
        _group(positions, starts[:here], enabled, rows, edges)
        _group(positions, ends[:here], enabled, arrival_rows, arrivals)
        _mark_live(order[:hidden], positions, (rows, edges), ends, genes, genome, live, fed)
        # Slots: bias and inputs, live hidden nodes by (depth, position), outputs in their order.
        for position in range(fixed):
            slot[position] = position
        for index in range(genes.outputs):
            order[hidden + index] = fixed + index
        table[:] = -1
        first_node = nodes
        for index in range(hidden + genes.outputs):
            position = order[index]
            if not live[position]:
                continue
            count = 0
            for row in range(arrival_rows[position], arrival_rows[position + 1]):
                edge = arrivals[row]
                if live[starts[edge]]:
                    slots[count], names[count] = slot[starts[edge]], number[edge]
                    effective[genome] += fed[starts[edge]]
                    count += 1
            _sort_pairs(slots, names, count)
            kind = genes.activation[begin + position - fixed]
            if merge:
                count = _merge_equal(slots, counts, count)
                where = _duplicate(table, kind, slots, counts, count, activation, edge_rows, source, times)
                if index < hidden:
                    if table[where] >= 0:
                        slot[position] = fixed + table[where] - first_node
                        continue
                    table[where] = nodes
            for edge in range(count):
                source[written + edge] = slots[edge]
                times[written + edge] = counts[edge] if merge else _ONE
                gene[written + edge] = names[edge]
            slot[position] = fixed + nodes - first_node
            activation[nodes] = kind
            written += count
            nodes += 1
            edge_rows[nodes] = written
        node_rows[genome + 1] = nodes
    return (
        node_rows,
        activation[:nodes].copy(),
        edge_rows[: nodes + 1].copy(),
        source[:written].copy(),
        times[:written].copy(),
        gene[:written].copy(),
        effective,
        np.int64(-1),
    )
