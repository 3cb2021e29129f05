"""Gymnasium's spaces seen from a network: numbers in, numbers out."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..errors import BadInput
from ..network import Squash

__all__ = ["Actions", "Observations"]

_IMAGE: Final = 3  # axes of a Box of pixels; two may be a board or a few vectors
_LARGEST: Final = 4096  # numbers: more are an image by another name, or a number for each of many things


@dataclass(frozen=True)
class Observations:
    """How an observation becomes a vector.

    Attributes:
        space: of the environment.
        size: numbers in the vector.
    """

    space: spaces.Space[Any]
    size: int

    @classmethod
    def of(cls, name: str, space: spaces.Space[Any]) -> Observations:
        """The observations of an environment.

        Raises:
            BadInput: they are images, dictionaries, or anything else that is no vector.
        """
        if isinstance(space, spaces.Box) and len(space.shape) >= _IMAGE:
            raise BadInput(f"task.id: the observations of {name} are images ({space}); accepted are vectors")
        if not _flat(space):
            raise BadInput(
                f"task.id: the observations of {name} are {space}; accepted are Box, Discrete, "
                "MultiDiscrete, MultiBinary and tuples of them"
            )
        return cls(space, _within("observations", name, int(spaces.flatdim(space))))

    def flattener(self) -> Callable[[Any], Any]:
        """From an observation to a vector; a Box of one axis stays what it is."""
        if isinstance(self.space, spaces.Box):
            return _same if len(self.space.shape) == 1 else np.ravel
        return lambda observation: spaces.flatten(self.space, observation)


def _same(observation: Any) -> Any:
    return observation


def _within(what: str, name: str, size: int) -> int:
    if size > _LARGEST:
        raise BadInput(f"task.id: the {what} of {name} are {size:,} numbers; accepted are up to {_LARGEST:,}")
    return size


def _flat(space: spaces.Space[Any]) -> bool:
    if isinstance(space, spaces.Tuple):
        return all(map(_flat, space.spaces))
    return isinstance(space, spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary)


@dataclass(frozen=True)
class Actions:
    """How the raw outputs of networks become actions.

    The highest output of a group is what is chosen of a Discrete or MultiDiscrete space, the first of
    equals; a positive output sets a bit of a MultiBinary one. Of a Box with bounds -1 and 1 of an output
    stand for the bounds unless ``squash`` says otherwise; without bounds outputs are what they are, cut at
    the one where there is only one.

    Attributes:
        space: of the environment.
        outputs: numbers that a network gives.
        squash: of a Box; None for other spaces.
    """

    space: spaces.Space[Any]
    outputs: int
    squash: Squash | None

    @classmethod
    def of(cls, name: str, space: spaces.Space[Any], squash: Squash | None = None) -> Actions:
        """The actions of an environment.

        Raises:
            BadInput: no kind of action that a network can give, or bounds are needed that are not there.
        """
        if isinstance(space, spaces.Box):
            bounded = space.is_bounded()
            if squash in ("scale", "tanh") and not bounded:
                raise BadInput(f'task.squash: the actions of {name} have no bounds; accepted is "clip"')
            return cls(space, math.prod(space.shape), squash or ("scale" if bounded else "clip"))
        if squash is not None:
            raise BadInput(f"task.squash: the actions of {name} are {space}; it is for those of a Box")
        if isinstance(space, spaces.Discrete):
            return cls(space, _within("actions", name, int(space.n)), None)
        if isinstance(space, spaces.MultiDiscrete):
            return cls(space, _within("actions", name, int(space.nvec.sum())), None)
        if isinstance(space, spaces.MultiBinary):
            return cls(space, math.prod(space.shape), None)
        raise BadInput(
            f"task.id: the actions of {name} are {space}; accepted are Box, Discrete, MultiDiscrete "
            "and MultiBinary"
        )

    def of_outputs(self, raw: NDArray[np.float32]) -> NDArray[Any]:
        """Actions [rows, ...] of raw outputs float32[rows, outputs]."""
        space = self.space
        if isinstance(space, spaces.Box):
            with np.errstate(over="ignore", invalid="ignore"):  # of outputs that are none, which nobody plays
                return self._numbers(raw, space)
        if isinstance(space, spaces.Discrete):
            return np.asarray(raw.argmax(axis=1) + space.start)
        if isinstance(space, spaces.MultiDiscrete):
            ends = np.cumsum(space.nvec.ravel()).tolist()
            groups = [raw[:, end - size : end] for end, size in zip(ends, space.nvec.ravel(), strict=True)]
            chosen = np.stack([group.argmax(axis=1) for group in groups], axis=1)
            start = np.asarray(getattr(space, "start", 0))
            return np.asarray((chosen.reshape(len(raw), *space.shape) + start).astype(space.dtype))
        return np.asarray((raw > 0).reshape(len(raw), *(space.shape or ())).astype(space.dtype))

    def _numbers(self, raw: NDArray[np.float32], space: spaces.Box) -> NDArray[Any]:
        low, high = space.low.ravel(), space.high.ravel()
        wanted: NDArray[Any] = raw
        if self.squash != "clip":
            wanted = np.tanh(raw) if self.squash == "tanh" else np.clip(raw, -1, 1)
            # Bounds of -1 and 1 leave the bits of an output alone.
            if (low != -1).any() or (high != 1).any():
                wanted = low + (wanted + 1) * (high / 2 - low / 2)  # halves, lest small integers overflow
        wanted = np.clip(wanted, low, high)
        if np.issubdtype(space.dtype, np.integer):
            wanted = np.rint(wanted)
        return wanted.astype(space.dtype, copy=False).reshape(len(raw), *space.shape)
