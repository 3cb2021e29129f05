"""A network as a function from observation to action, for use in any loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..kernels.forward import infer
from .interface import Interface

if TYPE_CHECKING:
    from .network import Network

__all__ = ["Policy"]

_AS_IT_IS: Final = Interface()


@dataclass(frozen=True)
class Policy:
    """A network with weights: ``policy(observation)`` gives its raw outputs.

    Attributes:
        network: the topology.
        weights: float32[1], one value for all connections, or float32[compiled connections].
        shared: whether it is one value for all.
    """

    network: Network
    weights: NDArray[np.float32]
    shared: bool

    @classmethod
    def of(cls, network: Network, weight: float | None = None) -> Policy:
        """A policy with this shared weight, or with the weights that the network carries.

        Raises:
            BadInput: no weight is given and the network carries none.
        """
        if weight is None and network.weights is not None:
            gene = network.batch.program.gene
            return cls(network, network.weights.astype(np.float32)[gene], shared=False)
        shared = network.shared_weight if weight is None else weight
        if shared is None and not network.connections:
            shared = 0.0  # there is nothing to weigh
        if shared is None:
            raise BadInput("the network carries no weights: give a shared weight, such as 1.0")
        return cls(network, np.array([shared], np.float32), shared=True)

    def __call__(self, observation: NDArray[np.floating]) -> NDArray[np.float32]:
        """Outputs for one observation float[inputs], or for rows of them float[rows, inputs].

        With an interface it is the environment's whole observation, from which the network is given
        what it observes.
        """
        rows = np.atleast_2d(np.asarray(observation))
        interface = self.network.interface or _AS_IT_IS
        rows = interface.observed(rows)
        if rows.shape[1] != self.network.inputs:
            raise BadInput(f"{rows.shape[1]} values for a network of {self.network.inputs} inputs")
        actions = np.empty((len(rows), self.network.outputs), np.float32)
        batch = self.network.batch
        program = batch.merged if self.shared else batch.program
        infer(program, 0, self.weights, rows, actions)
        return actions if np.ndim(observation) == 2 else actions[0]
