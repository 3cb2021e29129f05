"""Gymnasium's Pendulum as pure functions of the state, in float32; equations as in its ``step``.

The angle is kept within a turn, where float32 is finest; Gymnasium wraps it for the reward alone.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from wann.kernels.compiler import inlined, kernel
from wann.kernels.elementary import cos, sin
from wann.kernels.lanes import at_least, at_most, chosen, load, negative, store, width
from wann.kernels.rollout import look, play, step

from .actions import cut
from .angles import wrapped

__all__ = ["STATE", "Physics", "advance", "observe", "observe_once", "rollout", "start", "step_once"]

_f = np.float32
_ONE, _HALF, _THREE = _f(1), _f(0.5), _f(3)
_OF_SPIN, _OF_TORQUE = _f(0.1), _f(0.001)
STATE: Final = 2
"""Numbers in a state: angle (rad, 0 upright) and angular velocity (rad/s)."""


class Physics(NamedTuple):
    """Constants, float32: kg, m, s.

    Attributes:
        gravity: m/s^2.
        mass: kg.
        length: m.
        torque: N m, the largest.
        fastest: rad/s.
        step: s, the time between two actions.
    """

    gravity: np.float32 = _f(10.0)
    mass: np.float32 = _f(1.0)
    length: np.float32 = _f(1.0)
    torque: np.float32 = _f(2.0)
    fastest: np.float32 = _f(8.0)
    step: np.float32 = _f(0.05)


@inlined
def start(numbers, like):  # type: ignore[no-untyped-def]
    """The state (angle, spin, sine, cosine) of rows of the first two."""
    angle = load(numbers, 0, like)
    return angle, load(numbers, width(like), like), sin(angle), cos(angle)


@inlined
def observe(state, values, offset):  # type: ignore[no-untyped-def]
    """Write (cosine, sine, spin)."""
    _, spin, sine, cosine = state
    wide = width(spin)
    store(values, offset, cosine)
    store(values, offset + wide, sine)
    store(values, offset + 2 * wide, spin)


@inlined
def advance(physics, state, values, output):  # type: ignore[no-untyped-def]
    """One step, the angle moved with the new velocity; it costs what was before the step."""
    angle, spin, sine, _ = state
    # In these two operations, since 2 * action has other bits.
    torque = (cut(load(values, output, angle)) + _ONE) * physics.torque - physics.torque
    cost = angle * angle + spin * spin * _OF_SPIN + torque * torque * _OF_TORQUE
    fall = sine * (_THREE * _HALF * physics.gravity / physics.length)
    pull = torque * (_THREE / (physics.mass * physics.length * physics.length))
    spin = spin + (fall + pull) * physics.step
    spin = at_most(at_least(spin, negative(physics.fastest)), physics.fastest)
    angle = wrapped(angle + spin * physics.step)
    return (angle, spin, sin(angle), cos(angle)), negative(cost), chosen(spin, _ONE, _ONE)


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
