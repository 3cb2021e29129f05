"""Cart-pole swing-up as pure functions of the state, over float32 scalars and lanes alike.

Equations and constants as in Gaier & Ha 2019 (after PILCO, Deisenroth & Rasmussen 2011):
explicit Euler, the positions moved with the old velocities.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from wann.kernels.compiler import inlined, kernel
from wann.kernels.elementary import cos, cos_pi, sin
from wann.kernels.forward import forward_shared, forward_weighted
from wann.kernels.lanes import (
    LANES,
    accumulate,
    any_positive,
    at_least,
    at_most,
    chosen,
    load,
    no_lanes,
    store,
    within,
)

__all__ = [
    "STATE",
    "Physics",
    "accelerations",
    "advance",
    "observe_once",
    "reward",
    "rollout",
    "step_once",
]

_f = np.float32
_HALF, _ONE, _TWO, _THREE, _FOUR, _SIX = _f(0.5), _f(1), _f(2), _f(3), _f(4), _f(6)
STATE: Final = 4
"""Numbers in a state: cart position (m), its velocity (m/s), pole angle (rad, 0 upright), its velocity."""


class Physics(NamedTuple):
    """Constants of the cart-pole, float32: kg, m, s, N.

    Attributes:
        gravity: m/s^2.
        cart_mass: kg.
        pole_mass: kg.
        pole_length: m.
        friction: of the cart on its track, N s/m.
        force: N for an action of one.
        step: s, the time between two actions.
        track: m, the episode ends when the cart is farther than this from the middle.
    """

    gravity: np.float32 = _f(9.82)
    cart_mass: np.float32 = _f(0.5)
    pole_mass: np.float32 = _f(0.5)
    pole_length: np.float32 = _f(0.6)
    friction: np.float32 = _f(0.1)
    force: np.float32 = _f(10.0)
    step: np.float32 = _f(0.01)
    track: np.float32 = _f(2.4)


@inlined
def accelerations(physics, velocity, sine, cosine, spin, action):  # type: ignore[no-untyped-def]
    """Accelerations of cart (m/s^2) and pole (rad/s^2) under an action, clipped to [-1, 1]."""
    push = at_most(at_least(action, -_ONE), _ONE) * physics.force - velocity * physics.friction
    total = physics.cart_mass + physics.pole_mass
    moment = physics.pole_mass * physics.pole_length
    swing = spin * spin * sine * moment
    shared = cosine * cosine * (_THREE * physics.pole_mass)
    weight = sine * physics.gravity
    cart = weight * cosine * (_THREE * physics.pole_mass) - swing * _TWO + push * _FOUR
    pole = weight * (_SIX * total) - swing * cosine * _THREE + push * cosine * _SIX
    bottom = _FOUR * total - shared
    return cart / bottom, pole / (bottom * physics.pole_length)


@inlined
def advance(physics, x, velocity, angle, spin, sine, cosine, action):  # type: ignore[no-untyped-def]
    """The next state (x, velocity, angle, spin, sine, cosine) after one step of explicit Euler."""
    push, torque = accelerations(physics, velocity, sine, cosine, spin, action)
    x = x + velocity * physics.step
    angle = angle + spin * physics.step
    velocity = velocity + push * physics.step
    spin = spin + torque * physics.step
    return x, velocity, angle, spin, sin(angle), cos(angle)


@inlined
def reward(physics, x, cosine):  # type: ignore[no-untyped-def]
    """Near one for an upright pole in the middle of the track: (cos + 1)/2 * cos(pi/2 * x/track)."""
    return (cosine + _ONE) * _HALF * cos_pi(x * (_HALF / physics.track))


@kernel
def step_once(physics, state, action):  # type: ignore[no-untyped-def]
    """Advance one state float32[4] in place; returns (reward, whether the cart left the track)."""
    x, velocity, angle, spin, _, cosine = advance(
        physics, state[0], state[1], state[2], state[3], sin(state[2]), cos(state[2]), action
    )
    state[0], state[1], state[2], state[3] = x, velocity, angle, spin
    return reward(physics, x, cosine), within(x, physics.track) == 0


@kernel
def observe_once(state, observation):  # type: ignore[no-untyped-def]
    """Write (x, velocity, cos, sin, spin) of a state float32[4] into float32[5]."""
    observation[0], observation[1] = state[0], state[1]
    observation[2], observation[3] = cos(state[2]), sin(state[2])
    observation[4] = state[3]


@kernel
def rollout(physics, limit, program, weights, starts, begin, end, returns, lengths):  # type: ignore[no-untyped-def]
    """Play episodes of a batch of networks, LANES of them at once.

    A unit of work is one network with one tile of LANES lanes; this call does units [begin, end)
    of ``networks * tiles``. Lane k of a network plays from ``starts[k]`` with ``weights[k]``.

    Args:
        physics: constants.
        limit: steps after which an episode is cut.
        program: compiled networks.
        weights: float32[lanes, 1] shared values, or float32[lanes, connections of the batch].
        starts: float32[lanes, 4] first states.
        begin, end: units of work.
        returns: float64[networks, lanes], receives the sum of rewards.
        lengths: int32[networks, lanes], receives the steps played.
    """
    lanes = starts.shape[0]
    tiles = (lanes + LANES - 1) // LANES
    nodes, edges = 0, 0
    for network in range(program.node_rows.shape[0] - 1):
        first, last = program.node_rows[network], program.node_rows[network + 1]
        nodes = max(nodes, last - first)
        edges = max(edges, program.edge_rows[last] - program.edge_rows[first])
    shared = weights.shape[1] == 1
    values = np.empty((1 + program.inputs + nodes) * LANES, np.float32)
    table = np.empty(0 if shared else edges * LANES, np.float32)
    row = np.empty(LANES, np.float32)
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
                row[lane] = weights[base + min(lane, active - 1), 0]
        else:
            for lane in range(LANES):
                for edge in range(first_edge, last_edge):
                    value = weights[base + min(lane, active - 1), program.gene[edge]]
                    table[(edge - first_edge) * LANES + lane] = value
        weight = load(row, 0, no_lanes())
        for number in range(STATE):
            for lane in range(LANES):
                values[(1 + number) * LANES + lane] = starts[base + min(lane, active - 1), number]
        x, velocity = load(values, LANES, weight), load(values, 2 * LANES, weight)
        angle, spin = load(values, 3 * LANES, weight), load(values, 4 * LANES, weight)
        sine, cosine = sin(angle), cos(angle)
        for lane in range(LANES):
            row[lane] = _ONE if lane < active else _f(0)
        alive = load(row, 0, weight)
        nothing = no_lanes()
        totals[:] = 0.0
        counts[:] = 0.0
        for _ in range(limit):
            store(values, LANES, x)
            store(values, 2 * LANES, velocity)
            store(values, 3 * LANES, cosine)
            store(values, 4 * LANES, sine)
            store(values, 5 * LANES, spin)
            if shared:
                output = forward_shared(values, weight, program, network)
            else:
                output = forward_weighted(values, weight, table, program, network)
            action = load(values, output, weight)
            x, velocity, angle, spin, sine, cosine = advance(
                physics, x, velocity, angle, spin, sine, cosine, action
            )
            accumulate(totals, chosen(alive, reward(physics, x, cosine), nothing))
            accumulate(counts, alive)
            alive = alive * within(x, physics.track)
            if not any_positive(alive):
                break
        for lane in range(active):
            returns[network, base + lane] = totals[lane]
            lengths[network, base + lane] = np.int32(counts[lane])
