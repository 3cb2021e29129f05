"""Pruning of evolved networks: connections are removed while the mean return over shared weights holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..assessment import budget_of, midpoints
from ..errors import BadInput
from ..evaluation import BackendSettings, Evaluator, make_evaluator
from ..genome import Population
from ..network import Network, compile_population
from ..streams import Stream, check_seed, episode_seeds
from ..tasks import Factory, Task, Trial, task_for

__all__ = ["Shrunk", "shrink"]

_WEIGHTS: Final = 20  # midpoints of equal parts of [-2, 2]
_EPISODES: Final = 20
_AT_ONCE: Final = 4096  # candidates that are compiled together

Enabled = NDArray[np.bool_]


@dataclass(frozen=True)
class Shrunk:
    """A pruned network, with its mean returns before and after.

    Attributes:
        network: the pruned network.
        before: mean return of the original network over shared weights, on the selection episodes.
        after: mean return of the pruned network on the same episodes.
        fresh_before: mean return of the original network over shared weights, on fresh episodes.
        fresh_after: mean return of the pruned network on the same episodes.
        sweeps: how often all remaining connections were tried.
    """

    network: Network
    before: float
    after: float
    fresh_before: float
    fresh_after: float
    sweeps: int


def shrink(
    network: Network,
    *,
    task: str | None = None,
    tolerance: float = 0.0,
    seed: int = 0,
    workers: int | None = None,
    trust: Sequence[str] = (),
    environment: Factory | None = None,
    show: Callable[[int, int, float], None] = lambda *_: None,
) -> Shrunk:
    """Remove connections while the mean return over shared weights does not fall.

    All networks with one connection less are evaluated at once, on common episodes, under 20 shared weights
    from -2 to 2. Connections without which the mean is not below the original one are removed, as many
    together as possible; this is repeated until no single connection can be removed any more.

    Args:
        network: the network; weights that it carries stay with their connections.
        task: an environment or a set of images (whose training part is used); the network's own if None.
        tolerance: by how much the mean may fall in total.
        seed: of the episodes.
        workers: threads or processes; all cores if None.
        trust: modules that the network's own task may import.
        environment: a callable that returns a Gymnasium environment, instead of a task.
        show: called after each sweep with its number, the remaining connections, and their mean.

    Raises:
        BadInput: no task, or one that the network does not fit; a tolerance below zero.
    """
    check_seed(seed)
    if not tolerance >= 0:
        raise BadInput(f"{tolerance:g}; accepted are numbers from 0", argument="tolerance")
    problem = task_for(network, task, trust=trust, environment=environment)
    with make_evaluator(problem, BackendSettings(workers=workers)) as evaluator:
        subnetworks = _Subnetworks(network, problem, evaluator, seed)
        enabled = np.ones(network.connections, np.bool_)
        before = after = float(subnetworks.means(enabled[None])[0])
        if not np.isfinite(before):
            raise BadInput("the network has no finite mean return over shared weights: nothing to preserve")
        sweeps = 0
        show(sweeps, network.connections, before)
        while True:
            sweeps += 1
            fewer = _next(subnetworks, enabled, before - tolerance)
            if fewer is None:
                break
            enabled, after = fewer
            show(sweeps, int(enabled.sum()), after)
        fresh = subnetworks.means(np.stack([np.ones_like(enabled), enabled]), fresh=True)
    pruned = _restricted(network, enabled)
    provenance = {**network.provenance, "pruned_from": network.connections, "pruning_seed": seed}
    return Shrunk(
        replace(pruned, provenance=provenance), before, after, float(fresh[0]), float(fresh[1]), sweeps
    )


def _next(subnetworks: _Subnetworks, enabled: Enabled, floor: float) -> tuple[Enabled, float] | None:
    """The mask without as many harmless connections as possible, and its mean; None if none is harmless."""
    present = np.flatnonzero(enabled)
    if len(present) <= 1:
        return None
    singles = np.repeat(enabled[None], len(present), axis=0)
    singles[np.arange(len(present)), present] = False
    means = subnetworks.means(singles)
    harmless = np.flatnonzero(means >= floor)
    if not len(harmless):
        return None
    best_first = present[harmless[np.argsort(-means[harmless], kind="stable")]]
    most = min(len(best_first), len(present) - 1)
    sizes = sorted({*(2**power for power in range(most.bit_length())), *range(most, 0, -max(1, most // 64))})
    groups = np.repeat(enabled[None], len(sizes), axis=0)
    for group, size in zip(groups, sizes, strict=True):
        group[best_first[:size]] = False
    means = subnetworks.means(groups)
    largest = int(np.flatnonzero(means >= floor)[-1])  # the group of one connection is harmless at least
    return groups[largest], float(means[largest])


class _Subnetworks:
    """Mean returns over shared weights of networks with some of the connections of a network."""

    def __init__(self, network: Network, task: Task, evaluator: Evaluator, seed: int) -> None:
        self._population, self._evaluator = network.population, evaluator
        self._weights = midpoints(_WEIGHTS)
        budget = budget_of(task)
        # Of a set of images each seed draws a batch of the training part, which is the largest.
        episodes = min(_EPISODES, budget.sweep_episodes)
        self._trial = Trial(episode_seeds(seed, Stream.PRUNING_EPISODES, episodes))
        fresh = episode_seeds(seed, Stream.PRUNED_EPISODES, _WEIGHTS * (budget.report // 10))
        self._fresh = task.report(fresh.reshape(_WEIGHTS, -1))

    def means(self, enabled: Enabled, *, fresh: bool = False) -> NDArray[np.float64]:
        """The mean return of each row of ``enabled``, float64[rows]; -inf where a return is not finite."""
        trial = self._fresh if fresh else self._trial
        parts = [
            self._means(enabled[first : first + _AT_ONCE], trial)
            for first in range(0, len(enabled), _AT_ONCE)
        ]
        return np.concatenate(parts)

    def _means(self, enabled: Enabled, trial: Trial) -> NDArray[np.float64]:
        copies = self._population.take(np.zeros(len(enabled), np.int64))
        batch = compile_population(Population(copies.genes._replace(enabled=enabled.reshape(-1))))
        returns = self._evaluator.evaluate(batch, self._weights, trial).returns
        with np.errstate(invalid="ignore"):
            means = returns.mean(axis=(1, 2))
        return np.where(np.isfinite(means), means, -np.inf)


def _restricted(network: Network, enabled: Enabled) -> Network:
    """The network with these connections and their hidden nodes."""
    source, target = network.source[enabled], network.target[enabled]
    fixed = 1 + network.inputs + network.outputs
    touched = np.isin(np.arange(network.size), np.concatenate([source, target]))
    touched[:fixed] = True
    index = np.cumsum(touched) - 1
    return replace(
        network,
        activation=network.activation[touched[1 + network.inputs :]],
        source=index[source],
        target=index[target],
        weights=None if network.weights is None else network.weights[enabled],
    )
