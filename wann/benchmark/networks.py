"""Networks with an exact number of connections, grown as a search grows them, all on a path."""

from __future__ import annotations

import numpy as np

from ..genome import MutationSettings, first_population, mutate
from ..network import Network, compile_population, on_paths

__all__ = ["grow", "trimmed"]

_TRIALS = 100_000


def grow(connections: int, seed: int, inputs: int = 5, outputs: int = 1) -> Network:
    """A network with this number of connections, all of them on a path from bias or inputs to outputs.

    It starts without hidden nodes and mutates as in the published presets; a mutation that would exceed
    the number is redrawn. The same seed gives the same network.

    Raises:
        ValueError: fewer than one connection, or no sequence of mutations reaches the number.
    """
    if connections < 1:
        raise ValueError(f"a network of {connections} connections cannot be grown")
    rng = np.random.default_rng(seed)
    population = first_population(inputs, outputs, 1, 0.5, rng)
    while population.connections[0] > connections:
        population = first_population(inputs, outputs, 1, 0.5, rng)
    settings, parent = MutationSettings(), np.zeros(1, np.int64)
    newest = population.newest_node
    for trial in range(_TRIALS):
        effective = int(compile_population(population).effective_connections[0])
        if effective == connections:
            return trimmed(Network.of_genome(population, 0))
        child, newest = mutate(population, parent, settings, newest, seed, trial)
        if compile_population(child).effective_connections[0] <= connections:
            population = child
    raise ValueError(f"no network of {connections} connections within {_TRIALS} mutations")


def trimmed(network: Network) -> Network:
    """The network without nodes and connections that are on no path from bias or input to an output."""
    live, effective = on_paths(network)
    first = 1 + network.inputs
    live[: first + network.outputs] = True
    index = np.cumsum(live) - 1
    return Network(
        network.inputs,
        network.outputs,
        network.activation[live[first:]],
        index[network.source[effective]],
        index[network.target[effective]],
    )
