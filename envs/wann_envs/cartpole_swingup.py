"""The cart-pole swing-up task as a Gymnasium environment, and its dynamics for fused rollouts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar, Final

import gymnasium
import numpy as np
from gymnasium import logger, spaces
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

from .fused import FusedDynamics
from .rendering import SwingUpPicture
from .swingup_dynamics import STATE, Physics, observe_once, rollout, step_once

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CartPoleSwingUpEnv", "SwingUpDynamics"]

_HANGING: Final = np.array([0.0, 0.0, math.pi, 0.0])
_SPREAD: Final = 0.2
_OBSERVATION: Final = 5
_FASTEST: Final = 1000.0  # m/s and rad/s: no episode comes near; an infinite bound is no bound
_CONSTANTS: Final = tuple(name for name in Physics._fields if name != "step")
_MAY_BE_ZERO: Final = ("gravity", "friction")


def _start(random: np.random.Generator) -> NDArray[np.float32]:
    return (_HANGING + _SPREAD * random.standard_normal(STATE)).astype(np.float32)


def _constant(name: str, value: object) -> np.float32:
    with np.errstate(over="ignore", under="ignore"):
        number = np.float32(value) if isinstance(value, Real) else np.float32(np.nan)
    # As float32, since that is what the kernels compute with: 1e-60 is zero to them.
    if not np.isfinite(number) or number < 0 or (number == 0 and name not in _MAY_BE_ZERO):
        wanted = "zero or a positive number" if name in _MAY_BE_ZERO else "a positive number"
        raise ValueError(f"{name} is {value!r}; it must be {wanted}, finite in float32")
    return number


def _physics(step_seconds: float, constants: Mapping[str, float]) -> Physics:
    for name in constants:
        if name not in _CONSTANTS:
            raise ValueError(f"no constant {name!r}; there are {', '.join(_CONSTANTS)}")
    given = {name: _constant(name, value) for name, value in constants.items()}
    return Physics(**given, step=_constant("step_seconds", step_seconds))


@dataclass(frozen=True)
class SwingUpDynamics(FusedDynamics):
    """The swing-up for fused rollouts.

    Attributes:
        physics: constants of the cart-pole.
    """

    physics: Physics
    numbers = STATE
    inputs = _OBSERVATION
    outputs = 1
    kernel = staticmethod(rollout)
    start = staticmethod(_start)


class CartPoleSwingUpEnv(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """Swing a hanging pole up by moving the cart below it, and hold it upright in the middle.

    ## Description

    A cart moves along a track with friction. A rod, fastened to it by a joint without a motor,
    hangs down at first. Equations and constants are those of the weight-agnostic network papers
    (Gaier & Ha, "Weight Agnostic Neural Networks", 2019; after Deisenroth & Rasmussen, "PILCO",
    2011), integrated by explicit Euler in float32. ``wann/CartPoleSwingUpHard-v0`` differs in the
    time between two actions alone: 0.05 s instead of 0.01 s.

    ## Action Space

    A `ndarray` of shape `(1,)`, float32: the force on the cart, from -1 (10 N to the left) to 1
    (10 N to the right). Values beyond are clipped.

    ## Observation Space

    A `ndarray` of shape `(5,)`, float32:

    | Num | Observation                          | Min   | Max  |
    |-----|--------------------------------------|-------|------|
    | 0   | cart position x (m)                  | -4.8  | 4.8  |
    | 1   | cart velocity (m/s)                  | -1000 | 1000 |
    | 2   | cosine of the pole's angle           | -1    | 1    |
    | 3   | sine of the pole's angle             | -1    | 1    |
    | 4   | angular velocity of the pole (rad/s) | -1000 | 1000 |

    The angle is 0 when the pole is upright and grows counterclockwise. The bounds are far beyond
    what occurs; an episode ends at |x| > 2.4.

    ## Rewards

    `(cos(angle) + 1) / 2 * cos(pi / 2 * x / 2.4)` after every step: near 1 for an upright pole in
    the middle, 0 for a hanging one or at the ends of the track.

    ## Starting State

    Position, velocity, angle and angular velocity are drawn from a normal distribution around
    `[0, 0, pi, 0]` with a standard deviation of 0.2.

    ## Episode End

    1. Termination: the cart leaves the track, |x| > 2.4.
    2. Truncation: 1000 steps (200 in the hard variant), by the `TimeLimit` wrapper.

    ## Arguments

    | Parameter      | Default | Description                                                  |
    |----------------|---------|--------------------------------------------------------------|
    | `render_mode`  | `None`  | `"rgb_array"` for frames of 600 x 400 pixels                 |
    | `step_seconds` | `0.01`  | time between two actions (s)                                 |
    | `gravity`      | `9.82`  | m/s^2                                                        |
    | `cart_mass`    | `0.5`   | kg                                                           |
    | `pole_mass`    | `0.5`   | kg                                                           |
    | `pole_length`  | `0.6`   | m                                                            |
    | `friction`     | `0.1`   | of the cart on its track (N s/m)                             |
    | `force`        | `10.0`  | for an action of one (N)                                     |
    | `track`        | `2.4`   | the cart's farthest distance from the middle (m)             |

    `reset(options={"state": [x, velocity, angle, angular_velocity]})` starts from a given state.

    ## Version History

    * v0: first version.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 100}  # noqa: RUF012
    observation_names: ClassVar = ("x", "x velocity", "cos angle", "sin angle", "angular velocity")
    action_names: ClassVar = ("force",)

    def __init__(
        self, render_mode: str | None = None, step_seconds: float = 0.01, **constants: float
    ) -> None:
        modes = type(self).metadata["render_modes"]
        if render_mode is not None and render_mode not in modes:
            raise ValueError(f"render_mode is {render_mode!r}; it must be None or one of {modes}")
        self.physics = _physics(step_seconds, constants)
        self.render_mode = render_mode
        # Videos run at the speed of the world.
        fps = max(1, round(1 / float(self.physics.step)))
        self.metadata = {**type(self).metadata, "render_fps": fps}
        bounds = [2 * self.physics.track, _FASTEST, 1, 1, _FASTEST]
        high = np.array(bounds, np.float32)
        self.observation_space = spaces.Box(-high, high, dtype=np.float32)
        self.action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)
        self.state: NDArray[np.float32] | None = None
        """float32[4]: position (m), velocity (m/s), angle (rad), angular velocity (rad/s)."""
        self._action = np.float32(0)
        self._picture: SwingUpPicture | None = None

    @property
    def dynamics(self) -> SwingUpDynamics:
        """The same physics for fused rollouts: equal to ``reset`` and ``step`` to the bit."""
        return SwingUpDynamics(self.physics)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start an episode.

        Args:
            seed: of the random numbers; None goes on with the present ones.
            options: ``{"state": ...}``, four finite numbers, starts from there.

        Raises:
            ValueError: an option that is not known, or a state that is none.
        """
        super().reset(seed=seed)
        options = options or {}
        unknown = sorted(set(options) - {"state"})
        if unknown:
            raise ValueError(f"no option {unknown[0]!r}; there is 'state'")
        self.state = _given(options["state"]) if "state" in options else _start(self.np_random)
        self._action = np.float32(0)
        return self._observation(self.state), {}

    def step(
        self, action: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Apply a force for one step.

        Raises:
            gymnasium.error.ResetNeeded: before the first ``reset``.
            ValueError: the action does not have the shape (1,).
        """
        if self.state is None:
            raise ResetNeeded("call reset() before step()")
        if np.shape(action) != (1,):
            raise ValueError(f"the action has shape {np.shape(action)}; it must be (1,)")
        self._action = np.float32(action[0])
        reward, terminated = step_once(self.physics, self.state, np.array([self._action]))
        return self._observation(self.state), float(reward), bool(terminated), False, {}

    def render(self) -> NDArray[np.uint8] | None:
        """A frame uint8[400, 600, 3] of the present state, or None without a render mode.

        Raises:
            gymnasium.error.ResetNeeded: before the first ``reset``.
        """
        if self.render_mode is None:
            logger.warn("render() needs a render mode, such as make(..., render_mode='rgb_array')")
            return None
        if self.state is None:
            raise ResetNeeded("call reset() before render()")
        if self._picture is None:
            self._picture = SwingUpPicture(float(self.physics.track), float(self.physics.pole_length))
        x, _, angle, _ = self.state.tolist()
        return self._picture.frame(x, angle, float(self._action))

    @staticmethod
    def _observation(state: NDArray[np.float32]) -> NDArray[np.float32]:
        observation = np.empty(_OBSERVATION, np.float32)
        observe_once(state, observation)
        return observation


def _given(state: object) -> NDArray[np.float32]:
    try:
        numbers = np.array(state, np.float32)
    except (TypeError, ValueError):
        numbers = np.empty(0, np.float32)
    if numbers.shape != (STATE,) or not np.isfinite(numbers).all():
        raise ValueError(f"the state to start from is {state!r}; it must be four finite numbers")
    return numbers
