"""How observations become inputs of a network and its outputs become actions, by Gymnasium's spaces."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ...errors import BadInput
from ...network import Squash

__all__ = ["Actions", "Observations"]

_IMAGE: Final = 3  # axes of a Box of pixels; two may be a board or a few vectors
_LARGEST: Final = 4096  # numbers; more are probably an image


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
            BadInput: they are images, of variable length, or otherwise cannot become vectors.
        """
        if isinstance(space, spaces.Box) and len(space.shape) >= _IMAGE:
            raise BadInput(f"task.id: the observations of {name} are images ({space}); accepted are vectors")
        if not _flat(space):
            raise BadInput(
                f"task.id: the observations of {name} are {space}; accepted are Box, Discrete, "
                "MultiDiscrete, MultiBinary, and Dict and Tuple of them"
            )
        return cls(space, _within("observations", name, int(spaces.flatdim(space))))

    @property
    def names(self) -> tuple[str, ...] | None:
        """Short names for the numbers, by the keys of a Dict; None without a Dict."""
        return tuple(_named(self.space, "")) if _has_keys(self.space) else None

    def flattener(self) -> Callable[[Any], NDArray[Any]]:
        """A function from observation to vector; a Box with one axis is returned unchanged.

        The function raises ``BadInput`` for an observation whose shape differs from the space's, that is not
        numeric, or that is a choice outside the space; bounds and dtype of a Box are not checked.
        """
        space = self.space
        if not isinstance(space, spaces.Box):
            return lambda observation: np.asarray(spaces.flatten(space, _checked(space, observation, "")))
        shape, kind, plain = space.shape, space.dtype, len(space.shape) == 1

        def vector(observation: Any) -> NDArray[Any]:
            known = type(observation) is np.ndarray and observation.dtype == kind
            valid = known and observation.shape == shape
            numbers = observation if valid else _numbers(space, observation, "")
            return numbers if plain else numbers.ravel()

        return vector


def _checked(space: spaces.Space[Any], observation: Any, where: str) -> Any:
    """The observation, if the space contains it; ``where`` is its position in a larger one."""
    if isinstance(space, spaces.Dict):
        if not isinstance(observation, Mapping) or observation.keys() != space.spaces.keys():
            raise _unacceptable(f"keys {', '.join(map(repr, space.spaces))}", observation, where)
        return {
            key: _checked(part, observation[key], f"{where}[{key!r}]") for key, part in space.spaces.items()
        }
    if isinstance(space, spaces.Tuple):
        if not isinstance(observation, tuple | list) or len(observation) != len(space.spaces):
            raise _unacceptable(f"{len(space.spaces)} parts", observation, where)
        parts = zip(space.spaces, observation, strict=True)
        return tuple(_checked(part, seen, f"{where}[{index}]") for index, (part, seen) in enumerate(parts))
    numbers = _numbers(space, observation, where)
    if isinstance(space, spaces.Box):
        return numbers
    # A choice outside the space would be encoded like another one.
    within = numbers.dtype.kind in "iub" and space.contains(numbers.astype(space.dtype))
    if not within:
        raise _unacceptable(str(space), observation, where)
    return numbers


def _numbers(space: spaces.Space[Any], observation: Any, where: str) -> NDArray[Any]:
    numbers = np.asarray(observation)
    if numbers.dtype.kind not in "fiub" or numbers.shape != space.shape:
        raise _unacceptable(f"numbers of shape {space.shape}", observation, where)
    return numbers


def _unacceptable(accepted: str, observation: Any, where: str) -> BadInput:
    if isinstance(observation, Mapping):
        found = f"with the keys {', '.join(map(repr, observation)) or '(none)'}"
    elif isinstance(observation, tuple | list):
        found = f"of {len(observation)} parts"
    elif isinstance(observation, np.ndarray | np.generic):
        found = f"of shape {observation.shape} and type {observation.dtype}"
        found += f" ({observation})" if observation.size == 1 else ""
    else:
        found = reprlib.repr(observation)
    return BadInput(f"an observation{where and ' at '}{where} {found}; accepted are {accepted}")


