"""How the raw outputs of a network become an environment's actions, by Gymnasium's spaces."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..errors import BadInput
from .observations import within

__all__ = ["Actions", "Squash"]

Squash = Literal["scale", "clip", "tanh"]

_ONE: Final = np.ones(1, np.float32)  # faster than a scalar
_MINUS_ONE: Final = -_ONE
_LARGE: Final = 1e30  # half a distance, beyond which sums may exceed float32


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
                within("actions", name, math.prod(space.shape)),
                squash or ("scale" if bounded else "clip"),
            )
        if squash is not None:
            raise BadInput(f"task.squash: the actions of {name} are {space}; it is for those of a Box")
        if isinstance(space, spaces.Discrete):
            return cls(space, within("actions", name, int(space.n)), None)
        if isinstance(space, spaces.MultiDiscrete):
            return cls(space, within("actions", name, int(space.nvec.sum())), None)
        if isinstance(space, spaces.MultiBinary):
            return cls(space, within("actions", name, math.prod(space.shape)), None)
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
