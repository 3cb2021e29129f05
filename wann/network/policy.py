"""A network as a policy: from an environment's observations to its actions, for use in any loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..kernels.forward import Program, infer
from ..trust import NOTHING, Trust
from .actions import Actions
from .interface import Interface
from .observations import Observations

if TYPE_CHECKING:
    import gymnasium

    from .network import Network

    AnyEnvironment = gymnasium.Env[Any, Any] | gymnasium.vector.VectorEnv[Any, Any, Any]

__all__ = ["Policy"]


@dataclass(frozen=True, repr=False)
class Policy:
    """A network with weights: ``policy(observation)`` is an action of the environment, as ``act`` gives it.

    Attributes:
        network: the topology.
        weights: float32[1], one value for all connections, or float32[compiled connections].
        shared: whether it is one value for all.
        interface: how it meets the environment.
    """

    network: Network
    weights: NDArray[np.float32]
    shared: bool
    interface: Interface

    @classmethod
    def of(
        cls,
        network: Network,
        weight: float | None = None,
        environment: AnyEnvironment | None = None,
        trust: Trust = NOTHING,
    ) -> Policy:
        """A policy with this shared weight, or with the weights that the network carries.

        Args:
            network: the topology.
            weight: the shared weight.
            environment: which the policy will meet; needed where the network's file has no spaces.
            trust: which modules an encoder may import that the network's file names.

        Raises:
            BadInput: no weight is given and the network carries none, it is no number, or the network does
                not fit the environment.
        """
        interface = (network.interface or Interface()).trusting(trust)
        if environment is not None:
            interface = _met(network, interface, environment)
        if weight is None and network.weights is not None:
            gene = network.batch.program.gene
            return cls(network, network.weights.astype(np.float32)[gene], False, interface)  # noqa: FBT003
        shared = network.shared_weight if weight is None else weight
        if shared is None and not network.connections:
            shared = 0.0  # there is nothing to weigh
        if shared is None:
            raise BadInput("the network carries no weights: give a shared weight, such as 1.0")
        try:
            value = np.array([float(shared)], np.float32)
        except (TypeError, ValueError):
            raise BadInput(f"{shared!r} is no number", argument="weight") from None
        return cls(network, value, True, interface)  # noqa: FBT003

    def __repr__(self) -> str:
        weight = f"shared weight {self.weights[0]:g}" if self.shared else f"{self.weights.size} weights"
        return f"Policy({self.network.task or 'no task'}, {weight})"

    def __call__(self, observation: Any) -> Any:
        """The action for an observation; see ``act``."""
        return self.act(observation)

    def act(self, observation: Any) -> Any:
        """The action for an observation of the environment, or the actions for a batch of them.

        Args:
            observation: an element of the environment's observation space, or a batch of them as vectorised
                environments return it: an array with one more axis in front, or a Dict or Tuple of such.

        Returns:
            An element of the action space (``numpy.int64`` for Discrete), or an array [batch, ...] of them.

        Raises:
            BadInput: an observation outside the space, or the spaces are not known.
        """
        read, actions = self._spaces
        rows, alone = read(observation)
        chosen = actions.of_outputs(self._raw(rows))
        return chosen[0] if alone else chosen

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = True,  # noqa: FBT001, FBT002 - the signature of stable-baselines3
    ) -> tuple[Any, Any]:
        """The action and the state, as ``predict`` of stable-baselines3 returns them.

        Args:
            observation: one, or a batch of them; see ``act``.
            state: what the last call returned; None at first. It counts for how many steps an action is still
                to be repeated: the network itself has no memory.
            episode_start: whether an episode begins with an observation, bool or bool[batch].
            deterministic: ignored: the policy always is.
        """
        del deterministic
        if self.frame_skip == 1:
            return self.act(observation), state
        read, actions = self._spaces
        rows, alone = read(observation)
        chosen = actions.of_outputs(self._raw(rows))
        before, left = (chosen, np.zeros(len(rows), int)) if state is None else state
        due = (left == 0) | (False if episode_start is None else np.atleast_1d(episode_start))
        chosen = np.where(due.reshape(-1, *[1] * (chosen.ndim - 1)), chosen, before)
        left = np.where(due, self.frame_skip, left) - 1
        return (chosen[0] if alone else chosen), (chosen, left)

    @property
    def frame_skip(self) -> int:
        """Steps of the environment for which each action is to be repeated."""
        return self.interface.frame_skip

    def outputs(self, observation: NDArray[np.floating]) -> NDArray[np.float32]:
        """Raw outputs of the network, float32[outputs] or float32[rows, outputs], which are no actions.

        Args:
            observation: the numbers of one observation float[numbers], or of several float[rows, numbers];
                those of other spaces than Box are flattened as ``gymnasium.spaces.flatten`` does.

        Raises:
            BadInput: another number of values than the network reads.
        """
        rows = np.atleast_2d(np.asarray(observation))
        raw = self._raw(rows)
        return raw if np.ndim(observation) == 2 else raw[0]

    def check(self, environment: AnyEnvironment) -> None:
        """Check that an environment, or a vectorised one, has the spaces that the network was made for.

        Raises:
            BadInput: it has others.
        """
        _met(self.network, self.interface, environment)

    @cached_property
    def _spaces(self) -> tuple[Callable[[Any], tuple[NDArray[Any], bool]], Actions]:
        """How an observation becomes rows of numbers, and how outputs become actions."""
        interface, name = self.interface, self.network.task or "the environment"
        if interface.observation is None or interface.action is None:
            raise BadInput(
                "the network's file has no spaces, so that its outputs cannot become actions: give the "
                "environment, network.policy(weight, environment=environment); policy.outputs(observation) "
                "are the raw outputs"
            )
        return (
            Observations.of(name, interface.observation, interface.encoder).reader(),
            Actions.of(name, interface.action, interface.squash),
        )

    @cached_property
    def _program(self) -> Program:
        batch = self.network.batch
        return batch.merged if self.shared else batch.program

    def _raw(self, rows: NDArray[np.floating]) -> NDArray[np.float32]:
        """Outputs float32[rows, outputs] for observations float[rows, numbers]."""
        observed = self.interface.observed(rows)
        if observed.shape[1] != self.network.inputs:
            raise BadInput(f"{observed.shape[1]} values for a network of {self.network.inputs} inputs")
        raw = np.empty((len(observed), self.network.outputs), np.float32)
        infer(self._program, 0, self.weights, observed, raw)
        return raw


def _met(network: Network, interface: Interface, environment: AnyEnvironment) -> Interface:
    """The interface with the spaces of this environment, which the network must fit."""
    name = environment.spec.id if environment.spec else type(environment.unwrapped).__name__
    # Vectorised environments have both; of a single one they have these.
    observation = getattr(environment, "single_observation_space", environment.observation_space)
    action = getattr(environment, "single_action_space", environment.action_space)
    interface, observations, actions = interface.met(name, observation, action)
    inputs = len(interface.observe) or observations.inputs
    if (inputs, actions.outputs) != (network.inputs, network.outputs):
        raise BadInput(
            f"the network has {network.inputs} inputs and {network.outputs} outputs, "
            f"but {name} needs {inputs} and {actions.outputs}"
        )
    return interface
