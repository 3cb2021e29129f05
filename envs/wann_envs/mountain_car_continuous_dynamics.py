"""Gymnasium's MountainCarContinuous: the same car, driven by a number, and paid for the goal."""

from __future__ import annotations

from typing import Final

import numpy as np

from wann.kernels.compiler import inlined, kernel
from wann.kernels.lanes import load
from wann.kernels.rollout import look, play, step

from .actions import cut
from .mountain_car_dynamics import STATE, Physics, moved, observe, start

__all__ = ["PHYSICS", "STATE", "advance", "observe_once", "rollout", "step_once"]

_f = np.float32
_ONE, _PRIZE, _FUEL = _f(1), _f(100), _f(0.1)
PHYSICS: Final = Physics(power=_f(0.0015), goal=_f(0.45))


@inlined
def advance(physics, state, values, output):  # type: ignore[no-untyped-def]
    """One step; worth 100 at the goal, less a tenth of the action's square."""
    action = cut(load(values, output, state[0]))
    state, going = moved(physics, state, action)
    return state, (_ONE - going) * _PRIZE - action * action * _FUEL, going


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
