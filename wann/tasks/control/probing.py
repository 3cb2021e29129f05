"""What is learned of an environment by a few steps in it, before networks meet it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...errors import BadInput
from ...network import Interface
from .environments import Environment, close_environment
from .stepper import Stepper
from .stepping import SteppedWorld, resets_completely

__all__ = ["first_observation", "normalised", "repeatable"]

_SAMPLED: Final = 64  # episodes of random actions, from which means and stds are estimated
_SAMPLED_STEPS: Final = 10_000
_SAMPLED_FRAMES: Final = 2_000  # of images, which take far longer to draw


def _opening(environment: Environment, stepper: Stepper) -> list[NDArray[np.float64]]:
    """The beginning of the episode with seed 0: two observations and the reward between them."""
    first = np.array(stepper.reset(environment, 0), np.float64)
    environment.action_space.seed(0)
    second, reward, *_ = stepper.step(environment, environment.action_space.sample(), 0)
    return [first, np.array(second, np.float64), np.array([reward])]


def first_observation(name: str, environment: Environment, stepper: Stepper) -> NDArray[np.float64]:
    """The first observation of an episode, after a trial step that shows failures early."""
    opening = _opening(environment, stepper)
    if not all(np.isfinite(numbers).all() for numbers in opening):
        raise BadInput(f"task.id: {name} returns a number that is not finite in its first step")
    return opening[0]


def repeatable(world: SteppedWorld, environment: Environment) -> bool:
    """Whether equal seeds give equal episodes, in environments that are reused as lanes would reuse them."""
    if resets_completely(environment):
        return True
    stepper = Stepper(world.recipe.name, world.observations)
    openings = []
    for _ in range(2):
        tried = environment if world.reuse else world.recipe.bare()
        openings.append(_opening(tried, stepper))
        if not world.reuse:
            close_environment(tried, world.recipe.name)
    return all(np.array_equal(one, other, equal_nan=True) for one, other in zip(*openings, strict=True))


def normalised(interface: Interface, environment: Environment, stepper: Stepper, limit: int) -> Interface:
    """The interface with means and stds of the observations under random actions."""
    rows: list[NDArray[np.float64]] = []
    most = _SAMPLED_STEPS if interface.encoder is None else _SAMPLED_FRAMES
    environment.action_space.seed(0)
    for seed in range(_SAMPLED):
        observation, over, steps = stepper.reset(environment, seed), False, 0
        while not over and steps < limit and len(rows) < most:
            rows.append(np.array(interface.encoded(observation[None])[0], np.float64))
            action = environment.action_space.sample()
            observation, _, terminated, truncated = stepper.step(environment, action, seed)
            over, steps = terminated or truncated, steps + 1
    table = np.array(rows)[:, list(interface.observe) or slice(None)]
    mean, std = table.mean(axis=0).tolist(), table.std(axis=0).tolist()
    return replace(interface, mean=tuple(mean), std=tuple(std))
