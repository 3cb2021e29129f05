"""The published implementation, for comparison: dense matrices in numpy, one episode at a time.

A network is a matrix over all nodes, and each node costs one matrix-vector product in each step
(as in the published code of Gaier & Ha 2019). Slow, obvious and in float64 throughout: it shares
nothing with the kernels, so that tests compare them with it too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from ..network import Network

__all__ = ["DenseNetwork", "SwingUp", "play"]

FloatArray = NDArray[np.float64]

_ACTIVATIONS: Final[dict[int, Callable[[Any], Any]]] = {
    1: lambda x: x,
    2: lambda x: 1.0 * (x > 0.0),
    3: lambda x: np.sin(np.pi * x),
    4: lambda x: np.exp(-x * x / 2.0),
    5: np.tanh,
    6: lambda x: (np.tanh(x / 2.0) + 1.0) / 2.0,
    7: lambda x: -x,
    8: np.abs,
    9: lambda x: np.maximum(x, 0.0),
    10: lambda x: np.cos(np.pi * x),
    11: lambda x: x * x,
}


@dataclass(frozen=True)
class DenseNetwork:
    """A network as a weight matrix over bias, inputs, hidden nodes in topological order, outputs.

    Attributes:
        inputs: number of inputs, without the bias.
        outputs: number of outputs.
        activation: activation ids of hidden nodes and outputs, in the order of the matrix.
        matrix: float64[nodes, nodes], the weight from row to column; zero where there is no connection.
    """

    inputs: int
    outputs: int
    activation: tuple[int, ...]
    matrix: FloatArray

    @classmethod
    def of(cls, network: Network, weight: float | None = None) -> DenseNetwork:
        """The network with one shared weight, or with its own weights.

        Raises:
            ValueError: no weight is given, and the network has none.
        """
        fixed = 1 + network.inputs
        hidden = [node for node in nx.topological_sort(network.graph()) if node >= fixed + network.outputs]
        order = [*range(fixed), *hidden, *range(fixed, fixed + network.outputs)]
        index_of = {node: index for index, node in enumerate(order)}
        weights = network.weights if weight is None else np.full(network.connections, weight)
        if weights is None:
            raise ValueError("the network has no weights of its own; give a shared weight")
        matrix = np.zeros((len(order), len(order)))
        for source, target, value in zip(network.source, network.target, weights, strict=True):
            matrix[index_of[int(source)], index_of[int(target)]] = value
        activation = tuple(int(network.activation[node - fixed]) for node in order[fixed:])
        return cls(network.inputs, network.outputs, activation, matrix)

    def __call__(self, observations: FloatArray) -> FloatArray:
        """Outputs float64[rows, outputs] for observations float64[rows, inputs]."""
        values = np.zeros((len(observations), len(self.matrix)))
        values[:, 0] = 1.0
        values[:, 1 : 1 + self.inputs] = observations
        for node, activation in enumerate(self.activation, start=1 + self.inputs):
            # Scalars for a single row: numpy is several times faster with them.
            total = np.dot(values, self.matrix[:, node]).squeeze()
            values[:, node] = _ACTIVATIONS[activation](total)
        return values[:, -self.outputs :]


class SwingUp:
    """The published cart-pole swing-up in float64 (equations: Gaier & Ha 2019; PILCO 2011).

    Attributes:
        state: float64[4], position (m), velocity (m/s), angle (rad, 0 upright), its velocity.
        track: m, largest distance of the cart from the centre.
    """

    gravity: Final = 9.82
    cart: Final = 0.5
    pole: Final = 0.5
    length: Final = 0.6
    friction: Final = 0.1
    force: Final = 10.0
    seconds: Final = 0.01

    def __init__(self, state: FloatArray, track: float = 2.4) -> None:
        self.state = np.array(state, np.float64)
        self.track = track

    def observation(self) -> FloatArray:
        """Observation float64[5]: position, velocity, cosine and sine of the angle, angular velocity."""
        x, velocity, angle, spin = self.state
        return np.array([x, velocity, np.cos(angle), np.sin(angle), spin])

    def step(self, action: float) -> tuple[FloatArray, float, bool]:
        """Observation, reward, and whether the cart left the track, after one explicit Euler step."""
        x, velocity, angle, spin = self.state
        sine, cosine = np.sin(angle), np.cos(angle)
        m, length, total = self.pole, self.length, self.cart + self.pole
        push = self.force * np.clip(action, -1.0, 1.0) - self.friction * velocity
        acceleration = (
            -2.0 * m * length * spin**2 * sine + 3.0 * m * self.gravity * sine * cosine + 4.0 * push
        ) / (4.0 * total - 3.0 * m * cosine**2)
        torque = (
            -3.0 * m * length * spin**2 * sine * cosine
            + 6.0 * total * self.gravity * sine
            + 6.0 * push * cosine
        ) / (4.0 * length * total - 3.0 * m * length * cosine**2)
        x = x + velocity * self.seconds
        angle = angle + spin * self.seconds
        velocity = velocity + acceleration * self.seconds
        spin = spin + torque * self.seconds
        self.state = np.array([x, velocity, angle, spin])
        reward = (np.cos(angle) + 1.0) / 2.0 * np.cos(x / self.track * np.pi / 2.0)
        return self.observation(), float(reward), bool(abs(x) > self.track)


def play(network: DenseNetwork, start: FloatArray, limit: int, track: float = 2.4) -> tuple[float, int]:
    """Return and length of one episode from a state float64[4], truncated after ``limit`` steps."""
    environment = SwingUp(start, track)
    observation = environment.observation()
    total = 0.0
    for step in range(limit):
        action = network(observation[None, :])[0, 0]
        observation, reward, left = environment.step(action)
        total += reward
        if left:
            return total, step + 1
    return total, limit
