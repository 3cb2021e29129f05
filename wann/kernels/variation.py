"""Mutation of whole populations: one topological change per child (Gaier & Ha 2019, section 3.1).

It goes in two steps, because a node that splits a connection needs an innovation number which
only the driver can hand out: ``plan`` draws what happens to each child, ``build`` does it.
"""

from __future__ import annotations

import numpy as np

from .compiler import inlined, kernel
from .genes import depths, index_nodes, is_direct, node_table, place_of
from .random import draw, stream, uniform

__all__ = [
    "ADD_CONNECTION",
    "ADD_NODE",
    "CHANGE_ACTIVATION",
    "COPY",
    "DISABLE_CONNECTION",
    "DUPLICATE_NODE",
    "ENABLE_CONNECTION",
    "build",
    "drop_idle",
    "plan",
]

(
    COPY,
    CHANGE_ACTIVATION,
    ADD_NODE,
    ADD_CONNECTION,
    ENABLE_CONNECTION,
    DISABLE_CONNECTION,
    DUPLICATE_NODE,
) = range(7)


@inlined
def _pick_enabled(genes, genome, state):  # type: ignore[no-untyped-def]
    """Index of an enabled gene drawn uniformly; -1 if there is none."""
    first, last = genes.gene_rows[genome], genes.gene_rows[genome + 1]
    count = 0
    for gene in range(first, last):
        count += genes.enabled[gene]
    if count == 0:
        return state, np.int64(-1)
    state, index = draw(state, count)
    for gene in range(first, last):
        if genes.enabled[gene]:
            if index == 0:
                return state, gene
            index -= 1
    return state, np.int64(-1)


@inlined
def _pick_disabled(genes, genome, state):  # type: ignore[no-untyped-def]
    """Ids of source and target of a disabled gene, drawn uniformly in their order; -1, -1 if none."""
    first, last = genes.gene_rows[genome], genes.gene_rows[genome + 1]
    fixed = 1 + genes.inputs
    count = fixed * genes.outputs
    for gene in range(first, last):
        if is_direct(genes, gene):
            count -= 1
        else:
            count += not genes.enabled[gene]
    if count == 0:
        return state, np.int64(-1), np.int64(-1)
    state, index = draw(state, count)
    gene = first
    source = np.int64(0)
    while source < fixed or gene < last:
        if source < fixed:
            for target in range(fixed, fixed + genes.outputs):
                if gene < last and genes.source[gene] == source and genes.target[gene] == target:
                    gene += 1  # stored, hence enabled
                elif index == 0:
                    return state, source, target
                else:
                    index -= 1
        while gene < last and (genes.source[gene] == source or source >= fixed):
            if not genes.enabled[gene]:
                if index == 0:
                    return state, genes.source[gene], genes.target[gene]
                index -= 1
            gene += 1
        source += 1
    return state, np.int64(-1), np.int64(-1)


@inlined
def _pick_node(genes, genome, places, state):  # type: ignore[no-untyped-def]
    """Index of a hidden node gene drawn uniformly from those that feed something; -1 if none.

    Where no connection is ever disabled without a replacement, that is every hidden node.
    """
    begin, end = genes.node_rows[genome] + genes.outputs, genes.node_rows[genome + 1]
    feeds = np.zeros(end - begin, np.bool_)
    shift = 1 + genes.inputs + genes.outputs
    for gene in range(genes.gene_rows[genome], genes.gene_rows[genome + 1]):
        if genes.enabled[gene] and genes.source[gene] >= shift:
            feeds[place_of(genes, genome, places, genes.source[gene]) - shift] = True
    count = 0
    for node in range(end - begin):
        count += feeds[node]
    if count == 0:
        return state, np.int64(-1)
    state, index = draw(state, count)
    for node in range(end - begin):
        if feeds[node]:
            if index == 0:
                return state, begin + node
            index -= 1
    return state, np.int64(-1)


