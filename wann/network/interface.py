"""What stands between an environment and a network where it is not what the environment says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput

__all__ = ["Interface", "Squash"]

_FARTHEST: Final = 10.0  # deviations from the mean: beyond, a normalised observation is cut
_LEAST: Final = 1e-6

Squash = Literal["scale", "clip", "tanh"]


@dataclass(frozen=True)
class Interface:
    """How observations reach a network, and its outputs an environment; part of a champion.

    Attributes:
        observe: places of the numbers of an observation that the network is given; empty: all.
        mean: of each of those; empty: they are given as they are.
        deviation: of each of those; what does not vary is only shifted.
        squash: how an output becomes a number of the action, None as the environment says: ``scale``
            cuts it at -1 and 1 and maps that to the bounds, ``clip`` cuts it at the bounds, ``tanh``
            maps its tanh to the bounds.

    Raises:
        BadInput: means and deviations do not fit each other or what is observed.
    """

    observe: tuple[int, ...] = ()
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    squash: Squash | None = None

    def __post_init__(self) -> None:
        if len(self.mean) != len(self.deviation) or (
            self.observe and self.mean and len(self.mean) != len(self.observe)
        ):
            raise BadInput(
                f"interface: {len(self.mean)} means and {len(self.deviation)} deviations for "
                f"{len(self.observe) or 'all'} observed numbers"
            )
        if any(place < 0 for place in self.observe) or any(size < 0 for size in self.deviation):
            raise BadInput("interface: places and deviations are not negative")

    def observed(self, observations: NDArray[np.floating]) -> NDArray[np.float32]:
        """What networks are given of observations float[rows, numbers]: float32[rows, inputs].

        Raises:
            BadInput: a place beyond the numbers of the observations, or another number of means.
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
            deviation = np.array(self.deviation)
            scaled = shifted / np.where(deviation > _LEAST, deviation, 1.0)
            observations = np.clip(scaled, -_FARTHEST, _FARTHEST)
        return np.ascontiguousarray(observations, np.float32)
