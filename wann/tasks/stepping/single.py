"""Gymnasium environments side by side: a lane that finishes takes the next episode at once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final

import gymnasium
import numpy as np
from gymnasium.envs.registration import EnvSpec
from numpy.typing import NDArray

from ...errors import BadInput
from ..environments import first_line, make_environment, without_wrappers

__all__ = ["SingleLanes", "is_as_good_as_new"]

Environment = gymnasium.Env[Any, Any]

_RESTORED: Final = (
    "gymnasium.envs.classic_control.",
    "gymnasium.envs.toy_text.",
    "gymnasium.envs.mujoco.",
    "gymnasium.envs.box2d.lunar_lander",
    "wann_envs.",
)
"""Modules of environments of which ``reset`` restores all. The walker's keeps its old Box2D world, whose
order of contacts shows in the bits of the next episode."""

_held = threading.local()


def is_as_good_as_new(environment: Environment) -> bool:
    """Whether an environment is known to be after ``reset`` what a new one would be."""
    return type(environment.unwrapped).__module__.startswith(_RESTORED)


def _environments(spec: EnvSpec, count: int) -> list[Environment]:
    """Environments that this thread keeps from job to job, to be reset."""
    kept: dict[str, list[Environment]] = _held.__dict__.setdefault("environments", {})
    found = kept.setdefault(repr(spec), [])
    found.extend(_made(spec) for _ in range(count - len(found)))
    return found[:count]


def _made(spec: EnvSpec) -> Environment:
    return without_wrappers(make_environment(spec, disable_env_checker=True))


class SingleLanes:
    """Environments, each playing an episode of its own.

    Whatever happened in a lane before does not show: an environment that ``reset`` does not restore is
    made anew for each episode.

    Args:
        spec: of the environment; with it a worker needs no registration.
        seeds: int64[episodes], of the episodes to play.
        width: environments that step together.
        size: numbers in an observation.
        flatten: from an observation to a vector.
        reuse: whether an environment that was reset is as good as new.

    Attributes:
        playing: int64[lanes], the episodes that are being played.
        observations: float64[lanes, size], the last of each.
    """

    def __init__(
        self,
        spec: EnvSpec,
        seeds: NDArray[np.int64],
        width: int,
        size: int,
        flatten: Callable[[Any], Any],
        *,
        reuse: bool,
    ) -> None:
        self._spec = spec
        self._seeds = seeds.tolist()
        self._flatten = flatten
        self._reuse = reuse
        self._environments = _environments(spec, width) if reuse else [_made(spec) for _ in range(width)]
        self._next = width
        self.playing = np.arange(width)
        self.observations = np.empty((width, size))
        for lane, environment in enumerate(self._environments):
            self.observations[lane] = self._reset(environment, self._seeds[lane])

    def step(self, actions: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
        """Step every lane; rewards, terminated, truncated [lanes].

        Raises:
            BadInput: an environment fails.
        """
        count = len(self.playing)
        rewards = np.empty(count)
        terminated, truncated = np.empty(count, np.bool_), np.empty(count, np.bool_)
        observations, flatten = self.observations, self._flatten
        choices = actions.tolist() if actions.ndim == 1 else actions
        lane = 0
        try:
            for lane, environment in enumerate(self._environments):
                observation, rewards[lane], terminated[lane], truncated[lane], _ = environment.step(
                    choices[lane]
                )
                observations[lane] = flatten(observation)
        except Exception as error:  # noqa: BLE001 - anybody's code, failing in any way
            raise self._failure("step", int(self.playing[lane]), error) from None
        return rewards, terminated, truncated

    def drop(self, over: NDArray[np.bool_]) -> None:
        """End the episodes of these lanes; each takes the next that is left, or is given up."""
        for lane in np.flatnonzero(over).tolist():
            if self._next == len(self._seeds):
                continue
            if not self._reuse:
                self._environments[lane].close()
                self._environments[lane] = _made(self._spec)
            self.observations[lane] = self._reset(self._environments[lane], self._seeds[self._next])
            self.playing[lane] = self._next
            self._next += 1
            over[lane] = False
        if over.any():
            for lane in np.flatnonzero(over).tolist():
                if not self._reuse:
                    self._environments[lane].close()
            self._environments = [self._environments[lane] for lane in np.flatnonzero(~over).tolist()]
            self.playing, self.observations = self.playing[~over], self.observations[~over]

    def close(self) -> None:
        """Give back what is still open."""
        if not self._reuse:
            for environment in self._environments:
                environment.close()

    def _reset(self, environment: Environment, seed: int) -> Any:
        try:
            observation, _ = environment.reset(seed=seed)
            return self._flatten(observation)
        except Exception as error:  # noqa: BLE001
            raise self._failure("reset", seed, error) from None

    def _failure(self, what: str, episode: int, error: Exception) -> BadInput:
        seed = self._seeds[episode] if what == "step" else episode
        return BadInput(
            f"task.id: {self._spec.id} fails in {what} of the episode with seed {seed} "
            f"({type(error).__name__}: {first_line(error)})"
        )