@inlined
def _other(choices, present, state):  # type: ignore[no-untyped-def]
    """An activation id from ``choices`` other than ``present``; ``present`` if there is none."""
    count = 0
    for choice in choices:
        count += choice != present
    if count == 0:
        return state, np.int64(present)
    state, index = draw(state, count)
    for choice in choices:
        if choice != present:
            if index == 0:
                return state, np.int64(choice)
            index -= 1
    return state, np.int64(present)


@inlined
def _name(genes, genome, place):  # type: ignore[no-untyped-def]
    fixed = 1 + genes.inputs
    return place if place < fixed else genes.node[genes.node_rows[genome] + place - fixed]


@inlined
def _new_pair(genes, genome, named, state):  # type: ignore[no-untyped-def]
    """A random source and a random target in a strictly later layer, without a gene between them.

    Layers follow all genes, disabled ones too: whatever is enabled later, no cycle can arise.
    Returns the state and two node ids, (-1, -1) if every such pair has a gene.
    """
    fixed = 1 + genes.inputs
    outputs_end = fixed + genes.outputs
    first, last = genes.gene_rows[genome], genes.gene_rows[genome + 1]
    places = fixed + genes.node_rows[genome + 1] - genes.node_rows[genome]
    source = np.empty(last - first, np.int64)
    target = np.empty(last - first, np.int64)
    for gene in range(first, last):
        source[gene - first] = place_of(genes, genome, named, genes.source[gene])
        target[gene - first] = place_of(genes, genome, named, genes.target[gene])
    depth = np.empty(places, np.int64)
    depths(places, source, target, np.ones(last - first, np.bool_), depth)
    for place in range(fixed, outputs_end):
        depth[place] = places  # outputs are the last layer
    candidates = np.empty(places, np.int64)
    count = 0
    for place in range(places):
        if place < fixed or place >= outputs_end:
            candidates[count] = place
            count += 1
    taken = np.empty(places, np.bool_)
    while count > 0:
        state, index = draw(state, count)
        start = candidates[index]
        count -= 1
        candidates[index] = candidates[count]
        taken[:] = False
        for place in range(fixed, outputs_end):
            taken[place] = start < fixed  # these genes exist, stored or not
        for edge in range(last - first):
            if source[edge] == start:
                taken[target[edge]] = True
        free = 0
        for place in range(fixed, places):
            free += depth[place] > depth[start] and not taken[place]
        if free > 0:
            state, index = draw(state, free)
            for place in range(fixed, places):
                if depth[place] > depth[start] and not taken[place]:
                    if index == 0:
                        return state, _name(genes, genome, start), _name(genes, genome, place)
                    index -= 1
    return state, np.int64(-1), np.int64(-1)


@kernel
def plan(genes, parents, seed, generation, first, cumulative, choices):  # type: ignore[no-untyped-def]
    """Draw one change for each child.

    ``parents`` int64[children]; child k draws from the stream ``first + k``; ``cumulative``
    float64[operators] are the roulette's upper bounds in the order CHANGE_ACTIVATION, ADD_NODE, ...;
    ``choices`` int64[n] are the activation ids allowed.
    A draw that finds nothing to change leaves a copy, as in the published code.

    Returns int64[children, 4]: operator, then two numbers (change activation, duplicate node: index
    of the node gene and unused; add node, disable: index of the gene and unused; add connection,
    enable: source and target ids), then an activation id.
    """
    children = parents.shape[0]
    changes = np.zeros((children, 4), np.int64)
    places = node_table(genes)
    for child in range(children):
        genome = parents[child]
        index_nodes(genes, genome, places)
        state = stream(seed, generation, first + child)
        state, ball = uniform(state)
        operator = 0
        while operator < cumulative.shape[0] - 1 and ball >= cumulative[operator]:
            operator += 1
        operator += 1
        if operator in (CHANGE_ACTIVATION, DUPLICATE_NODE):
            state, node = _pick_node(genes, genome, places, state)
            if node >= 0:
                state, chosen = _other(choices, genes.activation[node], state)
                changes[child, 0], changes[child, 1], changes[child, 3] = operator, node, chosen
        elif operator == ADD_NODE:
            state, gene = _pick_enabled(genes, genome, state)
            if gene >= 0:
                state, index = draw(state, choices.shape[0])
                changes[child, 0], changes[child, 1] = operator, gene
                changes[child, 3] = choices[index]
        elif operator == ADD_CONNECTION:
            state, source, target = _new_pair(genes, genome, places, state)
            if source >= 0:
                changes[child, 0], changes[child, 1], changes[child, 2] = operator, source, target
        elif operator == ENABLE_CONNECTION:
            state, source, target = _pick_disabled(genes, genome, state)
            if source >= 0:
                changes[child, 0], changes[child, 1], changes[child, 2] = operator, source, target
        else:
            state, gene = _pick_enabled(genes, genome, state)
            if gene >= 0:
                changes[child, 0], changes[child, 1] = operator, gene
    return changes


