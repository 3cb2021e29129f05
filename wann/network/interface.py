"""How a network meets an environment where that is not simply as the environment defines it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput

__all__ = ["Interface", "Squash"]

_FARTHEST: Final = 10.0  # stds from the mean, beyond which a normalised observation is clipped
_LEAST: Final = 1e-6

Squash = Literal["scale", "clip", "tanh"]


@dataclass(frozen=True)
class Interface:
    """How observations reach a network, and its outputs an environment; part of a champion.

    Attributes:
        observe: indices of the numbers of an observation that the network reads; empty: all of them.
        mean: of each of those; empty: they are not normalised.
        std: the standard std of each of those; what does not vary is only shifted.
        squash: how an output becomes a number of the action; None: as the environment defines it; ``scale``
            clips it to [-1, 1] and maps that to the bounds, ``clip`` clips it to the bounds, ``tanh``
            maps its tanh to the bounds.

    Raises:
        BadInput: means and stds do not fit each other or what is observed.
    """

    observe: tuple[int, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    squash: Squash | None = None

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.std) or (
            self.observe and self.mean and len(self.mean) != len(self.observe)
        ):
            raise BadInput(
                f"interface: {len(self.mean)} means and {len(self.std)} stds for "
                f"{len(self.observe) or 'all'} observed numbers"
            )
        if any(index < 0 for index in self.observe) or any(value < 0 for value in self.std):
            raise BadInput("interface: indices and stds must not be negative")

    def observed(self, observations: NDArray[np.floating]) -> NDArray[np.float32]:
        """What networks are given of observations float[rows, numbers]: float32[rows, inputs].

        Raises:
            BadInput: an index beyond the numbers of the observations, or another number of means.
        """
        if self.observe:
            if max(self.observe) >= observations.shape[1]:
                raise BadInput(
                    f"number {max(self.observe)} of an observation of {observations.shape[1]} "
                    "is to be observed, counted from 0"
                )
            observations = observations[:, self.observe]
        if self.mean:
            if observations.shape[1] != len(self.mean):
                raise BadInput(f"{observations.shape[1]} observed numbers for {len(self.mean)} means")
            shifted = np.asarray(observations, np.float64) - np.array(self.mean)
            std = np.array(self.std)
            scaled = shifted / np.where(std > _LEAST, std, 1.0)
            observations = np.clip(scaled, -_FARTHEST, _FARTHEST)
        return np.ascontiguousarray(observations, np.float32)
