"""Gymnasium's MountainCar as pure functions of the state, in float32; equations as in its ``step``."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from wann.kernels.compiler import inlined, kernel
from wann.kernels.elementary import cos
from wann.kernels.lanes import at_least, at_most, chosen, load, negative, positive, store, width
from wann.kernels.rollout import look, play, step

from .actions import highest

__all__ = [
    "STATE", "Physics", "advance", "moved", "observe", "observe_once", "rollout", "start", "step_once"
]  # fmt: skip

_f = np.float32
_ZERO, _ONE, _THREE = _f(0), _f(1), _f(3)
STATE: Final = 2
"""Numbers in a state: the car's position and its velocity, a step being the unit of time."""


class Physics(NamedTuple):
    """Constants, float32, with a step as the unit of time.

    Attributes:
        power: acceleration by the engine.
        gravity: acceleration where the track is steepest.
        left: the wall, where the car stops.
        right: the end of the track.
        fastest: speed.
        goal: the episode ends when the car arrives here, not moving to the left.
    """

    power: np.float32 = _f(0.001)
    gravity: np.float32 = _f(0.0025)
    left: np.float32 = _f(-1.2)
    right: np.float32 = _f(0.6)
    fastest: np.float32 = _f(0.07)
    goal: np.float32 = _f(0.5)


@inlined
def start(numbers, like):  # type: ignore[no-untyped-def]
    """The state (position, velocity)."""
    return load(numbers, 0, like), load(numbers, width(like), like)


@inlined
def observe(state, values, offset):  # type: ignore[no-untyped-def]
    """Write the state."""
    position, velocity = state
    store(values, offset, position)
    store(values, offset + width(position), velocity)


@inlined
def moved(physics, state, action):  # type: ignore[no-untyped-def]
    """The next state under an action from -1 to 1, and 1 where the goal is not reached, else 0."""
    position, velocity = state
    velocity = velocity + (action * physics.power - cos(position * _THREE) * physics.gravity)
    velocity = at_most(at_least(velocity, negative(physics.fastest)), physics.fastest)
    position = at_most(at_least(position + velocity, physics.left), physics.right)
    free = positive(position - physics.left)
    velocity = chosen(free, velocity, at_least(velocity, _ZERO))
    short, backwards = positive(physics.goal - position), positive(negative(velocity))
    return (position, velocity), at_most(short + backwards, _ONE)


@inlined
def advance(physics, state, values, output):  # type: ignore[no-untyped-def]
    """One step to the left, without the engine or to the right; worth -1."""
    choice, check = highest(values, output, 3, state[0])
    state, going = moved(physics, state, choice - _ONE)
    return state, check - _ONE, going


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
