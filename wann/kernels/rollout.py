"""The skeleton of a rollout: whole episodes of a batch of networks, LANES of them at once.

An environment gives three functions over scalars and lanes alike. Its state is a tuple: the numbers
of a start come first, what is derived of them alone (the sine of an angle) may follow.

- ``start(numbers, like)`` reads a state from a flat float32 array of rows as wide as ``like``;
- ``observe(state, values, offset)`` writes what a network is given, from ``offset`` on;
- ``advance(physics, state, values, output)`` takes raw outputs from ``output`` on and returns the next
  state, the reward, and 1 where the episode goes on, else 0. Of an output that is not a number it
  returns a reward that is none.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit

from .forward import forward_shared, forward_weighted
from .lanes import LANES, accumulate, any_positive, chosen, load, no_lanes

__all__ = ["look", "play", "step"]

_ZERO, _ONE = np.float32(0), np.float32(1)

# The functions of an environment are arguments: inlined, so that none of their addresses is left in the
# machine code, which could not be cached otherwise.
_skeleton: Final[Any] = njit(error_model="numpy", forceinline=True)


@_skeleton
def play(  # type: ignore[no-untyped-def]
    start, observe, advance, physics, limit, program, weights, starts, begin, end, returns, lengths
):
    """Play episodes of a batch of networks.

    A unit of work is one network with one tile of LANES lanes; this call does units [begin, end)
    of ``networks * tiles``. Lane k of a network plays from ``starts[k]`` with ``weights[k]``.

    Args:
        start, observe, advance: the environment.
        physics: its constants.
        limit: steps after which an episode is cut.
        program: compiled networks.
        weights: float32[lanes, 1] shared values, or float32[lanes, connections of the batch].
        starts: float32[lanes, numbers] first states.
        begin, end: units of work.
        returns: float64[networks, lanes], receives the sum of rewards.
        lengths: int32[networks, lanes], receives the steps played.
    """
    lanes, numbers = starts.shape
    tiles = (lanes + LANES - 1) // LANES
    nodes, edges = 0, 0
    for network in range(program.node_rows.shape[0] - 1):
        first, last = program.node_rows[network], program.node_rows[network + 1]
        nodes = max(nodes, last - first)
        edges = max(edges, program.edge_rows[last] - program.edge_rows[first])
    shared = weights.shape[1] == 1
    values = np.empty((1 + program.inputs + nodes) * LANES, np.float32)
    table = np.empty(0 if shared else edges * LANES, np.float32)
    rows = np.empty(max(numbers, 1) * LANES, np.float32)
    totals = np.empty(LANES, np.float64)
    counts = np.empty(LANES, np.float64)
    values[:LANES] = _ONE
    for unit in range(begin, end):
        network, tile = unit // tiles, unit % tiles
        base = tile * LANES
        active = min(LANES, lanes - base)
        first_edge = program.edge_rows[program.node_rows[network]]
        last_edge = program.edge_rows[program.node_rows[network + 1]]
        # Lanes beyond the last repeat it, so that all do the same work; they never count.
        if shared:
            for lane in range(LANES):
                rows[lane] = weights[base + min(lane, active - 1), 0]
        else:
            for lane in range(LANES):
                rows[lane] = _ONE  # sums start at weight - weight: any number, but a number
                for edge in range(first_edge, last_edge):
                    value = weights[base + min(lane, active - 1), program.gene[edge]]
                    table[(edge - first_edge) * LANES + lane] = value
        weight = load(rows, 0, no_lanes())
        for lane in range(LANES):
            rows[lane] = _ONE if lane < active else _ZERO
        alive = load(rows, 0, weight)
        for number in range(numbers):
            for lane in range(LANES):
                rows[number * LANES + lane] = starts[base + min(lane, active - 1), number]
        state = start(rows, weight)
        nothing = no_lanes()
        totals[:] = 0.0
        counts[:] = 0.0
        for _ in range(limit):
            observe(state, values, LANES)
            if shared:
                output = forward_shared(values, weight, program, network)
            else:
                output = forward_weighted(values, weight, table, program, network)
            state, reward, going = advance(physics, state, values, output)
            accumulate(totals, chosen(alive, reward, nothing))
            accumulate(counts, alive)
            alive = alive * going
            if not any_positive(alive):
                break
        for lane in range(active):
            returns[network, base + lane] = totals[lane]
            lengths[network, base + lane] = np.int32(counts[lane])


@_skeleton
def step(start, advance, physics, numbers, outputs):  # type: ignore[no-untyped-def]
    """Advance one state float32[numbers] in place by raw outputs float32[outputs].

    Returns the reward and whether the episode is over.
    """
    state, reward, going = advance(physics, start(numbers, _ONE), outputs, 0)
    for index in range(numbers.shape[0]):
        numbers[index] = state[index]
    return reward, going == _ZERO


@_skeleton
def look(start, observe, numbers, observation):  # type: ignore[no-untyped-def]
    """Write what is observed of one state float32[numbers] into float32[inputs]."""
    observe(start(numbers, _ONE), observation, 0)
