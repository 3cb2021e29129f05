"""Networks to draw, grown as evolution grows them."""

from __future__ import annotations

import numpy as np

from wann.activations import ACTIVATIONS
from wann.network import Network


def grown(connections: int, inputs: int = 5, outputs: int = 1, seed: int = 0, *, hidden: float = 0.3) -> Network:
    """A random network of exactly so many connections: splits and additions, as in the paper.

    ``hidden`` is the share of changes that split a connection.
    """
    rng = np.random.default_rng(seed)
    fixed = 1 + inputs
    first = fixed + outputs
    pairs = [(source, target) for source in range(fixed) for target in range(fixed, first)]
    start = min(len(pairs), max(1, connections // 2))
    chosen = rng.choice(len(pairs), start, replace=False)
    edges = {pairs[place] for place in chosen.tolist()}
    depth = dict.fromkeys(range(fixed), 0.0) | dict.fromkeys(range(fixed, first), 1.0)
    size = first
    while len(edges) < connections:
        if rng.random() < hidden:
            source, target = sorted(edges)[rng.integers(len(edges))]
            edges ^= {(source, target), (source, size), (size, target)}
            depth[size] = (depth[source] + depth[target]) / 2
            size += 1
            continue
        source, target = (int(node) for node in rng.integers(size, size=2))
        if target >= fixed and depth[source] < depth[target] and not fixed <= source < first:
            edges.add((source, target))
    return _network(inputs, outputs, size, sorted(edges), rng)


def _network(
    inputs: int, outputs: int, size: int, edges: list[tuple[int, int]], rng: np.random.Generator
) -> Network:
    hidden = size - 1 - inputs - outputs
    activation = np.ones(outputs + hidden, np.int8)
    activation[outputs:] = rng.integers(1, len(ACTIVATIONS), hidden)
    ends = np.array(edges, np.int64).reshape(-1, 2)
    return Network(inputs, outputs, activation, ends[:, 0], ends[:, 1])
