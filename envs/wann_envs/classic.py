"""Gymnasium's classic control environments, as dynamics for fused rollouts.

Each does what Gymnasium's own does, in float32: the same first states, equations, rewards and ends of
episodes, with the arguments that its id has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from . import (
    acrobot_dynamics,
    cartpole_dynamics,
    mountain_car_continuous_dynamics,
    mountain_car_dynamics,
    pendulum_dynamics,
)
from .fused import FusedDynamics

__all__ = [
    "ACROBOT",
    "CARTPOLE",
    "MOUNTAIN_CAR",
    "MOUNTAIN_CAR_CONTINUOUS",
    "PENDULUM",
    "AcrobotDynamics",
    "CartPoleDynamics",
    "MountainCarContinuousDynamics",
    "MountainCarDynamics",
    "PendulumDynamics",
]


@dataclass(frozen=True)
class CartPoleDynamics(FusedDynamics):
    """Balance a pole on a cart: a point for every step until it falls or the track ends."""

    physics: cartpole_dynamics.Physics
    numbers = cartpole_dynamics.STATE
    inputs = 4
    outputs = 2
    kernel = staticmethod(cartpole_dynamics.rollout)

    @staticmethod
    def start(random: np.random.Generator) -> NDArray[np.floating]:
        """All four numbers are small."""
        return random.uniform(-0.05, 0.05, (4,))


@dataclass(frozen=True)
class AcrobotDynamics(FusedDynamics):
    """Swing the tip of two links up, by a motor between them: a point lost for every step until then."""

    physics: acrobot_dynamics.Physics
    numbers = acrobot_dynamics.STATE
    inputs = 6
    outputs = 3
    kernel = staticmethod(acrobot_dynamics.rollout)

    @staticmethod
    def start(random: np.random.Generator) -> NDArray[np.floating]:
        """Hanging, almost at rest."""
        return random.uniform(-0.1, 0.1, (4,))


@dataclass(frozen=True)
class MountainCarDynamics(FusedDynamics):
    """Rock a weak car up a hill: a point lost for every step until it is there."""

    physics: mountain_car_dynamics.Physics
    numbers = mountain_car_dynamics.STATE
    inputs = 2
    outputs = 3
    kernel = staticmethod(mountain_car_dynamics.rollout)

    @staticmethod
    def start(random: np.random.Generator) -> NDArray[np.floating]:
        """At rest in the valley."""
        return np.array([random.uniform(-0.6, -0.4), 0])


@dataclass(frozen=True)
class MountainCarContinuousDynamics(MountainCarDynamics):
    """The same with a throttle: 100 points at the goal, less what it takes to get there."""

    outputs = 1
    kernel = staticmethod(mountain_car_continuous_dynamics.rollout)


@dataclass(frozen=True)
class PendulumDynamics(FusedDynamics):
    """Swing a pendulum up and hold it there: all that is not upright, at rest and free costs."""

    physics: pendulum_dynamics.Physics
    numbers = pendulum_dynamics.STATE
    inputs = 3
    outputs = 1
    kernel = staticmethod(pendulum_dynamics.rollout)

    @staticmethod
    def start(random: np.random.Generator) -> NDArray[np.floating]:
        """At any angle, with up to 1 rad/s."""
        high = np.array([np.pi, 1.0])
        return random.uniform(-high, high)


CARTPOLE: Final = CartPoleDynamics(cartpole_dynamics.Physics())
ACROBOT: Final = AcrobotDynamics(acrobot_dynamics.Physics())
MOUNTAIN_CAR: Final = MountainCarDynamics(mountain_car_dynamics.Physics())
MOUNTAIN_CAR_CONTINUOUS: Final = MountainCarContinuousDynamics(mountain_car_continuous_dynamics.PHYSICS)
PENDULUM: Final = PendulumDynamics(pendulum_dynamics.Physics())
