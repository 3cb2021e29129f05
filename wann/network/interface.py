"""How a network meets an environment: its spaces, and whatever lies between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..encoding import Encoder, FunctionEncoder
from ..errors import BadInput
from ..trust import NOTHING, Trust
from .actions import Actions, Squash
from .observations import Observations, numeric_part

__all__ = ["Interface"]

_FARTHEST: Final = 10.0  # stds from the mean, beyond which a normalised observation is clipped
_LEAST: Final = 1e-6


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
        observation: the environment's observation space; None where it was not recorded.
        action: its action space; None where it was not recorded.
        kwargs: keyword arguments of ``gymnasium.make``; plain JSON values.
        wrappers: around the environment, each as ``module:Class``, the innermost first.
        encoder: what makes the numbers that the network reads of images; None without images.
        frame_skip: steps of the environment that each action is repeated for.

    Raises:
        BadInput: means and stds do not fit each other or what is observed.
    """

    observe: tuple[int, ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    squash: Squash | None = None
    observation: spaces.Space[Any] | None = None
    action: spaces.Space[Any] | None = None
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    wrappers: tuple[str, ...] = ()
    encoder: Encoder | None = None
    frame_skip: int = 1

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

    @property
    def direct(self) -> bool:
        """Whether networks read observations as they are, and actions are as the space defines them."""
        return not (self.observe or self.mean or self.squash or self.encoder or self.frame_skip > 1)

    def met(
        self, name: str, observation: spaces.Space[Any], action: spaces.Space[Any]
    ) -> tuple[Interface, Observations, Actions]:
        """The interface with the spaces of an environment, and what they mean for a network.

        Args:
            name: of the environment, for messages.
            observation: its observation space.
            action: its action space.

        Raises:
            BadInput: networks cannot meet them, or they are not those that are recorded here.
        """
        observations = Observations.of(name, observation, self.encoder)
        actions = Actions.of(name, action, self.squash)
        self.check(name, observation, action)
        return replace(self, observation=observations.space, action=action), observations, actions

    def trusting(self, trust: Trust) -> Interface:
        """The interface whose encoder, if it is a function, may be imported from these modules."""
        if not isinstance(self.encoder, FunctionEncoder) or trust == NOTHING:
            return self
        return replace(self, encoder=replace(self.encoder, trust=trust))

    @cached_property
    def _images(self) -> Observations | None:
        if self.encoder is None or self.observation is None:
            return None
        return Observations.of("the environment", self.observation, self.encoder)

    @cached_property
    def _scaling(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        std = np.array(self.std)
        return np.array(self.mean), np.where(std > _LEAST, std, 1.0)

    def encoded(self, observations: NDArray[Any]) -> NDArray[Any]:
        """Observations number[rows, ...] with what the encoder makes of images in their place.

        Raises:
            BadInput: another count of numbers, or the encoder fails.
        """
        return observations if self._images is None else self._images.encoded(observations)

    def observed(self, observations: NDArray[np.floating]) -> NDArray[np.float32]:
        """What networks are given of observations float[rows, numbers]: float32[rows, inputs].

        Raises:
            BadInput: an index beyond the numbers of the observations, another number of means, or an
                encoder that fails.
        """
        observations = self.encoded(observations)
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
            mean, std = self._scaling
            scaled = (np.asarray(observations, np.float64) - mean) / std
            observations = np.minimum(np.maximum(scaled, -_FARTHEST), _FARTHEST)  # faster than clip
        return np.ascontiguousarray(observations, np.float32)

    def check(self, name: str, observation: spaces.Space[Any], action: spaces.Space[Any]) -> None:
        """Check that an environment has the spaces that are recorded here.

        Bounds of observations may differ, since networks do not see them.

        Args:
            name: of the environment, for the message.
            observation: its observation space.
            action: its action space.

        Raises:
            BadInput: it has others.
        """
        if self.encoder is not None:
            observation = numeric_part(observation) or observation
        for kind, known, found, same in (
            ("observations", self.observation, observation, _alike),
            ("actions", self.action, action, lambda one, other: bool(one == other)),
        ):
            if known is not None and not same(known, found):
                raise BadInput(f"the {kind} of {name} are {found}, but the network was made for {known}")


def _alike(one: spaces.Space[Any], other: spaces.Space[Any]) -> bool:
    """Whether two spaces are the same but for the bounds of a Box."""
    if isinstance(one, spaces.Box) and isinstance(other, spaces.Box):
        return one.shape == other.shape
    if isinstance(one, spaces.Dict) and isinstance(other, spaces.Dict):
        # Keys in their order, which is that of the numbers.
        return list(one) == list(other) and all(_alike(one[key], other[key]) for key in one)
    if isinstance(one, spaces.Tuple) and isinstance(other, spaces.Tuple):
        return len(one) == len(other) and all(map(_alike, one, other))
    return bool(one == other)