@inlined
def _insert(source, target, enabled, first, last, new_source, new_target):  # type: ignore[no-untyped-def]
    """Insert an enabled gene into the sorted genes [first, last)."""
    place = last
    while place > first and (
        source[place - 1] > new_source or (source[place - 1] == new_source and target[place - 1] > new_target)
    ):
        source[place] = source[place - 1]
        target[place] = target[place - 1]
        enabled[place] = enabled[place - 1]
        place -= 1
    source[place] = new_source
    target[place] = new_target
    enabled[place] = True


@inlined
def _touches(genes, gene, name):  # type: ignore[no-untyped-def]
    return genes.enabled[gene] and (genes.source[gene] == name or genes.target[gene] == name)


@kernel
def build(genes, parents, changes, names):  # type: ignore[no-untyped-def]
    """The children that ``changes`` describes; ``names`` int64[children] are ids of added nodes.

    Returns (node_rows, node, activation, gene_rows, source, target, enabled) as in ``Genes``.
    """
    children = parents.shape[0]
    fixed, outputs_end = 1 + genes.inputs, 1 + genes.inputs + genes.outputs
    node_rows = np.zeros(children + 1, np.int64)
    gene_rows = np.zeros(children + 1, np.int64)
    for child in range(children):
        genome, operator, chosen = parents[child], changes[child, 0], changes[child, 1]
        grows = operator in (ADD_NODE, DUPLICATE_NODE)
        node_rows[child + 1] = (
            node_rows[child] + genes.node_rows[genome + 1] - genes.node_rows[genome] + grows
        )
        more = np.int64(operator == ADD_CONNECTION)
        if operator == ADD_NODE:
            more = 2 - is_direct(genes, chosen)
        elif operator == DISABLE_CONNECTION:
            more = -np.int64(is_direct(genes, chosen))
        elif operator == ENABLE_CONNECTION:
            more = np.int64(chosen < fixed and changes[child, 2] < outputs_end)
        elif operator == DUPLICATE_NODE:
            for gene in range(genes.gene_rows[genome], genes.gene_rows[genome + 1]):
                more += _touches(genes, gene, genes.node[chosen])
        count = genes.gene_rows[genome + 1] - genes.gene_rows[genome]
        gene_rows[child + 1] = gene_rows[child] + count + more
    node = np.empty(node_rows[children], np.int64)
    activation = np.empty(node_rows[children], np.int8)
    source = np.empty(gene_rows[children], np.int64)
    target = np.empty(gene_rows[children], np.int64)
    enabled = np.empty(gene_rows[children], np.bool_)
    for child in range(children):
        genome, operator, chosen = parents[child], changes[child, 0], changes[child, 1]
        begin, end = genes.node_rows[genome], genes.node_rows[genome + 1]
        to = node_rows[child]
        # Loops, because numba takes seconds to compile each assignment of slices.
        for index in range(end - begin):
            node[to + index] = genes.node[begin + index]
            activation[to + index] = genes.activation[begin + index]
        first, last = genes.gene_rows[genome], genes.gene_rows[genome + 1]
        start = gene_rows[child]
        stop = start
        cut = operator in (ADD_NODE, DISABLE_CONNECTION)
        for gene in range(first, last):
            if cut and gene == chosen and is_direct(genes, gene):
                continue
            source[stop], target[stop] = genes.source[gene], genes.target[gene]
            enabled[stop] = genes.enabled[gene] and not (cut and gene == chosen)
            stop += 1
        if operator == CHANGE_ACTIVATION:
            activation[to + chosen - begin] = changes[child, 3]
        elif operator == ADD_NODE:
            place = to + end - begin
            node[place] = names[child]
            activation[place] = changes[child, 3]
            new_source, new_target = genes.source[chosen], genes.target[chosen]
            _insert(source, target, enabled, start, stop, new_source, names[child])
            _insert(source, target, enabled, start, stop + 1, names[child], new_target)
        elif operator == ADD_CONNECTION:
            _insert(source, target, enabled, start, stop, chosen, changes[child, 2])
        elif operator == ENABLE_CONNECTION:
            if chosen < fixed and changes[child, 2] < outputs_end:
                _insert(source, target, enabled, start, stop, chosen, changes[child, 2])
            else:
                for gene in range(start, stop):
                    enabled[gene] |= source[gene] == chosen and target[gene] == changes[child, 2]
        elif operator == DUPLICATE_NODE:
            place = to + end - begin
            node[place] = names[child]
            activation[place] = genes.activation[chosen]
            twin = genes.node[chosen]
            for gene in range(first, last):
                if _touches(genes, gene, twin):
                    new_source = names[child] if genes.source[gene] == twin else genes.source[gene]
                    new_target = names[child] if genes.target[gene] == twin else genes.target[gene]
                    _insert(source, target, enabled, start, stop, new_source, new_target)
                    stop += 1
    return node_rows, node, activation, gene_rows, source, target, enabled


