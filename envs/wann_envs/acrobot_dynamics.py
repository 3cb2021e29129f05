"""Gymnasium's Acrobot as pure functions of the state, in float32; equations as in its ``_dsdt``.

These are those of Sutton & Barto's book, whose two lines for the accelerations are solved here as the
linear equations that they are.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from wann.kernels.compiler import inlined, kernel
from wann.kernels.elementary import cos, sin
from wann.kernels.lanes import at_least, at_most, load, negative, positive, store, width
from wann.kernels.rollout import look, play, step

from .actions import highest
from .angles import wrapped

__all__ = ["STATE", "Physics", "advance", "observe", "observe_once", "rollout", "start", "step_once"]

_f = np.float32
_ONE, _TWO, _HALF, _SIX = _f(1), _f(2), _f(0.5), _f(6)
STATE: Final = 4
"""Numbers in a state: angle of the first link (rad, 0 hanging), of the second to it, their velocities."""


class Physics(NamedTuple):
    """Constants, float32: kg, m, s, rad. The links are alike.

    Attributes:
        gravity: m/s^2.
        mass: kg, of a link.
        length: m, of the first link.
        center: m, from a joint to the link's center of mass.
        inertia: kg m^2, of a link.
        torque: N m, to one side or the other.
        fastest_1: rad/s, of the first joint.
        fastest_2: rad/s, of the second.
        step: s, the time between two actions.
        height: m above the first joint, the episode ends when the tip is higher.
    """

    gravity: np.float32 = _f(9.8)
    mass: np.float32 = _f(1.0)
    length: np.float32 = _f(1.0)
    center: np.float32 = _f(0.5)
    inertia: np.float32 = _f(1.0)
    torque: np.float32 = _f(1.0)
    fastest_1: np.float32 = _f(4 * np.pi)
    fastest_2: np.float32 = _f(9 * np.pi)
    step: np.float32 = _f(0.2)
    height: np.float32 = _f(1.0)


@inlined
def start(numbers, like):  # type: ignore[no-untyped-def]
    """The state (angles, spins, sine and cosine of either angle) of rows of the first four."""
    wide = width(like)
    first, second = load(numbers, 0, like), load(numbers, wide, like)
    spin_1, spin_2 = load(numbers, 2 * wide, like), load(numbers, 3 * wide, like)
    return first, second, spin_1, spin_2, sin(first), cos(first), sin(second), cos(second)


@inlined
def observe(state, values, offset):  # type: ignore[no-untyped-def]
    """Write (cosine and sine of either angle, spins)."""
    _, _, spin_1, spin_2, sine_1, cosine_1, sine_2, cosine_2 = state
    wide = width(spin_1)
    store(values, offset, cosine_1)
    store(values, offset + wide, sine_1)
    store(values, offset + 2 * wide, cosine_2)
    store(values, offset + 3 * wide, sine_2)
    store(values, offset + 4 * wide, spin_1)
    store(values, offset + 5 * wide, spin_2)


@inlined
def accelerations(physics, spin_1, spin_2, sine_1, sine_12, sine_2, cosine_2, torque):  # type: ignore[no-untyped-def]
    """Of both joints (rad/s^2); ``sine_12`` is that of the sum of the angles."""
    lever = physics.mass * physics.length * physics.center
    own = physics.mass * physics.center * physics.center + physics.inertia
    arm = physics.mass * physics.length * physics.length
    weight = physics.mass * physics.gravity
    coupled = cosine_2 * lever + own
    whole = cosine_2 * (_TWO * lever) + (_TWO * own + arm)
    fall_2 = sine_12 * (weight * physics.center)
    fall_1 = sine_1 * (weight * (physics.center + physics.length)) + fall_2
    swing = sine_2 * lever
    load_1 = swing * spin_2 * (spin_2 + spin_1 * _TWO) - fall_1
    load_2 = torque - swing * spin_1 * spin_1 - fall_2
    bottom = whole * own - coupled * coupled
    return (load_1 * own - coupled * load_2) / bottom, (whole * load_2 - coupled * load_1) / bottom


@inlined
def slopes(physics, first, second, spin_1, spin_2, torque):  # type: ignore[no-untyped-def]
    """Accelerations at any angles."""
    sine_1, sine_12 = sin(first), sin(first + second)
    return accelerations(physics, spin_1, spin_2, sine_1, sine_12, sin(second), cos(second), torque)


@inlined
def advance(physics, state, values, output):  # type: ignore[no-untyped-def]
    """One step of Runge and Kutta's fourth order; it costs one unless the tip is high enough."""
    first, second, spin_1, spin_2, sine_1, cosine_1, sine_2, cosine_2 = state
    choice, check = highest(values, output, 3, first)
    torque = (choice - _ONE) * physics.torque
    whole, half, sixth = physics.step, physics.step * _HALF, physics.step / _SIX
    sine_12 = sine_1 * cosine_2 + cosine_1 * sine_2
    a1, a2 = accelerations(physics, spin_1, spin_2, sine_1, sine_12, sine_2, cosine_2, torque)
    u1, u2 = spin_1 + a1 * half, spin_2 + a2 * half
    b1, b2 = slopes(physics, first + spin_1 * half, second + spin_2 * half, u1, u2, torque)
    v1, v2 = spin_1 + b1 * half, spin_2 + b2 * half
    c1, c2 = slopes(physics, first + u1 * half, second + u2 * half, v1, v2, torque)
    w1, w2 = spin_1 + c1 * whole, spin_2 + c2 * whole
    d1, d2 = slopes(physics, first + v1 * whole, second + v2 * whole, w1, w2, torque)
    first = wrapped(first + (spin_1 + (u1 + v1) * _TWO + w1) * sixth)
    second = wrapped(second + (spin_2 + (u2 + v2) * _TWO + w2) * sixth)
    spin_1 = spin_1 + (a1 + (b1 + c1) * _TWO + d1) * sixth
    spin_2 = spin_2 + (a2 + (b2 + c2) * _TWO + d2) * sixth
    spin_1 = at_most(at_least(spin_1, negative(physics.fastest_1)), physics.fastest_1)
    spin_2 = at_most(at_least(spin_2, negative(physics.fastest_2)), physics.fastest_2)
    sine_1, cosine_1, sine_2, cosine_2 = sin(first), cos(first), sin(second), cos(second)
    tip = negative(cosine_1 + (cosine_1 * cosine_2 - sine_1 * sine_2))
    going = _ONE - positive(tip - physics.height)
    state = first, second, spin_1, spin_2, sine_1, cosine_1, sine_2, cosine_2
    return state, check - going, going


@kernel
def step_once(physics, state, outputs):  # type: ignore[no-untyped-def]
    """Advance one state in place by raw outputs; returns (reward, whether the episode is over)."""
    return step(start, advance, physics, state, outputs)


@kernel
def observe_once(state, observation):  # type: ignore[no-untyped-def]
    """Write what is observed of one state."""
    look(start, observe, state, observation)


@kernel
def rollout(physics, limit, program, weights, starts, begin, end, returns, lengths):  # type: ignore[no-untyped-def]
    """Play episodes of a batch of networks; see ``wann.kernels.rollout.play``."""
    play(start, observe, advance, physics, limit, program, weights, starts, begin, end, returns, lengths)
