"""Networks of an exact size to measure with: grown as a search grows them, without dead parts."""

from __future__ import annotations

import networkx as nx
import numpy as np

from ..genome import MutationSettings, first_population, mutate
from ..network import Network, compile_population

__all__ = ["grow", "trimmed"]

_TRIALS = 100_000


def grow(connections: int, seed: int, inputs: int = 5, outputs: int = 1) -> Network:
    """A network of so many connections, all of them on a path from bias or inputs to outputs.

    It begins without hidden nodes and mutates as in the published presets; a mutation that would
    overshoot is drawn again. The same seed gives the same network.

    Raises:
        ValueError: fewer than one connection, or no chain of mutations leads to that size.
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
    """The network without what no input reaches or no output sees."""
    graph, fixed = network.graph(), 1 + network.inputs
    outputs = range(fixed, fixed + network.outputs)
    fed = set(range(fixed)).union(*(nx.descendants(graph, node) for node in range(fixed)))
    seen = set(outputs).union(*(nx.ancestors(graph, node) for node in outputs))
    kept = [node for node in range(network.size) if node < outputs.stop or node in fed & seen]
    place = {node: index for index, node in enumerate(kept)}
    edges = [
        (place[source], place[target]) for source, target in graph.edges if source in fed and target in seen
    ]
    ends = np.array(edges, np.int64).reshape(-1, 2)
    return Network(
        network.inputs,
        network.outputs,
        network.activation[np.array(kept[fixed:]) - fixed],
        ends[:, 0],
        ends[:, 1],
    )