@kernel
def drop_idle(genes):  # type: ignore[no-untyped-def]
    """Drop hidden nodes that no enabled gene touches, and the genes that end in them.

    Where no connection is disabled without a replacement there are none; otherwise they would grow in
    number without end. Returns (node_rows, node, activation, gene_rows, source, target, enabled).
    """
    genomes = genes.node_rows.shape[0] - 1
    node_rows, gene_rows = np.zeros(genomes + 1, np.int64), np.zeros(genomes + 1, np.int64)
    node, activation = np.empty_like(genes.node), np.empty_like(genes.activation)
    source, target = np.empty_like(genes.source), np.empty_like(genes.target)
    enabled = np.empty_like(genes.enabled)
    fixed = 1 + genes.inputs
    largest = 0
    for genome in range(genomes):
        largest = max(largest, genes.node_rows[genome + 1] - genes.node_rows[genome])
    busy, places = np.empty(fixed + largest, np.bool_), node_table(genes)
    nodes, kept = 0, 0
    for genome in range(genomes):
        begin, end = genes.node_rows[genome], genes.node_rows[genome + 1]
        first, last = genes.gene_rows[genome], genes.gene_rows[genome + 1]
        index_nodes(genes, genome, places)
        for place in range(fixed + end - begin):
            busy[place] = place < fixed + genes.outputs
        for gene in range(first, last):
            if genes.enabled[gene]:
                busy[place_of(genes, genome, places, genes.source[gene])] = True
                busy[place_of(genes, genome, places, genes.target[gene])] = True
        for index in range(begin, end):
            if busy[fixed + index - begin]:
                node[nodes], activation[nodes] = genes.node[index], genes.activation[index]
                nodes += 1
        for gene in range(first, last):
            if genes.enabled[gene] or (
                busy[place_of(genes, genome, places, genes.source[gene])]
                and busy[place_of(genes, genome, places, genes.target[gene])]
            ):
                source[kept], target[kept] = genes.source[gene], genes.target[gene]
                enabled[kept] = genes.enabled[gene]
                kept += 1
        node_rows[genome + 1], gene_rows[genome + 1] = nodes, kept
    return (
        node_rows,
        node[:nodes],
        activation[:nodes],
        gene_rows,
        source[:kept],
        target[:kept],
        enabled[:kept],
    )
