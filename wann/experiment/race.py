"""A race of a generation: all networks meet some trials, the better half of them more, until few meet all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..evolution import Returns, Search, shares
from ..network import NetworkBatch, compile_population
from ..tasks import Outcome, Trial

__all__ = ["Played", "race"]

Evaluate = Callable[[NetworkBatch, NDArray[np.float64], Trial], Outcome]


@dataclass(frozen=True)
class Played:
    """The evaluation of a generation.

    Attributes:
        returns: of its networks.
        episodes: how many were met.
        steps: how many environment steps they had.
        failed: networks that could not be evaluated, with the reasons by their index.
    """

    returns: Returns
    episodes: int
    steps: int
    failed: Mapping[int, str]


def race(
    search: Search, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial, evaluate: Evaluate
) -> Played:
    """Evaluate a generation in ``search.racing`` rounds.

    Args:
        search: whose generation it is.
        batch: its networks.
        weights: float64[weights], shared values.
        trial: what those meet that reach the last round.
        evaluate: evaluates networks under weights on a trial.

    Raises:
        BadInput: the task fails for every network.
    """
    rounds, size = search.settings.racing, (len(batch), len(weights), trial.episodes)
    values, reached = np.full((size[0], size[1] * size[2]), np.nan), np.zeros(size[0], np.int64)
    met, episodes, steps, failed = np.zeros((rounds, *size[1:]), np.bool_), 0, 0, dict[int, str]()
    left = np.arange(len(batch))
    for number, share in enumerate(shares(weights, trial.episodes, rounds, search.generation)):
        if number:
            left = search.going_on(_returns(values.reshape(size), reached, met[:number]))
            reached[left] = number
        met.reshape(rounds, -1)[number:, share] = True
        if not len(left):
            continue
        running = batch if not number else compile_population(batch.population.take(left))
        outcome = evaluate(running, *_part(weights, trial, share))
        if len(outcome.failed) == len(batch):
            outcome.checked()  # nothing is left to select from
        values[np.ix_(left, share)] = outcome.returns.reshape(len(left), -1)
        episodes, steps = episodes + outcome.returns.size, steps + int(outcome.steps.sum())
        failed |= {int(left[network]): reason for network, reason in outcome.failed.items()}
    returns = _returns(values.reshape(size), reached, met)
    return Played(returns, episodes, steps, dict(sorted(failed.items())))


def _part(
    weights: NDArray[np.float64], trial: Trial, share: NDArray[np.int64]
) -> tuple[NDArray[np.float64], Trial]:
    """Weights and a trial that are this share of all, every pair of weight and episode a row of its own."""
    if len(share) == len(weights) * trial.episodes:
        return weights, trial
    seeds = trial.seeds_of(len(weights)).reshape(-1)[share]
    return weights[share // trial.episodes], replace(trial, seeds=seeds[:, None])


def _returns(values: NDArray[np.float64], reached: NDArray[np.int64], met: NDArray[np.bool_]) -> Returns:
    """Means over the episodes that were met.

    Args:
        values: float64[networks, weights, episodes].
        reached: int64[networks], the last round of each network.
        met: bool[rounds, weights, episodes], what a network that took part in a round has met.
    """
    with np.errstate(invalid="ignore"):  # 0 / 0 at weights that were not met, and returns of -inf and inf
        sums = np.where(met[reached], values, 0.0).sum(axis=2)
        return Returns(sums / met.sum(axis=2)[reached], reached, np.asarray(met.any(axis=2)))
