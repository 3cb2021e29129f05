"""How observations become the numbers that a network reads, by Gymnasium's spaces."""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..encoding import Encoder, is_image
from ..errors import BadInput

__all__ = ["LARGEST", "LARGEST_IMAGE", "Observations", "numeric_part", "within"]

LARGEST: Final = 4096
"""The most numbers that networks read, or make for an action; more are probably an image."""
LARGEST_IMAGE: Final = 2**22
"""The most numbers of an observation that an encoder reads."""
_LARGEST_BOARD: Final = 2  # axes of a Box that is flattened; three are an image


@dataclass(frozen=True)
class Observations:
    """How an observation becomes a vector, and what networks read of it.

    Attributes:
        space: of the environment; for an encoder without the parts of a Dict that are no numbers.
        size: numbers in the vector.
        encoder: what networks see of images; None where there are none.
    """

    space: spaces.Space[Any]
    size: int
    encoder: Encoder | None = None

    @classmethod
    def of(cls, name: str, space: spaces.Space[Any], encoder: Encoder | None = None) -> Observations:
        """The observations of an environment.

        Raises:
            BadInput: they are images and there is no encoder, of variable length, or otherwise cannot become
                vectors; or there is an encoder, but no image that it fits.
        """
        if encoder is not None:
            return cls._of_images(name, space, encoder)
        if isinstance(space, spaces.Box) and len(space.shape) > _LARGEST_BOARD:
            raise BadInput(
                f"task.id: the observations of {name} are images ({space}), which task.encoder is for: "
                f'"pixels:8x8", a file that `wann encoder train --task {name} -o FILE` writes, or '
                "module:function"
            )
        if not _flat(space):
            raise BadInput(
                f"task.id: the observations of {name} are {space}; accepted are Box, Discrete, "
                "MultiDiscrete, MultiBinary, and Dict and Tuple of them; beside an image, which task.encoder "
                "is for, other parts of a Dict are ignored"
            )
        return cls(space, within("observations", name, int(spaces.flatdim(space))))

    @classmethod
    def _of_images(cls, name: str, space: spaces.Space[Any], encoder: Encoder) -> Observations:
        kept = numeric_part(space)
        if kept is None or not any(is_image(part) for _, part in _parts(kept, "")):
            raise BadInput(
                f"task.encoder: the observations of {name} are {space}, in which nothing is an image"
            )
        size = int(spaces.flatdim(kept))
        if size > LARGEST_IMAGE:
            raise BadInput(
                f"task.id: the observations of {name} are {size:,} numbers; accepted are {LARGEST_IMAGE:,}"
            )
        return cls(kept, size, encoder)

    @cached_property
    def inputs(self) -> int:
        """Numbers that networks can read.

        Raises:
            BadInput: the encoder does not fit the images.
        """
        return within("inputs", "the task", sum(self._size(part) for _, part in self._named_parts))

    @property
    def names(self) -> tuple[str, ...] | None:
        """Short names for what networks can read, by the keys of a Dict and the encoder; None without."""
        if self.encoder is None and not _has_keys(self.space):
            return None
        return tuple(
            f"{name} {self.encoder.label if self.encoder and is_image(part) else ''}".strip().replace(
                "  ", " "
            )
            + f" {number}"
            for name, part in self._named_parts
            for number in range(1, self._size(part) + 1)
        )

    @cached_property
    def _named_parts(self) -> list[tuple[str, spaces.Space[Any]]]:
        return list(_parts(self.space, ""))

    def _size(self, part: spaces.Space[Any]) -> int:
        if self.encoder is not None and is_image(part) and isinstance(part, spaces.Box):
            return self.encoder.size(part)
        return int(spaces.flatdim(part))

    @property
    def dtype(self) -> np.dtype[Any]:
        """In which the numbers of many observations are kept: bytes for an image of bytes."""
        bytewise = self.encoder is not None and self.space.dtype == np.uint8
        return np.dtype(np.uint8 if bytewise else np.float64)

    @cached_property
    def images(self) -> list[tuple[slice, spaces.Box]]:
        """Where each image stands among an observation's numbers, and its space; none without encoder."""
        found, begin = [], 0
        for _, part in self._named_parts:
            end = begin + int(spaces.flatdim(part))
            if self.encoder is not None and is_image(part) and isinstance(part, spaces.Box):
                found.append((slice(begin, end), part))
            begin = end
        return found

    def encoded(self, rows: NDArray[Any]) -> NDArray[Any]:
        """What networks can read of observations given as numbers: [rows, inputs] of [rows, ...].

        Raises:
            BadInput: another count of numbers, or the encoder fails.
        """
        if self.encoder is None:
            return rows
        flat = rows.reshape(len(rows), -1)
        if flat.shape[1] != self.size:
            raise BadInput(f"an observation of {flat.shape[1]:,} numbers; accepted are {self.size:,}")
        found, begin = [], 0
        for where, part in self.images:
            found += [flat[:, begin : where.start], self.encoder.encode(flat[:, where], part)]
            begin = where.stop
        found.append(flat[:, begin:])
        return np.concatenate([np.asarray(numbers, np.float32) for numbers in found], axis=1)

    def flattener(self) -> Callable[[Any], NDArray[Any]]:
        """A function from observation to vector; a Box with one axis is returned unchanged.

        The function raises ``BadInput`` for an observation whose shape differs from the space's, that is not
        numeric, or that is a choice outside the space; bounds and dtype of a Box are not checked.
        """
        space = self.space
        if not isinstance(space, spaces.Box):
            return lambda observation: np.asarray(
                spaces.flatten(space, _checked(space, self._numeric(observation), ""))
            )
        shape, kind, plain = space.shape, space.dtype, len(space.shape) == 1

        def vector(observation: Any) -> NDArray[Any]:
            known = type(observation) is np.ndarray and observation.dtype == kind
            valid = known and observation.shape == shape
            numbers = observation if valid else _numbers(space, observation, "")
            return numbers if plain else numbers.ravel()

        return vector

    def _numeric(self, observation: Any) -> Any:
        """An observation, or a batch of them, without the parts that an encoder ignores."""
        return observation if self.encoder is None else _only(self.space, observation)

    def reader(self) -> Callable[[Any], tuple[NDArray[Any], bool]]:
        """A function from an observation, or a batch of them, to vectors [rows, size].

        The function also returns whether it was a single observation, and raises as that of ``flattener``. A
        batch is what vectorised environments return: each array has one more axis in front.
        """
        vector, space, shape = self.flattener(), self.space, self.space.shape

        def rows(observation: Any) -> tuple[NDArray[Any], bool]:
            if type(observation) is np.ndarray and observation.shape == shape:  # the common case, at once
                return vector(observation)[None], True
            observation = self._numeric(observation)
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


