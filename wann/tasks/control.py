"""Gymnasium environments as tasks: whole rollouts inside one kernel where dynamics are offered."""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any, Protocol

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..errors import BadInput
from ..kernels.forward import Program
from ..kernels.lanes import LANES
from .datasets import DATA_SETS
from .settings import TaskSettings
from .task import Outcome, Trial

__all__ = ["ControlTask", "Dynamics", "make_control", "registered_environments"]


class Dynamics(Protocol):
    """An environment as numba functions over lanes, offered as ``env.unwrapped.dynamics``."""

    def starts(self, seeds: NDArray[np.int64]) -> NDArray[np.float32]:
        """The states float32[episodes, numbers] that ``reset`` gives for these seeds."""

    def rollout(
        self,
        limit: int,
        program: Program,
        weights: NDArray[np.float32],
        starts: NDArray[np.float32],
        begin: int,
        end: int,
        returns: NDArray[np.float64],
        lengths: NDArray[np.int32],
    ) -> None:
        """Play units [begin, end) of ``networks * ceil(lanes / LANES)``.

        Lane k of every network plays from ``starts[k]`` with ``weights[k]``: float32[lanes, 1]
        shared values, or float32[lanes, connections of the batch]. Sums of rewards and numbers of
        steps go to ``returns`` and ``lengths`` [networks, lanes].
        """


@dataclass(frozen=True)
class ControlTask:
    """An environment whose dynamics run inside the kernel."""

    id: str
    inputs: int
    outputs: int
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    episode_limit: int
    threshold: float | None
    dynamics: Dynamics

    def selection(self, seeds: NDArray[np.int64]) -> Trial:
        """Episodes of their own."""
        return Trial(seeds)

    def job(self, program: Program, weights: NDArray[np.float64], trial: Trial) -> RolloutJob:
        """Units of one network and one tile of lanes each; see ``Task.job``."""
        starts = self.dynamics.starts(trial.seeds)
        outcome = Outcome.blank(program.networks, len(weights), trial)
        # Without connections any value will do.
        table = (weights if weights.size else np.ones(len(weights))).astype(np.float32)
        table = table[:, None] if table.ndim == 1 else table
        if not trial.paired:
            starts = np.tile(starts, (len(table), 1))
            table = np.repeat(table, len(trial.seeds), axis=0)
        return RolloutJob(self, program, np.ascontiguousarray(table), starts, outcome)


@dataclass(frozen=True)
class RolloutJob:
    """Units of one network and one tile of lanes each."""

    task: ControlTask
    program: Program
    weights: NDArray[np.float32]
    starts: NDArray[np.float32]
    outcome: Outcome

    @property
    def units(self) -> int:
        """How many there are."""
        return len(self.outcome.returns) * -(-len(self.starts) // LANES)

    def run(self, begin: int, end: int) -> None:
        """Compute units [begin, end)."""
        lanes = len(self.starts)
        self.task.dynamics.rollout(
            self.task.episode_limit,
            self.program,
            self.weights,
            self.starts,
            begin,
            end,
            self.outcome.returns.reshape(-1, lanes),
            self.outcome.steps.reshape(-1, lanes),
        )


def _load_environments() -> None:
    """Import the modules that offer environments, ours and anybody's; the import registers them."""
    for entry in entry_points(group="wann.environments"):
        try:
            entry.load()
        except Exception as error:  # noqa: BLE001 - anybody's code, failing in any way
            raise BadInput(
                f"the package {entry.value!r}, which offers environments, cannot be imported "
                f"({_first_line(error)}); mend or uninstall it"
            ) from None


def registered_environments() -> list[str]:
    """Ids of the environments that come with dynamics of their own."""
    _load_environments()
    return sorted(name for name, spec in gymnasium.registry.items() if spec.namespace == "wann")


def make_control(settings: TaskSettings) -> ControlTask:
    """Find an environment by its id.

    Raises:
        BadInput: there is no such environment, it needs something that is not installed, its
            observations or actions are not of a kind that networks can take, or a setting is for images.
    """
    for name in ("images", "data", "memory"):
        if getattr(settings, name) is not None:
            raise BadInput(f"task.{name}: {settings.id} is no set of images")
    if settings.temperatures != (1.0,):
        raise BadInput(f"task.temperatures: {settings.id} is no set of images")
    environment = _make(settings.id)
    try:
        observation, action = environment.observation_space, environment.action_space
        inputs = _vector(settings.id, "observation", observation)
        outputs = _vector(settings.id, "action", action)
        base: Any = environment.unwrapped
        dynamics = getattr(base, "dynamics", None)
        if dynamics is None:
            raise BadInput(
                f"task.id: {settings.id} offers no dynamics for fused rollouts; "
                f"these do: {', '.join(registered_environments())}"
            )
        own = environment.spec.max_episode_steps if environment.spec else None
        limit = settings.episode_limit or own
        if limit is None:
            raise BadInput(f"task.episode_limit: {settings.id} has no limit of its own; give one")
        return ControlTask(
            settings.id,
            inputs,
            outputs,
            _names(getattr(base, "observation_names", None), "input", inputs),
            _names(getattr(base, "action_names", None), "output", outputs),
            limit,
            environment.spec.reward_threshold if environment.spec else None,
            dynamics,
        )
    finally:
        environment.close()


def _make(name: str) -> gymnasium.Env[Any, Any]:
    _load_environments()
    try:
        with warnings.catch_warnings():  # of newer versions, and of what its checker would like better
            warnings.simplefilter("ignore")
            return gymnasium.make(name)
    except gymnasium.error.DependencyNotInstalled as error:
        raise BadInput(f"task.id: {name} needs a package that is missing ({error})") from None
    except (gymnasium.error.Error, ImportError, ValueError, TypeError, AttributeError) as error:
        near = difflib.get_close_matches(name, [*DATA_SETS, *gymnasium.registry], 1, 0.4)
        hint = f"did you mean {near[0]}?" if near else "`wann tasks` lists what there is"
        raise BadInput(f"task.id: no environment {name!r} ({_first_line(error)}); {hint}") from None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def _vector(name: str, what: str, space: spaces.Space[Any]) -> int:
    if isinstance(space, spaces.Box) and len(space.shape) == 1:
        return int(space.shape[0])
    raise BadInput(
        f"task.id: the {what} space of {name} is {space}; "
        "accepted is a Box of one dimension, that is a vector of numbers"
    )


def _names(given: Sequence[str] | None, kind: str, count: int) -> tuple[str, ...]:
    return tuple(given) if given else tuple(f"{kind} {index + 1}" for index in range(count))
