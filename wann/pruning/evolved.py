"""The verb that prunes an evolved network: connections go while it works as well under shared weights."""

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
from ..tasks import ClassificationTask, ControlTask, Trial, task_for

__all__ = ["Shrunk", "shrink"]

_WEIGHTS: Final = 20  # midpoints of equal parts of [-2, 2]
_EPISODES: Final = 20
_AT_ONCE: Final = 4096  # candidates that are compiled together

Enabled = NDArray[np.bool_]


@dataclass(frozen=True)
class Shrunk:
    """What is left of a network, and what it earns.

    Attributes:
        network: with fewer connections.
        before: mean return over shared weights of the network as it was, on the episodes of the choice.
        after: that of what is left, on the same.
        fresh_before: mean return over shared weights on episodes that took no part in it.
        fresh_after: that of what is left.
        sweeps: how often all connections were tried.
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
    show: Callable[[int, int, float], None] = lambda *_: None,
) -> Shrunk:
    """Remove connections while the mean over shared weights does not fall.

    All networks with one connection less are played at once, on common episodes, under 20 shared weights from
    -2 to 2. Those connections without which the mean is not below that of the whole network are removed, as
    many of them together as it bears; then all are tried again, until none is left that it can do without.

    Args:
        network: what is pruned; weights that it carries stay with their connections.
        task: an environment or a set of images; the network's own if not given. Images are training images.
        tolerance: by how much the mean may fall all in all.
        seed: of the episodes.
        workers: threads or processes; all cores if not given.
        trust: modules that the network's own task may have imported.
        show: told the sweep, the connections that are left, and their mean.

    Raises:
        BadInput: no task, or one that the network does not fit; a tolerance below zero.
    """
    check_seed(seed)
    if not tolerance >= 0:
        raise BadInput(f"--tolerance {tolerance:g}: accepted are numbers from 0")
    problem = task_for(network, task, trust=trust)
    with make_evaluator(problem, BackendSettings(workers=workers)) as evaluator:
        judge = _Judge(network, problem, evaluator, seed)
        enabled = np.ones(network.connections, np.bool_)
        before = after = float(judge.means(enabled[None])[0])
        if not np.isfinite(before):
            raise BadInput("the network has no finite mean over shared weights: there is nothing to keep")
        sweeps = 0
        show(sweeps, network.connections, before)
        while True:
            sweeps += 1
            fewer = _next(judge, enabled, before - tolerance)
            if fewer is None:
                break
            enabled, after = fewer
            show(sweeps, int(enabled.sum()), after)
        fresh = judge.means(np.stack([np.ones_like(enabled), enabled]), fresh=True)
    left = _restricted(network, enabled)
    provenance = {**network.provenance, "pruned_from": network.connections, "pruning_seed": seed}
    return Shrunk(
        replace(left, provenance=provenance), before, after, float(fresh[0]), float(fresh[1]), sweeps
    )


def _next(judge: _Judge, enabled: Enabled, floor: float) -> tuple[Enabled, float] | None:
    """The network without as many harmless connections as it bears, and its mean, if one is harmless."""
    present = np.flatnonzero(enabled)
    if len(present) <= 1:
        return None
    singles = np.repeat(enabled[None], len(present), axis=0)
    singles[np.arange(len(present)), present] = False
    means = judge.means(singles)
    harmless = np.flatnonzero(means >= floor)
    if not len(harmless):
        return None
    best_first = present[harmless[np.argsort(-means[harmless], kind="stable")]]
    most = min(len(best_first), len(present) - 1)
    sizes = sorted({*(2**power for power in range(most.bit_length())), *range(most, 0, -max(1, most // 64))})
    groups = np.repeat(enabled[None], len(sizes), axis=0)
    for group, size in zip(groups, sizes, strict=True):
        group[best_first[:size]] = False
    found = judge.means(groups)
    place = int(np.flatnonzero(found >= floor)[-1])  # the best single one is there
    return groups[place], float(found[place])


class _Judge:
    """Mean returns over shared weights of a network's parts."""

    def __init__(
        self, network: Network, task: ControlTask | ClassificationTask, evaluator: Evaluator, seed: int
    ) -> None:
        self._population, self._evaluator, self._seed, self._task = network.population, evaluator, seed, task
        self._weights = midpoints(_WEIGHTS)
        episodes = min(_EPISODES, budget_of(task).sweep_episodes)
        # Of images each seed draws a batch of the training part: more than the validation part holds.
        self._trial = Trial(episode_seeds(seed, Stream.PRUNING_EPISODES, episodes))

    def means(self, enabled: Enabled, *, fresh: bool = False) -> NDArray[np.float64]:
        """Of each row of connections, float64[rows]; -inf where an episode goes wrong."""
        trial = self._fresh() if fresh else self._trial
        parts = [
            self._played(enabled[first : first + _AT_ONCE], trial)
            for first in range(0, len(enabled), _AT_ONCE)
        ]
        return np.concatenate(parts)

    def _fresh(self) -> Trial:
        if isinstance(self._task, ClassificationTask):
            return Trial(np.zeros(1, np.int64), part="test")
        episodes = budget_of(self._task).report // 10
        seeds = episode_seeds(self._seed, Stream.PRUNED_EPISODES, _WEIGHTS * episodes)
        return Trial(seeds.reshape(_WEIGHTS, episodes))

    def _played(self, enabled: Enabled, trial: Trial) -> NDArray[np.float64]:
        many = self._population.take(np.zeros(len(enabled), np.int64))
        batch = compile_population(Population(many.genes._replace(enabled=enabled.reshape(-1))))
        returns = self._evaluator.evaluate(batch, self._weights, trial).returns
        with np.errstate(invalid="ignore"):
            means = returns.mean(axis=(1, 2))
        return np.where(np.isfinite(means), means, -np.inf)


def _restricted(network: Network, enabled: Enabled) -> Network:
    """The network with these connections, and the hidden nodes that they touch."""
    source, target = network.source[enabled], network.target[enabled]
    fixed = 1 + network.inputs + network.outputs
    touched = np.isin(np.arange(network.size), np.concatenate([source, target]))
    touched[:fixed] = True
    place = np.cumsum(touched) - 1
    return replace(
        network,
        activation=network.activation[touched[1 + network.inputs :]],
        source=place[source],
        target=place[target],
        weights=None if network.weights is None else network.weights[enabled],
    )
