"""Populations and networks as a search really makes them, for tests of any room."""

from __future__ import annotations

from functools import cache

import numpy as np
from hypothesis import strategies as st

from wann.activations import ACTIVATIONS
from wann.genome import MutationSettings, Population, first_population, mutate
from wann.network import Network

__all__ = ["ALL_CHANGES", "INPUTS", "OUTPUTS", "evolved", "networks", "populations"]

INPUTS, OUTPUTS = 3, 2
ALL_CHANGES = MutationSettings(
    add_node=0.3,
    disable_connection=0.15,
    duplicate_node=0.15,
    activations=tuple(entry.name for entry in ACTIVATIONS),
)


@cache
def evolved(seed: int, generations: int, size: int = 12) -> Population:
    """Genomes after some generations of every kind of change, without selection."""
    rng = np.random.default_rng(seed)
    population = first_population(INPUTS, OUTPUTS, size, 0.6, rng)
    newest = population.newest_node
    for generation in range(generations):
        parents = rng.integers(0, size, size)
        population, newest = mutate(population, parents, ALL_CHANGES, newest, seed, generation)
    return population


populations = st.builds(evolved, st.integers(0, 5), st.sampled_from([0, 1, 5, 20, 60]))


@st.composite
def networks(draw: st.DrawFn, *, weighted: bool | None = None) -> Network:
    """Networks with weights, without, or either."""
    population = draw(populations)
    network = Network.of_genome(population, draw(st.integers(0, len(population) - 1)))
    if draw(st.booleans()) if weighted is None else weighted:
        finite = st.floats(-1e6, 1e6, allow_subnormal=False)
        weights = draw(st.lists(finite, min_size=network.connections, max_size=network.connections))
        shared = draw(st.none() | finite)
        return network.with_weights(np.array(weights, np.float64), shared)
    return network
