"""Networks to draw, grown as evolution grows them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from wann.activations import ACTIVATIONS
from wann.network import Network

Grow = Callable[..., Network]


@pytest.fixture(scope="session")
def grow() -> Grow:
    return grown


def grown(
    connections: int, inputs: int = 5, outputs: int = 1, seed: int = 0, *, hidden: float = 0.15
) -> Network:
    """A random network of exactly so many connections; ``hidden`` of the changes are splits."""
    rng = np.random.default_rng(seed)
    fixed, first = 1 + inputs, 1 + inputs + outputs
    pairs = [(source, target) for source in range(fixed) for target in range(fixed, first)]
    start = min(len(pairs), (connections + 1) // 2)
    edges = {pairs[place] for place in rng.choice(len(pairs), start, replace=False).tolist()}
    depth = [0.0] * fixed + [1.0] * outputs
    while len(edges) < connections:
        if rng.random() < hidden:
            source, target = sorted(edges)[rng.integers(len(edges))]
            edges ^= {(source, target), (source, len(depth)), (len(depth), target)}
            depth.append((depth[source] + depth[target]) / 2)
            continue
        source, target = (int(node) for node in rng.integers(len(depth), size=2))
        if target >= fixed and depth[source] < depth[target]:
            edges.add((source, target))
    return _network(inputs, outputs, len(depth) - first, sorted(edges), rng)


def _network(
    inputs: int, outputs: int, hidden: int, edges: list[tuple[int, int]], rng: np.random.Generator
) -> Network:
    activation = np.ones(outputs + hidden, np.int8)
    activation[outputs:] = rng.integers(1, len(ACTIVATIONS), hidden)
    ends = np.array(edges, np.int64).reshape(-1, 2)
    return Network(inputs, outputs, activation, ends[:, 0], ends[:, 1])
