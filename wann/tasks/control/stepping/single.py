"""Gymnasium environments side by side; a lane that finishes starts the next episode at once."""

from __future__ import annotations

import threading
from typing import Any, Final

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ....network import Observations
from ..environments import close_environment
from ..recipe import Recipe
from ..stepper import Stepper
from .stretch import Stretch

__all__ = ["SingleLanes", "resets_completely"]

Environment = gymnasium.Env[Any, Any]

_RESTORED: Final = (
    "gymnasium.envs.classic_control.",
    "gymnasium.envs.toy_text.",
    "gymnasium.envs.mujoco.",
    "gymnasium.envs.box2d.lunar_lander",
    "wann_envs.",
)
"""Modules of environments whose ``reset`` restores everything. The walker keeps its old Box2D world, whose
order of contacts affects the bits of the next episode."""

_held = threading.local()


def resets_completely(environment: Environment) -> bool:
    """Whether an environment is known to behave after ``reset`` like a new one."""
    return type(environment.unwrapped).__module__.startswith(_RESTORED)


def _environments(recipe: Recipe, count: int) -> list[Environment]:
    """Environments that this thread keeps between jobs."""
    kept: dict[object, list[Environment]] = _held.__dict__.setdefault("environments", {})
    environments = kept.setdefault(recipe.key, [])
    environments.extend(recipe.bare() for _ in range(count - len(environments)))
    return environments[:count]


class SingleLanes:
    """Environments, each computing an episode of its own.

    Earlier episodes of a lane do not affect later ones: an environment that ``reset`` does not restore is
    replaced after each episode.

    Args:
        recipe: how the environment is made.
        seeds: int64[episodes], seeds of the episodes.
        width: environments that are stepped together.
        observations: how observations become vectors.
        reuse: whether an environment that was reset behaves like a new one.

    Attributes:
        playing: int64[lanes], indices of the episodes in progress.
        observations: [lanes, size], in the type of ``Observations.dtype``, the latest observation of each.
    """

    def __init__(
        self,
        recipe: Recipe,
        seeds: NDArray[np.int64],
        width: int,
        observations: Observations,
        *,
        reuse: bool,
    ) -> None:
        self._recipe = recipe
        self._seeds = seeds.tolist()
        self._stepper = Stepper(recipe.name, observations)
        self._reuse = reuse
        self._environments = _environments(recipe, width) if reuse else [recipe.bare() for _ in range(width)]
        self._next = width
        self.playing = np.arange(width)
        self.observations = np.empty((width, observations.size), observations.dtype)
        for lane, environment in enumerate(self._environments):
            self.observations[lane] = self._stepper.reset(environment, self._seeds[lane])

    def step(self, actions: NDArray[Any], most: NDArray[np.int64]) -> Stretch:
        """Repeat the action of every lane for at most so many steps, int64[lanes].

        Raises:
            BadInput: an environment fails.
        """
        stretch = Stretch.blank(len(self.playing))
        choices = actions.tolist() if actions.ndim == 1 else actions
        observations, step, seeds, repeats = self.observations, self._stepper.step, self._seeds, most.tolist()
        for lane, episode in enumerate(self.playing.tolist()):
            environment, choice, before = self._environments[lane], choices[lane], 0.0
            for taken in range(1, repeats[lane] + 1):
                vector, reward, terminated, truncated = step(environment, choice, seeds[episode])
                if terminated or truncated or taken == repeats[lane]:
                    break
                before += reward
            observations[lane] = vector
            stretch.before[lane], stretch.last[lane], stretch.steps[lane] = before, reward, taken
            stretch.terminated[lane], stretch.truncated[lane] = terminated, truncated
        return stretch

    def drop(self, over: NDArray[np.bool_]) -> None:
        """End the episodes of these lanes; each starts the next remaining episode, or is removed."""
        for lane in np.flatnonzero(over).tolist():
            if self._next == len(self._seeds):
                continue
            if not self._reuse:
                close_environment(self._environments[lane], self._recipe.name)
                self._environments[lane] = self._recipe.bare()
            self.observations[lane] = self._stepper.reset(self._environments[lane], self._seeds[self._next])
            self.playing[lane] = self._next
            self._next += 1
            over[lane] = False
        if over.any():
            for lane in np.flatnonzero(over).tolist():
                if not self._reuse:
                    close_environment(self._environments[lane], self._recipe.name)
            self._environments = [self._environments[lane] for lane in np.flatnonzero(~over).tolist()]
            self.playing, self.observations = self.playing[~over], self.observations[~over]

    def close(self) -> None:
        """Close the environments that are not kept."""
        if not self._reuse:
            for environment in self._environments:
                close_environment(environment, self._recipe.name)
