"""Gymnasium environments as tasks: fused rollouts where dynamics are offered, else stepped."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ...errors import BadInput, TaskWarning
from ...kernels.forward import Program
from ...network import Actions, Interface, Observations
from ...trust import NOTHING, Trust
from ..task import Job, Trial
from .environments import (
    Environment,
    close_environment,
    failure,
    offered_dynamics,
    preserved_process_state,
)
from .fused import Dynamics, FusedJob
from .names import ACTION_NAMES, OBSERVATION_NAMES
from .recipe import Factory, Recipe
from .rendering import EnvironmentRenderer
from .reward import OwnReward, Reward
from .settings import ControlSettings
from .stepper import Stepper
from .stepping import SteppedJob, SteppedWorld, pool_has, pool_is_faster, resets_completely

__all__ = ["ControlTask", "make_control"]

_SAMPLED: Final = 64  # episodes of random actions, from which means and stds are estimated
_SAMPLED_STEPS: Final = 10_000
_LONGEST_NAME: Final = 100


@dataclass(frozen=True)
class ControlTask:
    """An environment together with what networks observe and do in it.

    Attributes:
        id: of the environment.
        inputs: numbers that a network receives.
        outputs: numbers that a network returns.
        input_names: short names for pictures.
        output_names: short names for pictures.
        episode_limit: steps after which an episode is truncated.
        threshold: the return from which on an episode counts as a success; None if undefined.
        world: the environment for stepping it outside kernels.
        dynamics: what computes fused rollouts; None if the environment is stepped.
        settings: what it was made with.
    """

    id: str
    inputs: int
    outputs: int
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    episode_limit: int
    threshold: float | None
    world: SteppedWorld
    dynamics: Dynamics | None
    settings: ControlSettings

    @property
    def data(self) -> None:
        """Environments have no data."""

    @property
    def interface(self) -> Interface:
        """What a network of this task must carry to be used elsewhere."""
        return self.world.interface

    @property
    def stepping(self) -> str:
        """What computes the environment."""
        return "fused" if self.dynamics else self.world.library

    @property
    def resolved(self) -> Mapping[str, Any]:
        """What computes the environment, since episodes differ between libraries."""
        return {"stepping": self.stepping}

    @property
    def holds_interpreter(self) -> bool:
        """Whether jobs step Python environments, so that threads would wait for each other."""
        return self.stepping == "gymnasium"

    @property
    def stepped(self) -> bool:
        """Whether episodes are stepped outside kernels."""
        return self.dynamics is None

    def search(self, seeds: NDArray[np.int64], generation: int) -> Trial:
        """Episodes with these seeds, which may be cut early, or have another reward."""
        return Trial(seeds, rules=self.settings.rules(generation, self.episode_limit))

    def selection(self, seeds: NDArray[np.int64]) -> Trial:
        """Episodes with these seeds."""
        return Trial(seeds)

    def report(self, seeds: NDArray[np.int64]) -> Trial:
        """Episodes with these seeds."""
        return Trial(seeds)

    def renderer(self) -> EnvironmentRenderer:
        """What plays single episodes in Gymnasium's own environment and renders them."""
        world = self.world
        return EnvironmentRenderer(world.recipe, world.observations, world.actions, self.episode_limit)

    def job(self, program: Program, weights: NDArray[np.float64], trial: Trial) -> Job:
        """Units of one network and one tile of lanes, or of one episode each; see ``Task.job``."""
        # Without connections the value does not matter.
        table = (weights if weights.size else np.ones(len(weights))).astype(np.float32)
        table = table[:, None] if table.ndim == 1 else table
        if self.dynamics:
            limit = trial.rules.limit or self.episode_limit
            return FusedJob.of(self.dynamics, limit, program, table, trial)
        return SteppedJob.of(self.world, program, table, trial)


