"""Gymnasium's CartPole as pure functions of the state, in float32; equations as in its ``step``."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from wann.kernels.compiler import inlined, kernel
from wann.kernels.elementary import cos, sin
from wann.kernels.lanes import load, store, width, within
from wann.kernels.rollout import look, play, step

from .actions import highest

__all__ = ["STATE", "Physics", "advance", "observe", "observe_once", "rollout", "start", "step_once"]

_f = np.float32
_ONE, _TWO, _FOUR_THIRDS = _f(1), _f(2), _f(4 / 3)
STATE: Final = 4
"""Numbers in a state: cart position (m), its velocity (m/s), pole angle (rad, 0 upright), its velocity."""


class Physics(NamedTuple):
    """Constants, float32: kg, m, s, N, rad.

    Attributes:
        gravity: m/s^2.
        cart_mass: kg.
        pole_mass: kg.
        half_length: m, of the pole.
        force: N, to one side or the other.
        step: s, the time between two actions.
        track: m, the episode ends when the cart is farther than this from the middle.
        tilt: rad, the episode ends when the pole leans more than this.
    """

    gravity: np.float32 = _f(9.8)
    cart_mass: np.float32 = _f(1.0)
    pole_mass: np.float32 = _f(0.1)
    half_length: np.float32 = _f(0.5)
    force: np.float32 = _f(10.0)
    step: np.float32 = _f(0.02)
    track: np.float32 = _f(2.4)
    tilt: np.float32 = _f(12 * 2 * np.pi / 360)


@inlined
def start(numbers, like):  # type: ignore[no-untyped-def]
    """The state (x, velocity, angle, spin)."""
    wide = width(like)
    x, velocity = load(numbers, 0, like), load(numbers, wide, like)
    return x, velocity, load(numbers, 2 * wide, like), load(numbers, 3 * wide, like)


@inlined
def observe(state, values, offset):  # type: ignore[no-untyped-def]
    """Write the state."""
    x, velocity, angle, spin = state
    wide = width(x)
    store(values, offset, x)
    store(values, offset + wide, velocity)
    store(values, offset + 2 * wide, angle)
    store(values, offset + 3 * wide, spin)


@inlined
def advance(physics, state, values, output):  # type: ignore[no-untyped-def]
    """One step of explicit Euler, pushed to the left or to the right; worth one."""
    x, velocity, angle, spin = state
    side, check = highest(values, output, 2, x)
    sine, cosine = sin(angle), cos(angle)
    total = physics.cart_mass + physics.pole_mass
    moment = physics.pole_mass * physics.half_length
    force = (side * _TWO - _ONE) * physics.force
    thrust = (force + spin * spin * sine * moment) / total
    bottom = (_FOUR_THIRDS - cosine * cosine * (physics.pole_mass / total)) * physics.half_length
    torque = (sine * physics.gravity - cosine * thrust) / bottom
    push = thrust - torque * cosine * (moment / total)
    x = x + velocity * physics.step
    velocity = velocity + push * physics.step
    angle = angle + spin * physics.step
    spin = spin + torque * physics.step
    going = within(x, physics.track) * within(angle, physics.tilt)
    return (x, velocity, angle, spin), check + _ONE, going


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