def _parts(space: spaces.Space[Any], name: str) -> Iterator[tuple[str, spaces.Space[Any]]]:
    """The parts of a space in the order of their numbers, with their keys; tuples count from 1."""
    if isinstance(space, spaces.Dict):
        for key, part in space.spaces.items():
            yield from _parts(part, f"{name} {key}".strip())
    elif isinstance(space, spaces.Tuple):
        for number, part in enumerate(space.spaces, 1):
            yield from _parts(part, f"{name} part {number}".strip())
    else:
        yield name, space


def numeric_part(space: spaces.Space[Any]) -> spaces.Space[Any] | None:
    """A space without the parts of a Dict that are no numbers; None if nothing is left."""
    if not isinstance(space, spaces.Dict):
        return space if _flat(space) else None
    parts = [(key, numeric_part(part)) for key, part in space.spaces.items()]
    kept = [(key, part) for key, part in parts if part is not None]
    return spaces.Dict(kept) if kept else None


def _only(space: spaces.Space[Any], observation: Any) -> Any:
    """An observation without what its space has no part for."""
    if not isinstance(space, spaces.Dict) or not isinstance(observation, Mapping):
        return observation
    return {key: _only(part, observation[key]) for key, part in space.spaces.items() if key in observation}


def _flat(space: spaces.Space[Any]) -> bool:
    if isinstance(space, spaces.Tuple):
        return all(map(_flat, space.spaces))
    if isinstance(space, spaces.Dict):
        return all(map(_flat, space.spaces.values()))
    return isinstance(space, spaces.Box | spaces.Discrete | spaces.MultiDiscrete | spaces.MultiBinary)


def within(what: str, name: str, size: int) -> int:
    """The size, if networks can have so many inputs or outputs.

    Raises:
        BadInput: they cannot.
    """
    if not 1 <= size <= LARGEST:
        raise BadInput(f"task.id: the {what} of {name} are {size:,} numbers; accepted are 1 to {LARGEST:,}")
    return size
