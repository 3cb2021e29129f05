"""Cart-pole swing-up as pure functions of the state, over float32 scalars and lanes alike.

Equations and constants as in Gaier & Ha 2019 (after PILCO, Deisenroth & Rasmussen 2011):
explicit Euler, the positions moved with the old velocities.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from wann.kernels.compiler import inlined, kernel
from wann.kernels.elementary import cos, cos_pi, sin
from wann.kernels.lanes import at_least, at_most, load, store, width, within
from wann.kernels.rollout import look, play, step

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
def start(numbers, like):  # type: ignore[no-untyped-def]
    """The state (x, velocity, angle, spin, sine, cosine) of rows of the first four."""
    wide = width(like)
    x, velocity = load(numbers, 0, like), load(numbers, wide, like)
    angle, spin = load(numbers, 2 * wide, like), load(numbers, 3 * wide, like)
    return x, velocity, angle, spin, sin(angle), cos(angle)


@inlined
def observe(state, values, offset):  # type: ignore[no-untyped-def]
    """Write (x, velocity, cosine, sine, spin)."""
    x, velocity, _, spin, sine, cosine = state
    wide = width(x)
    store(values, offset, x)
    store(values, offset + wide, velocity)
    store(values, offset + 2 * wide, cosine)
    store(values, offset + 3 * wide, sine)
    store(values, offset + 4 * wide, spin)


@inlined
def advance(physics, state, values, output):  # type: ignore[no-untyped-def]
    """One step of explicit Euler; the episode ends where the cart leaves the track."""
    x, velocity, angle, spin, sine, cosine = state
    action = load(values, output, x)
    push, torque = accelerations(physics, velocity, sine, cosine, spin, action)
    x = x + velocity * physics.step
    angle = angle + spin * physics.step
    velocity = velocity + push * physics.step
    spin = spin + torque * physics.step
    sine, cosine = sin(angle), cos(angle)
    going = within(x, physics.track)
    return (x, velocity, angle, spin, sine, cosine), reward(physics, x, cosine), going


@inlined
def reward(physics, x, cosine):  # type: ignore[no-untyped-def]
    """Near one for an upright pole in the middle of the track: (cos + 1)/2 * cos(pi/2 * x/track)."""
    return (cosine + _ONE) * _HALF * cos_pi(x * (_HALF / physics.track))


@kernel
def step_once(physics, state, action):  # type: ignore[no-untyped-def]
    """Advance one state float32[4] in place; returns (reward, whether the cart left the track)."""
    return step(start, advance, physics, state, action)


@kernel
def observe_once(state, observation):  # type: ignore[no-untyped-def]
    """Write (x, velocity, cos, sin, spin) of a state float32[4] into float32[5]."""
    look(start, observe, state, observation)


@kernel
def rollout(physics, limit, program, weights, starts, begin, end, returns, lengths):  # type: ignore[no-untyped-def]
    """Play episodes of a batch of networks; see ``wann.kernels.rollout.play``."""
    play(start, observe, advance, physics, limit, program, weights, starts, begin, end, returns, lengths)