def make_control(
    settings: ControlSettings,
    interface: Interface | None = None,
    trust: Trust = NOTHING,
    factory: Factory | None = None,
    reward: Reward | None = None,
) -> ControlTask:
    """Make the environment of these settings.

    Args:
        settings: which environment, and what networks observe and do in it.
        interface: the interface of a network evolved for it; derived from the settings if None.
        trust: which modules the id, the wrappers and the reward may import.
        factory: what makes the environment instead of Gymnasium.
        reward: the search's own, where the settings name no module's.

    Raises:
        BadInput: there is no such environment, it has other spaces than the interface, a package is
            missing, networks cannot process its observations or actions, it fails at once, or a setting
            does not fit it.
    """
    with preserved_process_state():
        if reward is not None and settings.reward is None:
            raise BadInput("the search has none of its own", argument="reward")
        own = OwnReward.of(settings.reward, trust, reward) if settings.reward is not None else None
        recipe, environment = Recipe.of(settings.id, settings.kwargs, settings.wrappers, trust, factory)
        try:
            task = _task(settings, interface, recipe, environment, own)
            repeatable = task.stepping != "gymnasium" or _repeatable(task.world, environment)
        finally:
            close_environment(environment, settings.id)
    if not repeatable:
        warnings.warn(
            f"task.id: {settings.id} starts a different episode when it is reset with the same seed again: "
            "results cannot be reproduced, and networks are not compared on equal terms",
            TaskWarning,
            stacklevel=2,
        )
    return task


def _task(
    settings: ControlSettings,
    interface: Interface | None,
    recipe: Recipe,
    environment: Environment,
    reward: OwnReward | None,
) -> ControlTask:
    name, spec = settings.id, recipe.spec
    if interface is None:
        interface = Interface(settings.observe or (), squash=settings.squash)
    observations, actions = _spaces(name, environment, interface)
    interface = replace(
        interface,
        observation=observations.space,
        action=actions.space,
        kwargs=settings.kwargs,
        wrappers=settings.wrappers,
    )
    limit = settings.episode_limit or recipe.limit
    if limit is None:
        raise BadInput(
            f"task.episode_limit: {name} has no limit of its own and might never end; give one, such as 1000"
        )
    if settings.first_limit is not None and settings.first_limit >= limit:
        raise BadInput(
            f"task.first_limit: {settings.first_limit}; accepted are fewer steps than the limit of {limit}"
        )
    stepper = Stepper(name, observations)
    first = _first(name, environment, stepper)
    indices = _observed(settings, interface, observations.size, first)
    if settings.normalise and not interface.mean:
        interface = _normalised(interface, environment, stepper, limit)
    stepping, dynamics = _stepping(settings, interface, environment)
    world = SteppedWorld(
        recipe,
        observations,
        actions,
        interface,
        limit,
        settings.terminal_reward,
        reward,
        "envpool" if stepping == "envpool" else "gymnasium",
        resets_completely(environment) if settings.reuse is None else settings.reuse,
        settings.lanes,
    )
    base: Any = environment.unwrapped
    observed = _known(base, "observation", name, OBSERVATION_NAMES) or observations.names
    acted = _known(base, "action", name, ACTION_NAMES)
    threshold = settings.threshold
    if threshold is None and spec is not None:
        threshold = spec.reward_threshold
    return ControlTask(
        name,
        len(indices),
        actions.outputs,
        _names("input", settings.input_names, observed, indices),
        _names("output", settings.output_names, acted, range(actions.outputs)),
        limit,
        threshold,
        world,
        dynamics,
        settings,
    )


def _spaces(name: str, environment: Environment, interface: Interface) -> tuple[Observations, Actions]:
    try:
        observed, acted = environment.observation_space, environment.action_space
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - foreign code, which may fail in any way
        raise failure(name, "its spaces", error) from None
    observations, actions = Observations.of(name, observed), Actions.of(name, acted, interface.squash)
    interface.check(name, observed, acted)
    return observations, actions


def _opening(environment: Environment, stepper: Stepper) -> list[NDArray[np.float64]]:
    """The beginning of the episode with seed 0: two observations and the reward between them."""
    first = np.array(stepper.reset(environment, 0), np.float64)
    environment.action_space.seed(0)
    second, reward, *_ = stepper.step(environment, environment.action_space.sample(), 0)
    return [first, np.array(second, np.float64), np.array([reward])]


def _first(name: str, environment: Environment, stepper: Stepper) -> NDArray[np.float64]:
    """The first observation of an episode, after a trial step that shows failures early."""
    opening = _opening(environment, stepper)
    if not all(np.isfinite(numbers).all() for numbers in opening):
        raise BadInput(f"task.id: {name} returns a number that is not finite in its first step")
    return opening[0]


