"""A reward of the search's own: what networks are ranked by instead of the environment's reward."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import BadInput, described
from ...trust import BY_HAND, Trust, import_trusted
from .pulse import PULSE
from .stepper import checked_reward

__all__ = ["EpisodeRewards", "OwnReward", "Reward", "name_of_reward"]

Reward = Callable[[NDArray[np.float64], Any, float], Any]
"""What a step is worth, by the observation after it, the action, and the environment's reward."""
_KEY: Final = "task.reward"
_CALLED: Final = "()"


def name_of_reward(reward: Reward) -> str:
    """The name of a reward that is given as a callable: its own and ``()``.

    Raises:
        BadInput: it is no callable.
    """
    if not callable(reward):
        raise BadInput(f"{type(reward).__name__}; accepted is a function or a class", argument="reward")
    return getattr(reward, "__name__", type(reward).__name__) + _CALLED


@dataclass(frozen=True)
class OwnReward:
    """A reward by name; can be sent to workers.

    Attributes:
        name: ``module:function``, or ``module:Class``, of which each episode gets an instance; or that of
            what was given.
        given: the function or the class, where no module is named.
    """

    name: str
    given: Reward | None = None

    @classmethod
    def of(cls, name: str, trust: Trust, given: Reward | None = None) -> OwnReward:
        """The reward with this name, which is given if it is no module's.

        Raises:
            BadInput: its module is not trusted, or holds no such function; or another one is given, or none.
        """
        if given is not None or name.endswith(_CALLED):
            if given is None:
                raise BadInput(
                    f"{name} was given as a callable, which no file holds: give it again in Python, such as "
                    f"reward={name.removesuffix(_CALLED)}",
                    argument="reward",
                )
            if (found := name_of_reward(given)) != name:
                raise BadInput(f"it is {found}, but {name} is wanted", argument="reward")
            return cls(name, given)
        trust.split(name, _KEY)
        reward = cls(name)
        reward.load()
        return reward

    def load(self) -> Any:
        """The function, or the class.

        Raises:
            BadInput: it cannot be imported, or is neither.
        """
        if self.given is not None:
            return self.given
        module, name = BY_HAND.split(self.name)  # whether it is trusted was asked when the task was made
        try:
            with PULSE.call():
                found = getattr(import_trusted(module or ""), name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - foreign code, which may fail in any way
            raise BadInput(f"{_KEY}: {self.name} cannot be used ({described(error)})") from None
        if not callable(found):
            raise BadInput(
                f"{_KEY}: {self.name} is {type(found).__name__}; accepted is a function or a class"
            )
        return found


class EpisodeRewards:
    """The search's own rewards in some episodes, each with a function, or an instance, of its own.

    Args:
        reward: what gives them.
        seeds: int64[episodes], seeds of the episodes, for messages.
    """

    def __init__(self, reward: OwnReward, seeds: NDArray[np.int64]) -> None:
        self._name, self._seeds = reward.name, seeds
        self._found = reward.load()
        self._remembers = inspect.isclass(self._found)
        self._instances: dict[int, Reward] = {}

    def after_step(
        self,
        playing: NDArray[np.int64],
        observations: NDArray[Any],
        actions: NDArray[Any],
        rewards: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """The rewards of a step in the episodes ``playing``; NaN where the observation is not finite.

        Args:
            playing: int64[lanes], indices of the episodes.
            observations: [lanes, size], after the step.
            actions: [lanes, ...].
            rewards: float64[lanes], the environment's.

        Raises:
            BadInput: the function fails, or returns no number.
        """
        seen = observations.astype(np.float64)  # a copy, which the function may keep
        finite = np.isfinite(seen).all(axis=1) & np.isfinite(rewards)
        done = actions.tolist() if actions.ndim == 1 else actions
        own = np.full(len(playing), np.nan)
        for lane in np.flatnonzero(finite).tolist():
            own[lane] = self._reward(int(playing[lane]), seen[lane], done[lane], float(rewards[lane]))
        return own

    def _reward(self, episode: int, observation: NDArray[np.float64], action: Any, reward: float) -> float:
        try:
            with PULSE.call():
                return checked_reward(self._function(episode)(observation, action, reward))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - foreign code, which may fail in any way
            raise BadInput(
                f"{_KEY}: {self._name} fails in the episode with seed {self._seeds[episode]} "
                f"({described(error)})"
            ) from None

    def _function(self, episode: int) -> Reward:
        if not self._remembers:
            found: Reward = self._found
            return found
        if episode not in self._instances:
            self._instances[episode] = self._found()
        return self._instances[episode]
