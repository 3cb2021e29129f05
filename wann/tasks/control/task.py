"""Gymnasium environments as tasks: fused rollouts where dynamics are offered, else stepped."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...encoding import ConvolutionalEncoder, made_encoder
from ...errors import BadInput, TaskWarning
from ...kernels.forward import Program
from ...network import Actions, Interface, Observations
from ...trust import NOTHING, Trust
from ..task import Job, Trial
from .choice import chosen_stepping
from .environments import (
    Environment,
    close_environment,
    failure,
    preserved_process_state,
)
from .fused import Dynamics, FusedJob
from .names import input_names, output_names
from .probing import first_observation, normalised, repeatable
from .recipe import Factory, Recipe
from .rendering import EnvironmentRenderer
from .reward import OwnReward, Reward
from .settings import ControlSettings
from .stepper import Stepper
from .stepping import SteppedJob, SteppedWorld, resets_completely

__all__ = ["ControlTask", "make_control"]


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
        """What computes the environment, since episodes differ between libraries, and the encoder kept."""
        encoder = self.interface.encoder
        return {"stepping": self.stepping, **({} if encoder is None else {"encoder": encoder.name})}

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
        return EnvironmentRenderer(
            world.recipe, world.observations, world.actions, self.episode_limit, world.interface.frame_skip
        )

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
    kept: Path | None = None,
) -> ControlTask:
    """Make the environment of these settings.

    Args:
        settings: which environment, and what networks observe and do in it.
        interface: the interface of a network evolved for it; derived from the settings if None.
        trust: which modules the id, the wrappers, the reward and the encoder may import.
        factory: what makes the environment instead of Gymnasium.
        reward: the search's own, where the settings name no module's.
        kept: a run folder, whose copy of the encoder is read.

    Raises:
        BadInput: there is no such environment, it has other spaces than the interface, a package is
            missing, networks cannot process its observations or actions, it fails at once, or a setting
            does not fit it.
    """
    with preserved_process_state():
        if reward is not None and settings.reward is None:
            raise BadInput("the search has none of its own", argument="reward")
        own = OwnReward.of(settings.reward, trust, reward) if settings.reward is not None else None
        interface = interface or _interface(settings, trust, kept)
        recipe, environment = Recipe.of(settings.id, settings.kwargs, settings.wrappers, trust, factory)
        try:
            task = _task(settings, interface, recipe, environment, own)
            same = task.stepping != "gymnasium" or repeatable(task.world, environment)
        finally:
            close_environment(environment, settings.id)
    if not same:
        warnings.warn(
            f"task.id: {settings.id} starts a different episode when it is reset with the same seed again: "
            "results cannot be reproduced, and networks are not compared on equal terms",
            TaskWarning,
            stacklevel=2,
        )
    return task


def _task(
    settings: ControlSettings,
    interface: Interface,
    recipe: Recipe,
    environment: Environment,
    reward: OwnReward | None,
) -> ControlTask:
    name, spec = settings.id, recipe.spec
    interface, observations, actions = _met(name, environment, interface)
    interface = replace(interface, kwargs=settings.kwargs, wrappers=settings.wrappers)
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
    first = first_observation(name, environment, stepper)
    indices = _observed(settings, interface, observations.inputs, first)
    if settings.normalise and not interface.mean:
        interface = normalised(interface, environment, stepper, limit)
    stepping, dynamics = chosen_stepping(settings, interface, environment)
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
    threshold = settings.threshold
    if threshold is None and spec is not None:
        threshold = spec.reward_threshold
    return ControlTask(
        name,
        len(indices),
        actions.outputs,
        input_names(name, base, settings.input_names, observations, indices),
        output_names(name, base, settings.output_names, actions.outputs),
        limit,
        threshold,
        world,
        dynamics,
        settings,
    )


def _interface(settings: ControlSettings, trust: Trust, kept: Path | None) -> Interface:
    encoder = None if settings.encoder is None else made_encoder(settings.encoder, trust, kept)
    return Interface(
        settings.observe or (), squash=settings.squash, encoder=encoder, frame_skip=settings.frame_skip
    )


def _met(
    name: str, environment: Environment, interface: Interface
) -> tuple[Interface, Observations, Actions]:
    try:
        observed, acted = environment.observation_space, environment.action_space
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - foreign code, which may fail in any way
        raise failure(name, "its spaces", error) from None
    encoder = interface.encoder
    if isinstance(encoder, ConvolutionalEncoder) and _unversioned(encoder.task) != _unversioned(name):
        raise BadInput(
            f"task.encoder: it was trained on frames of {encoder.task}, not of {name}; train one with "
            f"`wann encoder train --task {name} -o FILE`"
        )
    return interface.met(name, observed, acted)


def _unversioned(name: str) -> str:
    return re.sub(r"-v\d+$", "", name.rpartition(":")[2])


def _observed(
    settings: ControlSettings, interface: Interface, size: int, first: NDArray[np.float64]
) -> Sequence[int]:
    indices = interface.observe or range(size)
    if max(indices) >= size:
        raise BadInput(f"task.observe: {max(indices)}; the observations of {settings.id} end at {size - 1}")
    interface.observed(first[None, :])
    return indices
