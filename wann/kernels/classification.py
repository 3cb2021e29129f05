"""Classification: all networks of a shared graph on a batch of images, and their losses.

Images go in tiles of a fixed number of lanes, so that the values of all nodes of a tile stay in the
cache. What a sum takes from bias and inputs does not depend on the weight, and is kept for all of
them. The loss is the cross-entropy of a softmax (Gaier & Ha 2019, section 4.3). Exponentials belong
to an output node, not to a network: networks that share a node share them too, as long as no output
is so large that only differences to the largest can be raised (then each network takes its own).
"""

from __future__ import annotations

import numpy as np

from .compiler import inlined, kernel
from .elementary import exp, log
from .forward import activate
from .lanes import LANES, any_positive, at_least, fma, load, no_lanes, store, total, within

__all__ = ["TILE", "shared_logits", "shared_losses", "sum_terms", "weighted_logits", "weighted_losses"]

TILE = 2 * LANES
"""Images that are computed together."""

_ONE = np.float32(1.0)
_SAFE = np.float32(80.0)  # a sum of a few exponentials of this neither overflows nor vanishes in float32


@inlined
def _load_tile(pixels, tile, values):  # type: ignore[no-untyped-def]
    for slot in range(pixels.shape[0]):
        for lane in range(TILE):
            values[slot * TILE + lane] = pixels[slot, tile * TILE + lane]


@inlined
def _summed(values, source, times, begin, end, lane):  # type: ignore[no-untyped-def]
    """The sum of the terms [begin, end), at least one, in their order; lanes from ``lane`` on."""
    sum_ = load(values, source[begin] * TILE + lane, no_lanes()) * times[begin]
    for edge in range(begin + 1, end):
        sum_ = fma(load(values, source[edge] * TILE + lane, no_lanes()), times[edge], sum_)
    return sum_


@kernel
def sum_terms(values, source, times, repetitions, result):  # type: ignore[no-untyped-def]
    """One long sum again and again: what the inner loop can do at best, for benchmarks."""
    for _ in range(repetitions):
        for lane in range(0, TILE, LANES):
            store(result, lane, _summed(values, source, times, 0, source.shape[0], lane))


@inlined
def _sum_inputs(shared, values, sums):  # type: ignore[no-untyped-def]
    """What each node that reads bias or inputs takes from them, one after the other."""
    position = 0
    for node in range(shared.activation.shape[0]):
        start, stop = shared.edge_rows[node], shared.hidden[node]
        if start == stop:
            continue
        for lane in range(0, TILE, LANES):
            store(sums, position + lane, _summed(values, shared.source, shared.times, start, stop, lane))
        position += TILE


@inlined
def _compute_nodes(shared, weight, sums, values):  # type: ignore[no-untyped-def]
    """The values of all nodes under one weight."""
    position = 0
    offset = (1 + shared.inputs) * TILE
    for node in range(shared.activation.shape[0]):
        start, middle, stop = shared.edge_rows[node], shared.hidden[node], shared.edge_rows[node + 1]
        kind = shared.activation[node]
        for lane in range(0, TILE, LANES):
            edge = middle
            if start < middle:
                sum_ = load(sums, position + lane, no_lanes())
            elif edge < stop:
                sum_ = load(values, shared.source[edge] * TILE + lane, no_lanes()) * shared.times[edge]
                edge += 1
            else:
                sum_ = no_lanes()
            while edge < stop:
                sum_ = fma(
                    load(values, shared.source[edge] * TILE + lane, no_lanes()), shared.times[edge], sum_
                )
                edge += 1
            store(values, offset + lane, activate(kind, sum_ * weight))
        if start < middle:
            position += TILE
        offset += TILE


