"""Cart-pole swing-up in float64, written as the paper's code has it (Gaier & Ha 2019)."""

from __future__ import annotations

from math import cos, pi, sin
from typing import NamedTuple

G, CART, POLE, LENGTH, FRICTION, FORCE, TRACK = 9.82, 0.5, 0.5, 0.6, 0.1, 10.0, 2.4
MASS = CART + POLE


class State(NamedTuple):
    x: float
    velocity: float
    angle: float
    spin: float


def step(state: State, action: float, dt: float = 0.01) -> State:
    """Explicit Euler: the positions move with the old velocities."""
    x, v, angle, spin = state
    s, c = sin(angle), cos(angle)
    f = min(max(action, -1.0), 1.0) * FORCE - FRICTION * v
    xdd = (-2 * POLE * LENGTH * spin**2 * s + 3 * POLE * G * s * c + 4 * f) / (4 * MASS - 3 * POLE * c**2)
    add = (-3 * POLE * LENGTH * spin**2 * s * c + 6 * MASS * G * s + 6 * f * c) / (
        4 * LENGTH * MASS - 3 * POLE * LENGTH * c**2
    )
    return State(x + v * dt, v + xdd * dt, angle + spin * dt, spin + add * dt)


def reward(x: float, angle: float) -> float:
    """Of the state after the move."""
    return (cos(angle) + 1) / 2 * cos(x / TRACK * pi / 2)


def angle_error(angle: float) -> float:
    """Largest error of the float32 sine and cosine of an angle.

    4e-7 is the polynomials' own bound; the angle is rounded three times (1/pi, the product, the
    shift by one half), each by 2**-24 of its size.
    """
    return 4e-7 + 3 * 2.0**-24 * abs(angle)


def step_error(state: State, dt: float = 0.01) -> State:
    """Largest errors of one float32 step from a state that float32 holds exactly.

    Every term of the accelerations has at most two factors with ``angle_error``; the bottom, never
    below 4 M - 3 mp, adds 1.2 of them; a dozen roundings of 2**-24 come on top: all in all less
    than 6 of them of the sum of all terms, none of which may cancel here.
    """
    f = FORCE + FRICTION * abs(state.velocity)
    bottom = 4 * MASS - 3 * POLE
    push = (2 * POLE * LENGTH * state.spin**2 + 3 * POLE * G + 4 * f) / bottom
    torque = (3 * POLE * LENGTH * state.spin**2 + 6 * MASS * G + 6 * f) / (bottom * LENGTH)
    error = 6 * angle_error(state.angle) * dt
    near = 2.0**-22  # the sum's own rounding, and that of the product with dt

    def moved(position: float, change: float) -> float:
        return near * (abs(position) + abs(change) * dt) + 2.0**-126  # below it float32 grows coarse

    return State(
        moved(state.x, state.velocity),
        moved(state.velocity, push) + error * push,
        moved(state.angle, state.spin),
        moved(state.spin, torque) + error * torque,
    )
