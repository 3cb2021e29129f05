"""EnvPool: environments in C++, stepped together by threads of its own.

A pool's environments are seeded when it is made and never again, so each plays one episode and is
then left alone, while the others go on: of all that is stepped nothing is thrown away.
"""

from __future__ import annotations

import os
import warnings
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ....errors import BadInput

__all__ = ["PooledLanes", "pool_has", "pool_is_faster"]


def pool_has(name: str) -> bool:
    """Whether EnvPool has this environment.

    Raises:
        BadInput: it is not installed.
    """
    return name in _envpool().registration.registry.specs


@cache
def pool_is_faster(name: str) -> bool:
    """Whether EnvPool is installed and steps this environment faster than Gymnasium, episodes begun and all.

    Of MuJoCo a pool loads the model for every environment, which takes longer than the episodes of an
    untrained network.
    """
    if find_spec("envpool") is None or not pool_has(name):
        return False
    module: str = _envpool().registration.registry.specs[name][0]
    return module.startswith(("envpool.box2d", "envpool.classic_control"))


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
    """Pools of environments, one after the other, each environment playing one episode.

    Args:
        name: environment id.
        seeds: int64[episodes], of the episodes to play.
        width: environments that step together.
        limit: steps after which an episode is cut.

    Attributes:
        playing: int64[lanes], the episodes that are being played.
        observations: float32[lanes, size], the last of each.
    """

    def __init__(self, name: str, seeds: NDArray[np.int64], width: int, limit: int) -> None:
        self._name = name
        self._seeds = seeds
        self._width = width
        self._limit = limit
        self._begun = 0
        self._open()

    def _open(self) -> None:
        seeds = self._seeds[self._begun : self._begun + self._width].tolist()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._pool = _envpool().make_gymnasium(
                self._name,
                num_envs=len(seeds),
                num_threads=1,
                env_seed=seeds,
                max_episode_steps=self._limit,
            )
            self.observations: NDArray[Any] = self._pool.reset()[0]
        self.playing = np.arange(self._begun, self._begun + len(seeds))
        self._lanes = np.arange(len(seeds), dtype=np.int32)
        self._begun += len(seeds)

    def step(self, actions: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
        """Step every lane; rewards, terminated, truncated [lanes]."""
        observations, rewards, terminated, truncated, described = self._pool.step(actions, self._lanes)
        order = np.argsort(described["env_id"])  # it hands out lanes as they come
        self.observations = observations[order]
        return rewards[order].astype(np.float64), terminated[order], truncated[order]

    def drop(self, over: NDArray[np.bool_]) -> None:
        """End the episodes of these lanes; after the last of a pool the next begins."""
        if over.all() and self._begun < len(self._seeds):
            self._pool.close()
            self._open()
            return
        self.playing, self._lanes = self.playing[~over], self._lanes[~over]
        self.observations = self.observations[~over]

    def close(self) -> None:
        """Give the environments back."""
        self._pool.close()
