"""Gymnasium's spaces as JSON values: what an environment observes and accepts, in the file of a network."""

from __future__ import annotations

import math
from typing import Annotated, Any, Final, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from ..errors import BadInput, described
from ..network.observations import LARGEST, LARGEST_IMAGE

__all__ = ["SpaceDocument", "Strict", "made_space", "space_document"]

_MOST_PARTS: Final = 100
Shape = Annotated[list[Annotated[int, Field(ge=1, le=LARGEST_IMAGE)]], Field(max_length=32)]
Count = Annotated[int, Field(ge=1, le=LARGEST)]
Whole = Annotated[int, Field(ge=-(2**62), le=2**62)]
Bound = float | None
Numbers = Annotated[list[Bound], Field(max_length=LARGEST)]


class Strict(BaseModel):
    """The base of all parts of a network file: no unknown keys, no conversions, finite numbers only."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Box(Strict):
    """Bounds of each number in C order, or one for all of them; None where there is none."""

    kind: Literal["Box"]
    shape: Shape
    dtype: Literal[
        "float16", "float32", "float64",
        "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
    ]  # fmt: skip
    low: Bound | Numbers
    high: Bound | Numbers

    @model_validator(mode="after")
    def _sized(self) -> _Box:
        size = math.prod(self.shape)
        if size > LARGEST_IMAGE:
            raise ValueError(f"a Box of {size:,} numbers; accepted are up to {LARGEST_IMAGE:,}")
        for bound in (self.low, self.high):
            if isinstance(bound, list) and len(bound) != size:
                raise ValueError(f"{len(bound)} bounds for {size} numbers")
        return self

    def space(self) -> spaces.Box:
        low, high = _bounds(self.low, -math.inf, self), _bounds(self.high, math.inf, self)
        return spaces.Box(low, high, tuple(self.shape), np.dtype(self.dtype).type)


class _Discrete(Strict):
    kind: Literal["Discrete"]
    n: Count
    start: Whole = 0

    def space(self) -> spaces.Discrete:
        return spaces.Discrete(self.n, start=self.start)


class _MultiDiscrete(Strict):
    kind: Literal["MultiDiscrete"]
    shape: Shape
    dtype: Literal["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
    nvec: Annotated[list[Count], Field(min_length=1, max_length=LARGEST)]
    start: Annotated[list[Whole], Field(max_length=LARGEST)]

    @model_validator(mode="after")
    def _sized(self) -> _MultiDiscrete:
        if not math.prod(self.shape) == len(self.nvec) == len(self.start):
            raise ValueError(f"{len(self.nvec)} counts and {len(self.start)} starts for shape {self.shape}")
        return self

    def space(self) -> spaces.MultiDiscrete:
        nvec, start = (np.array(values).reshape(self.shape) for values in (self.nvec, self.start))
        kind: Any = np.dtype(self.dtype).type
        return spaces.MultiDiscrete(nvec, dtype=kind, start=start)


class _MultiBinary(Strict):
    kind: Literal["MultiBinary"]
    n: Count | Shape

    def space(self) -> spaces.MultiBinary:
        return spaces.MultiBinary(self.n)


class _Dict(Strict):
    kind: Literal["Dict"]
    parts: Annotated[dict[str, SpaceDocument], Field(min_length=1, max_length=_MOST_PARTS)]

    def space(self) -> spaces.Dict:
        return spaces.Dict([(key, part.space()) for key, part in self.parts.items()])


class _Tuple(Strict):
    kind: Literal["Tuple"]
    parts: Annotated[list[SpaceDocument], Field(min_length=1, max_length=_MOST_PARTS)]

    def space(self) -> spaces.Tuple[Any]:
        return spaces.Tuple([part.space() for part in self.parts])


SpaceDocument = Annotated[
    _Box | _Discrete | _MultiDiscrete | _MultiBinary | _Dict | _Tuple, Field(discriminator="kind")
]
"""A space as it stands in a network file; ``space`` makes it."""
for kind in (_Dict, _Tuple):
    kind.model_rebuild()


def made_space(document: SpaceDocument | None, where: str) -> spaces.Space[Any] | None:
    """The space that a document describes, None if there is none.

    Args:
        document: the space.
        where: its key, for the message.

    Raises:
        BadInput: Gymnasium refuses it.
    """
    try:
        with np.errstate(all="raise"):  # bounds that the type cannot hold
            return None if document is None else document.space()
    except (ValueError, TypeError, AssertionError, ArithmeticError) as error:
        raise BadInput(f"{where}: {described(error)}") from None


def space_document(space: spaces.Space[Any]) -> dict[str, Any]:
    """A space as plain JSON values.

    Raises:
        BadInput: a space that networks cannot meet.
    """
    kind = {"kind": type(space).__name__}
    if isinstance(space, spaces.Box):
        low, high = space.low, space.high
        if low.size > LARGEST:  # of an image, whose bounds only scale it
            low, high = low.min(keepdims=True), high.max(keepdims=True)
        bounds = {"low": _listed(low), "high": _listed(high)}
        return {"kind": "Box", "shape": list(space.shape), "dtype": space.dtype.name, **bounds}
    if isinstance(space, spaces.Discrete):
        return {"kind": "Discrete", "n": int(space.n), "start": int(space.start)}
    if isinstance(space, spaces.MultiDiscrete):
        counts = {"nvec": space.nvec.ravel().tolist(), "start": space.start.ravel().tolist()}
        return {
            "kind": "MultiDiscrete",
            "shape": list(space.shape),
            "dtype": np.dtype(space.dtype).name,
            **counts,
        }
    if isinstance(space, spaces.MultiBinary):
        return {
            "kind": "MultiBinary",
            "n": int(space.n) if isinstance(space.n, int) else list(map(int, space.n)),
        }
    if isinstance(space, spaces.Dict):
        return {"kind": "Dict", "parts": {key: space_document(part) for key, part in space.items()}}
    if isinstance(space, spaces.Tuple):
        return {"kind": "Tuple", "parts": [space_document(part) for part in space]}
    raise BadInput(f"a space of the kind {kind} cannot be written")


def _listed(bounds: NDArray[Any]) -> Bound | list[Bound]:
    values = [value if math.isfinite(value) else None for value in bounds.ravel().tolist()]
    return values[0] if values and len(set(values)) == 1 else values


def _bounds(given: Bound | list[Bound], missing: float, box: _Box) -> NDArray[Any]:
    values = given if isinstance(given, list) else [given] * math.prod(box.shape)
    numbers = np.array([missing if value is None else value for value in values])
    return numbers.reshape(box.shape).astype(box.dtype)