def _repeatable(world: SteppedWorld, environment: Environment) -> bool:
    """Whether equal seeds give equal episodes, in environments that are reused as lanes would reuse them."""
    if resets_completely(environment):
        return True
    stepper = Stepper(world.recipe.name, world.observations)
    openings = []
    for _ in range(2):
        tried = environment if world.reuse else world.recipe.bare()
        openings.append(_opening(tried, stepper))
        if not world.reuse:
            close_environment(tried, world.recipe.name)
    return all(np.array_equal(one, other, equal_nan=True) for one, other in zip(*openings, strict=True))


def _observed(
    settings: ControlSettings, interface: Interface, size: int, first: NDArray[np.float64]
) -> Sequence[int]:
    indices = interface.observe or range(size)
    if max(indices) >= size:
        raise BadInput(f"task.observe: {max(indices)}; the observations of {settings.id} end at {size - 1}")
    interface.observed(first[None, :])
    return indices


def _normalised(interface: Interface, environment: Environment, stepper: Stepper, limit: int) -> Interface:
    """The interface with means and stds of the observations under random actions."""
    rows: list[NDArray[np.float64]] = []
    environment.action_space.seed(0)
    for seed in range(_SAMPLED):
        observation, over, steps = stepper.reset(environment, seed), False, 0
        while not over and steps < limit and len(rows) < _SAMPLED_STEPS:
            rows.append(np.array(observation, np.float64))
            action = environment.action_space.sample()
            observation, _, terminated, truncated = stepper.step(environment, action, seed)
            over, steps = terminated or truncated, steps + 1
    table = np.array(rows)[:, list(interface.observe) or slice(None)]
    mean, std = table.mean(axis=0).tolist(), table.std(axis=0).tolist()
    return replace(interface, mean=tuple(mean), std=tuple(std))


def _stepping(
    settings: ControlSettings, interface: Interface, environment: Environment
) -> tuple[str, Dynamics | None]:
    """What computes the environment, and its dynamics for fused rollouts."""
    name, wanted = settings.id, settings.stepping
    dynamics = getattr(environment.unwrapped, "dynamics", None)
    if dynamics is None and not settings.kwargs:  # what is offered for an id has the arguments of the id
        dynamics = offered_dynamics().get(name)
    # Kernels implement neither interfaces nor other rewards nor patience nor wrappers.
    plain = (
        interface.direct
        and settings.terminal_reward
        and settings.patience is None
        and settings.reward is None
        and not settings.wrappers
    )
    as_registered = not (settings.kwargs or settings.wrappers)  # EnvPool has none of ours
    if wanted == "fused" or (wanted == "auto" and dynamics is not None and plain):
        if dynamics is None or not plain:
            with_these = " with these keyword arguments" if settings.kwargs else ""
            reason = (
                f"offers no dynamics{with_these}"
                if dynamics is None
                else "cannot be fused with this interface, reward, patience or wrapper"
            )
            others = "auto, envpool, gymnasium" if as_registered else "auto, gymnasium"
            raise BadInput(f"task.stepping: {name} {reason}; accepted are {others}")
        return "fused", dynamics
    if wanted == "envpool" and not as_registered:
        raise BadInput(
            f"task.stepping: EnvPool takes neither keyword arguments nor wrappers for {name}; accepted are "
            "auto, gymnasium"
        )
    boxed = as_registered and isinstance(environment.observation_space, gymnasium.spaces.Box)
    if wanted == "envpool" and not (boxed and pool_has(name)):
        raise BadInput(f"task.stepping: EnvPool has no {name}; accepted are auto, gymnasium")
    if wanted == "envpool" or (wanted == "auto" and boxed and pool_is_faster(name)):
        return "envpool", None
    return "gymnasium", None


def _known(base: Any, kind: str, name: str, table: Mapping[str, Sequence[str]]) -> Sequence[str] | None:
    """Names that the environment itself gives, else those of the table."""
    own: Sequence[str] | None = getattr(base, f"{kind}_names", None)
    return own or table.get(re.sub(r"-v\d+$", "", name))


def _names(
    kind: str, given: Sequence[str] | None, known: Sequence[str] | None, indices: Sequence[int]
) -> tuple[str, ...]:
    if given is not None and len(given) != len(indices):
        raise BadInput(f"task.{kind}_names: {len(given)} names for {len(indices)} {kind}s")
    if given is not None:
        return tuple(given)
    if known is not None and max(indices) < len(known):
        return tuple(str(known[index])[:_LONGEST_NAME] or f"{kind} {index + 1}" for index in indices)
    return tuple(f"{kind} {index + 1}" for index in indices)