@inlined
def _compute_weighted(program, network, weights, values):  # type: ignore[no-untyped-def]
    """The values of one network's nodes, float32[connections of the program] its weights."""
    offset = (1 + program.inputs) * TILE
    for node in range(program.node_rows[network], program.node_rows[network + 1]):
        kind = program.activation[node]
        for lane in range(0, TILE, LANES):
            sum_ = no_lanes()
            for edge in range(program.edge_rows[node], program.edge_rows[node + 1]):
                term = load(values, program.source[edge] * TILE + lane, no_lanes())
                sum_ = sum_ + term * weights[program.gene[edge]]
            store(values, offset + lane, activate(kind, sum_))
        offset += TILE


@inlined
def _raise_output(values, offset, scale, one_hot, output, tile, powers, position):  # type: ignore[no-untyped-def]
    """Exponentials of an output node; returns its sum over images of its class, and whether all is safe."""
    hit, safe = 0.0, True
    row = output * one_hot.shape[1] + tile * TILE
    for lane in range(0, TILE, LANES):
        value = load(values, offset + lane, no_lanes()) * scale
        hit += total(value * load(one_hot, row + lane, no_lanes()))
        store(powers, position + lane, exp(value))
        safe = safe and not any_positive(_ONE - within(value, _SAFE))
    return hit, safe


@inlined
def _normaliser(values, offsets, scale, powers, positions, safe, one_hot, tile):  # type: ignore[no-untyped-def]
    """The sum over a tile's images of the logarithm of a network's summed exponentials.

    ``offsets`` and ``positions`` int64[outputs] say where the outputs lie in ``values`` and ``powers``.
    """
    sum_ = 0.0
    row = (one_hot.shape[0] - 1) * one_hot.shape[1] + tile * TILE
    for lane in range(0, TILE, LANES):
        present = load(one_hot, row + lane, no_lanes())
        if safe:
            powers_sum = load(powers, positions[0] + lane, no_lanes())
            for output in range(1, positions.shape[0]):
                powers_sum = powers_sum + load(powers, positions[output] + lane, no_lanes())
            sum_ += total(log(powers_sum) * present)
        else:
            highest = load(values, offsets[0] + lane, no_lanes())
            for output in range(1, offsets.shape[0]):
                highest = at_least(load(values, offsets[output] + lane, no_lanes()), highest)
            powers_sum = no_lanes()
            for output in range(offsets.shape[0]):
                value = load(values, offsets[output] + lane, no_lanes())
                powers_sum = powers_sum + exp((value - highest) * scale)
            sum_ += total((highest * scale + log(powers_sum)) * present)
    return sum_


@kernel
def shared_losses(shared, pixels, one_hot, weights, scales, begin, end, losses):  # type: ignore[no-untyped-def]
    """Cross-entropy of every network under every weight, summed over the images of tiles [begin, end).

    Args:
        shared: the graph.
        pixels: float32[1 + inputs, images], bias and inputs; images in whole tiles.
        one_hot: float32[outputs + 1, images], 1 where an image is of the class; in the last row, where
            there is an image at all.
        weights: float32[weights], shared values.
        scales: float32[scales], factors of all outputs: one over the temperature of the softmax.
        begin: first tile.
        end: tile after the last.
        losses: float64[networks, weights, scales], receives the sums.
    """
    nodes, roots, networks = shared.activation.shape[0], shared.root_node.shape[0], shared.outputs.shape[0]
    summed = 0
    for node in range(nodes):
        summed += shared.edge_rows[node] < shared.hidden[node]
    fixed = 1 + shared.inputs
    values = np.empty((fixed + nodes) * TILE, np.float32)
    sums, powers = np.empty(summed * TILE, np.float32), np.empty(roots * TILE, np.float32)
    hits, safe = np.empty(roots, np.float64), np.empty(roots, np.bool_)
    offsets, positions = (
        np.empty(shared.outputs.shape[1], np.int64),
        np.empty(shared.outputs.shape[1], np.int64),
    )
    losses[:] = 0.0
    for tile in range(begin, end):
        _load_tile(pixels, tile, values)
        _sum_inputs(shared, values, sums)
        for index in range(weights.shape[0]):
            _compute_nodes(shared, weights[index], sums, values)
            for step, scale in enumerate(scales):
                for root in range(roots):
                    offset = (fixed + shared.root_node[root]) * TILE
                    hits[root], safe[root] = _raise_output(
                        values, offset, scale, one_hot, shared.root_output[root], tile, powers, root * TILE
                    )
                for network in range(networks):
                    hit, all_safe = 0.0, True
                    for output in range(offsets.shape[0]):
                        root = shared.outputs[network, output]
                        offsets[output] = (fixed + shared.root_node[root]) * TILE
                        positions[output] = root * TILE
                        hit += hits[root]
                        all_safe = all_safe and safe[root]
                    normaliser = _normaliser(
                        values, offsets, scale, powers, positions, all_safe, one_hot, tile
                    )
                    losses[network, index, step] += normaliser - hit


