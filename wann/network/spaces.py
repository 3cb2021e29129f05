"""How observations become inputs of a network and its outputs become actions, by Gymnasium's spaces."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..errors import BadInput

__all__ = ["LARGEST", "Actions", "Observations", "Squash"]

Squash = Literal["scale", "clip", "tanh"]

_IMAGE: Final = 3  # axes of a Box of pixels; two may be a board or a few vectors
LARGEST: Final = 4096
"""The most numbers of an observation or an action; more are probably an image."""
_ONE: Final = np.ones(1, np.float32)  # faster than a scalar
_MINUS_ONE: Final = -_ONE
_LARGE: Final = 1e30  # half a distance, beyond which sums may exceed float32


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

    def reader(self) -> Callable[[Any], tuple[NDArray[Any], bool]]:
        """A function from an observation, or a batch of them, to vectors [rows, size].

        The function also returns whether it was a single observation, and raises as that of ``flattener``. A
        batch is what vectorised environments return: each array has one more axis in front.
        """
        vector, space, shape = self.flattener(), self.space, self.space.shape

        def rows(observation: Any) -> tuple[NDArray[Any], bool]:
            if type(observation) is np.ndarray and observation.shape == shape:  # the common case, at once
                return vector(observation)[None], True
            size = _batch_size(space, observation)
            if size is None:
                return vector(observation)[None], True
            vectors = [vector(_row(observation, index)) for index in range(size)]
            return np.array(vectors).reshape(len(vectors), self.size), False

        return rows


def _batch_size(space: spaces.Space[Any], observation: Any) -> int | None:
    """The length of a batch, by its first array; None for what is no batch."""
    while isinstance(space, spaces.Dict | spaces.Tuple):
        try:  # by the space: the keys of an observation may stand in any order
            if isinstance(space, spaces.Dict):
                key, space = next(iter(space.spaces.items()))
                observation = observation[key]
            else:
                space, observation = space[0], observation[0]
        except (LookupError, TypeError):
            return None
    shape = np.shape(observation)
    return shape[0] if len(shape) == len(space.shape or ()) + 1 else None


def _row(batch: Any, index: int) -> Any:
    """One observation of a batch."""
    if isinstance(batch, Mapping):
        return {key: _row(part, index) for key, part in batch.items()}
    if isinstance(batch, tuple):
        return tuple(_row(part, index) for part in batch)
    return np.asarray(batch)[index]


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
    if not 1 <= size <= LARGEST:
        raise BadInput(f"task.id: the {what} of {name} are {size:,} numbers; accepted are 1 to {LARGEST:,}")
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
            scale = self._scale
            if scale.exact:
                return self._numbers(raw, scale)
            with np.errstate(over="ignore", invalid="ignore"):  # such episodes end anyway
                return self._numbers(raw, scale)
        if isinstance(space, spaces.Discrete):
            chosen: NDArray[Any] = raw.argmax(axis=1) + space.start
            return chosen
        if isinstance(space, spaces.MultiDiscrete):
            ends = np.cumsum(space.nvec.ravel()).tolist()
            groups = [raw[:, end - size : end] for end, size in zip(ends, space.nvec.ravel(), strict=True)]
            chosen = np.stack([group.argmax(axis=1) for group in groups], axis=1)
            start = np.asarray(getattr(space, "start", 0))
            return np.asarray((chosen.reshape(len(raw), *space.shape) + start).astype(space.dtype))
        return np.asarray((raw > 0).reshape(len(raw), *(space.shape or ())).astype(space.dtype))

    @cached_property
    def _scale(self) -> _Scale:
        return _Scale.of(self.space, self.squash)

    def _numbers(self, raw: NDArray[np.float32], scale: _Scale) -> NDArray[Any]:
        wanted: NDArray[Any] = raw
        if self.squash == "tanh":
            wanted = np.tanh(raw)
        elif self.squash == "scale":
            wanted = np.minimum(np.maximum(raw, _MINUS_ONE), _ONE)  # faster than clip
        if scale.half is not None:
            wanted = scale.low + (wanted + _ONE) * scale.half
        if scale.half is not None or self.squash == "clip":
            wanted = np.minimum(np.maximum(wanted, scale.low), scale.high)
        if scale.whole:
            wanted = np.rint(wanted)
        wanted = wanted if wanted.dtype == scale.dtype else wanted.astype(scale.dtype)
        return wanted if wanted.shape[1:] == scale.shape else wanted.reshape(len(raw), *scale.shape)


@dataclass(frozen=True)
class _Scale:
    """What maps outputs to the numbers of a Box.

    Attributes:
        low: bounds of each number.
        high: bounds of each number.
        half: half the distance between them; None where outputs are not scaled, or to -1 and 1, so that the
            bits of an output stay the same.
        whole: whether they are integers.
        exact: whether no output, except NaN, can overflow.
        dtype: of the Box.
        shape: of the Box.
    """

    low: NDArray[Any]
    high: NDArray[Any]
    half: NDArray[Any] | None
    whole: bool
    exact: bool
    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @classmethod
    def of(cls, space: Any, squash: Squash | None) -> _Scale:
        low, high = space.low.ravel(), space.high.ravel()
        scaled = squash != "clip" and bool((low != -1).any() or (high != 1).any())
        half = high / 2 - low / 2 if scaled else None  # halves, lest small integers overflow
        large = half is not None and float(np.abs(half).max(initial=0)) > _LARGE
        whole = np.issubdtype(space.dtype, np.integer)
        exact = space.dtype in (np.float32, np.float64) and not large
        return cls(low, high, half, bool(whole), exact, space.dtype, space.shape)
