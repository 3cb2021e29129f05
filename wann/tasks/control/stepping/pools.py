"""EnvPool: environments in C++, stepped together by threads of its own.

The environments of a pool are seeded only when it is made, so each computes one episode: a pool has as
many as there are episodes, and those that have not begun or are over cost a few kilobytes, but no step.
"""

from __future__ import annotations

import os
import warnings
from functools import cache
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ....errors import BadInput
from .stretch import Stretch

__all__ = ["PooledLanes", "pool_has", "pool_is_faster"]

_COMPARED: Final = ("HalfCheetah-v5", "Hopper-v5", "InvertedDoublePendulum-v5", "Walker2d-v5")
"""MuJoCo's whose returns were compared with Gymnasium's. Swimmer-v5's differ."""


def pool_has(name: str) -> bool:
    """Whether EnvPool has this environment.

    Raises:
        BadInput: EnvPool is not installed.
    """
    return name in _envpool().registration.registry.specs


@cache
def pool_is_faster(name: str) -> bool:
    """Whether EnvPool has it, faster than Gymnasium and known to have the same distribution of returns."""
    if find_spec("envpool") is None or not pool_has(name):
        return False
    module: str = _envpool().registration.registry.specs[name][0]
    return name in _COMPARED or module.startswith(("envpool.box2d", "envpool.classic_control"))


def _envpool() -> Any:
    os.environ.setdefault("GLOG_minloglevel", "2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            import envpool  # noqa: PLC0415 - an extra, and slow to import
            import envpool.registration  # noqa: PLC0415
        except ImportError as error:
            raise BadInput(f"EnvPool cannot be imported ({error}); pip install 'wann[envpool]'") from None
    return envpool


class PooledLanes:
    """A pool of environments, each of which computes one episode; of these, ``width`` are in progress.

    Args:
        name: environment id.
        seeds: int64[episodes], seeds of the episodes.
        width: environments that are stepped together.
        limit: steps after which an episode is truncated.

    Attributes:
        playing: int64[lanes], indices of the episodes in progress.
        observations: [lanes, ...], the latest observation of each.
    """

    def __init__(self, name: str, seeds: NDArray[np.int64], width: int, limit: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._pool = _envpool().make_gymnasium(
                name,
                num_envs=len(seeds),
                num_threads=1,
                env_seed=seeds.tolist(),
                max_episode_steps=limit,
            )
            self._episodes = len(seeds)
            self._begun = min(width, len(seeds))
            self.playing = np.arange(self._begun)
            # With the first reset it describes its spaces, and warns of them.
            self.observations: NDArray[Any] = self._reset(self.playing)

    def _reset(self, episodes: NDArray[np.int64]) -> NDArray[Any]:
        """Start these episodes; returns their first observations."""
        observations, described = self._pool.reset(episodes.astype(np.int32))
        return np.asarray(observations[np.argsort(described["env_id"])])

    def step(self, actions: NDArray[Any], most: NDArray[np.int64]) -> Stretch:
        """Repeat the action of every lane for at most so many steps, int64[lanes]."""
        stretch, going = Stretch.blank(len(self.playing)), np.arange(len(self.playing))
        while len(going):
            observed, rewards, terminated, truncated, described = self._pool.step(
                actions[going], self.playing[going].astype(np.int32)
            )
            order = np.argsort(described["env_id"])  # lanes return in the order in which they finish
            self.observations[going] = observed[order]
            stretch.before[going] += stretch.last[going]
            stretch.last[going] = rewards[order]
            stretch.terminated[going], stretch.truncated[going] = terminated[order], truncated[order]
            stretch.steps[going] += 1
            over = stretch.terminated[going] | stretch.truncated[going]
            going = going[~(over | (stretch.steps[going] >= most[going]))]
        return stretch

    def drop(self, over: NDArray[np.bool_]) -> None:
        """End the episodes of these lanes; the next remaining ones start in their place."""
        self.playing, self.observations = self.playing[~over], self.observations[~over]
        begun = np.arange(self._begun, min(self._begun + int(over.sum()), self._episodes))
        if len(begun):  # after those in progress, so that the lanes stay in the order of their episodes
            self._begun += len(begun)
            self.playing = np.concatenate([self.playing, begun])
            self.observations = np.concatenate([self.observations, self._reset(begun)])

    def close(self) -> None:
        """Close the environments."""
        self._pool.close()
