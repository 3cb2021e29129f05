"""Resetting and stepping environments, with a check that they answer as Gymnasium's interface requires."""

from __future__ import annotations

import reprlib
from typing import Any, Final, NoReturn

import numpy as np
from numpy.typing import NDArray

from ...errors import BadInput
from ...network import Observations
from .environments import Environment, failure
from .pulse import PULSE

__all__ = ["Stepper", "checked_reward"]

_NUMBERS: Final = (float, int, np.floating, np.integer, np.bool_)
_LARGEST: Final = 1e100  # magnitude of a reward, so that sums of returns and of their squares stay finite


class Stepper:
    """Resets and steps environments with the same id.

    Any exception that an environment raises becomes ``BadInput``, even ``SystemExit``; only
    ``KeyboardInterrupt`` propagates.

    Args:
        name: id of the environments.
        observations: how observations become vectors.
    """

    def __init__(self, name: str, observations: Observations) -> None:
        self._name = name
        self._vector = observations.flattener()

    def reset(self, environment: Environment, seed: int) -> NDArray[Any]:
        """Start an episode; returns its first observation as a vector.

        Raises:
            BadInput: the environment fails, or returns something that Gymnasium does not allow.
        """
        try:
            with PULSE.call():
                answer = environment.reset(seed=seed)
            if not isinstance(answer, tuple) or len(answer) != 2:
                _refuse(f"it returns {_shown(answer)}; accepted are observation and info")
            return self._vector(answer[0])
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - foreign code, which may fail in any way
            raise self._failure("reset", seed, error) from None

    def step(
        self, environment: Environment, action: Any, seed: int
    ) -> tuple[NDArray[Any], float, bool, bool]:
        """Take a step in the episode with this seed; returns observation, reward, terminated, truncated.

        Raises:
            BadInput: the environment fails, or returns something that Gymnasium does not allow.
        """
        try:
            # As ``PULSE.call`` does, without the cost of a context manager, which a fast step would feel.
            PULSE.inside = True
            answer: Any = environment.step(action)
            PULSE.inside = False
            PULSE.calls += 1
            if not isinstance(answer, tuple) or len(answer) != 5:
                _refuse(
                    f"it returns {_shown(answer)}; accepted are observation, reward, terminated, truncated "
                    "and info"
                )
            observation, reward, terminated, truncated, _ = answer
            reward = checked_reward(reward)
            if terminated is not True and terminated is not False:
                terminated = _truth("terminated", terminated)
            if truncated is not True and truncated is not False:
                truncated = _truth("truncated", truncated)
            return self._vector(observation), reward, terminated, truncated
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - foreign code, which may fail in any way
            raise self._failure("step", seed, error) from None
        finally:
            PULSE.inside = False

    def _failure(self, what: str, seed: int, error: BaseException) -> BadInput:
        return failure(self._name, f"{what} of the episode with seed {seed}", error)


def checked_reward(reward: Any) -> float:
    """A reward as a float, which may be infinite or NaN.

    Raises:
        BadInput: it is no number, or so large that sums overflow.
    """
    if type(reward) is not float:
        reward = _number(reward)
    if not abs(reward) <= _LARGEST and np.isfinite(reward):
        _refuse(f"a reward of {reward:g}; accepted are up to {_LARGEST:g} in magnitude")
    return float(reward)


def _number(reward: Any) -> float:
    if isinstance(reward, _NUMBERS):
        return float(reward)
    # Arrays of one number are common, and unambiguous.
    if isinstance(reward, np.ndarray) and reward.size == 1 and reward.dtype.kind in "fiub":
        return float(reward.item())
    raise BadInput(f"a reward of {_shown(reward)}; accepted is a number")


def _truth(what: str, value: Any) -> bool:
    if isinstance(value, bool | np.bool_) or (isinstance(value, int | np.integer) and value in (0, 1)):
        return bool(value)
    if isinstance(value, np.ndarray) and value.size == 1 and value.dtype.kind == "b":
        return bool(value.item())
    raise BadInput(f"{what} is {_shown(value)}; accepted is True or False")


def _refuse(answer: str) -> NoReturn:
    raise BadInput(answer)


def _shown(value: Any) -> str:
    """A short description of a value, however large it is."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape} and type {value.dtype}"
    if isinstance(value, tuple):
        return f"{len(value)} values"
    return reprlib.repr(value)