@kernel
def weighted_losses(program, pixels, one_hot, weights, scales, begin, end, losses):  # type: ignore[no-untyped-def]
    """``shared_losses`` with a weight of each connection's own: float32[weights, connections].

    ``program`` is one in which no duplicates are merged; ``weights`` are looked up by its ``gene``.
    """
    fixed, count = 1 + program.inputs, program.outputs
    largest = 0
    for network in range(losses.shape[0]):
        largest = max(largest, program.node_rows[network + 1] - program.node_rows[network])
    values = np.empty((fixed + largest) * TILE, np.float32)
    powers = np.empty(count * TILE, np.float32)
    offsets, positions = np.empty(count, np.int64), np.arange(count) * TILE
    losses[:] = 0.0
    for tile in range(begin, end):
        _load_tile(pixels, tile, values)
        for network in range(losses.shape[0]):
            nodes = program.node_rows[network + 1] - program.node_rows[network]
            for output in range(count):
                offsets[output] = (fixed + nodes - count + output) * TILE
            for index in range(weights.shape[0]):
                _compute_weighted(program, network, weights[index], values)
                for step, scale in enumerate(scales):
                    hit, all_safe = 0.0, True
                    for output in range(count):
                        own, safe = _raise_output(
                            values, offsets[output], scale, one_hot, output, tile, powers, positions[output]
                        )
                        hit += own
                        all_safe = all_safe and safe
                    normaliser = _normaliser(
                        values, offsets, scale, powers, positions, all_safe, one_hot, tile
                    )
                    losses[network, index, step] += normaliser - hit


@kernel
def weighted_logits(program, pixels, weights, begin, end, logits):  # type: ignore[no-untyped-def]
    """Raw outputs of one network on the images of tiles [begin, end).

    ``weights`` float32[weights, connections]; ``logits`` float32[weights, outputs, images] receives
    the outputs. Otherwise as ``weighted_losses``.
    """
    fixed, nodes = 1 + program.inputs, program.node_rows[1]
    values = np.empty((fixed + nodes) * TILE, np.float32)
    for tile in range(begin, end):
        _load_tile(pixels, tile, values)
        for index in range(weights.shape[0]):
            _compute_weighted(program, 0, weights[index], values)
            for output in range(program.outputs):
                offset = (fixed + nodes - program.outputs + output) * TILE
                for lane in range(TILE):
                    logits[index, output, tile * TILE + lane] = values[offset + lane]


@kernel
def shared_logits(shared, pixels, weights, begin, end, logits):  # type: ignore[no-untyped-def]
    """``weighted_logits`` of the first network of a graph with shared weights, float32[weights]."""
    fixed, nodes = 1 + shared.inputs, shared.activation.shape[0]
    values, sums = np.empty((fixed + nodes) * TILE, np.float32), np.empty(nodes * TILE, np.float32)
    for tile in range(begin, end):
        _load_tile(pixels, tile, values)
        _sum_inputs(shared, values, sums)
        for index in range(weights.shape[0]):
            _compute_nodes(shared, weights[index], sums, values)
            for output in range(logits.shape[1]):
                root = shared.root_node[shared.outputs[0, output]]
                for lane in range(TILE):
                    logits[index, output, tile * TILE + lane] = values[(fixed + root) * TILE + lane]