def _has_keys(space: spaces.Space[Any]) -> bool:
    return isinstance(space, spaces.Dict) or (
        isinstance(space, spaces.Tuple) and any(map(_has_keys, space.spaces))
    )


def _named(space: spaces.Space[Any], name: str) -> Iterator[str]:
    """A name for each number: its keys, the parts of tuples counted from 1, and its position, from 1."""
    if isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            yield from _named(part, f"{name} {key}".strip())
    elif isinstance(space, spaces.Tuple):
        for number, part in enumerate(space.spaces, 1):
            yield from _named(part, f"{name} part {number}".strip())
    else:
        size = int(spaces.flatdim(space))
        yield from (f"{name} {number}" for number in range(1, size + 1))


def _within(what: str, name: str, size: int) -> int:
    if not 1 <= size <= _LARGEST:
        raise BadInput(f"task.id: the {what} of {name} are {size:,} numbers; accepted are 1 to {_LARGEST:,}")
    return size


def _flat(space: spaces.Space[Any]) -> bool:
    if isinstance(space, spaces.Tuple):
        return all(map(_flat, space.spaces))
    if isinstance(space, spaces.Dict):
        return all(map(_flat, space.spaces.values()))
    return isinstance(space, spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary)


@dataclass(frozen=True)
class Actions:
    """How the raw outputs of networks become actions.

    Discrete and MultiDiscrete: the highest output of a group is chosen, the first on a tie. MultiBinary: a
    positive output sets a bit. Box: by default outputs are clipped to [-1, 1], which is mapped to the
    bounds; without bounds they are actions unchanged, or clipped at the only bound there is.

    Attributes:
        space: of the environment.
        outputs: numbers that a network returns.
        squash: of a Box; None for other spaces.
    """

    space: spaces.Space[Any]
    outputs: int
    squash: Squash | None

    @classmethod
    def of(cls, name: str, space: spaces.Space[Any], squash: Squash | None = None) -> Actions:
        """The actions of an environment.

        Raises:
            BadInput: actions of an unsupported kind, or a squash that needs bounds where there are none.
        """
        if isinstance(space, spaces.Box):
            bounded = space.is_bounded()
            if squash in ("scale", "tanh") and not bounded:
                raise BadInput(f'task.squash: the actions of {name} have no bounds; accepted is "clip"')
            return cls(
                space,
                _within("actions", name, math.prod(space.shape)),
                squash or ("scale" if bounded else "clip"),
            )
        if squash is not None:
            raise BadInput(f"task.squash: the actions of {name} are {space}; it is for those of a Box")
        if isinstance(space, spaces.Discrete):
            return cls(space, _within("actions", name, int(space.n)), None)
        if isinstance(space, spaces.MultiDiscrete):
            return cls(space, _within("actions", name, int(space.nvec.sum())), None)
        if isinstance(space, spaces.MultiBinary):
            return cls(space, _within("actions", name, math.prod(space.shape)), None)
        raise BadInput(
            f"task.id: the actions of {name} are {space}; accepted are Box, Discrete, MultiDiscrete "
            "and MultiBinary"
        )

    def of_outputs(self, raw: NDArray[np.float32]) -> NDArray[Any]:
        """Actions [rows, ...] of raw outputs float32[rows, outputs]."""
        space = self.space
        if isinstance(space, spaces.Box):
            with np.errstate(over="ignore", invalid="ignore"):  # such episodes end anyway
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
            # With bounds of -1 and 1 the bits of an output stay the same.
            if (low != -1).any() or (high != 1).any():
                wanted = low + (wanted + 1) * (high / 2 - low / 2)  # halves, lest small integers overflow
        wanted = np.clip(wanted, low, high)
        if np.issubdtype(space.dtype, np.integer):
            wanted = np.rint(wanted)
        return wanted.astype(space.dtype, copy=False).reshape(len(raw), *space.shape)
