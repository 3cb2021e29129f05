"""The trials that the rounds of a race are run on."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["shares"]


def shares(weights: NDArray[np.float64], episodes: int, rounds: int, turn: int) -> list[NDArray[np.int64]]:
    """The new trials of each round: after it twice as many have been met as before, after the last one all.

    However few trials have been met, they are spread over the weights as evenly as can be, then over the
    episodes.

    Args:
        weights: float64[weights], in any order.
        episodes: of each weight.
        rounds: of the race.
        turn: number of the generation; from one to the next another part of the weights comes first.

    Returns:
        For each round int64[trials], ascending: weight * episodes + episode.
    """
    order = np.argsort(weights, kind="stable")[_spread(list(range(len(weights))), turn)]
    lap, place = np.divmod(np.arange(len(weights) * episodes), len(weights))
    trials = order[place] * episodes + (place + lap) % episodes
    ends = [-(-len(trials) >> left) for left in reversed(range(rounds))]
    return [np.sort(share) for share in np.split(trials, ends[:-1])]


def _spread(places: list[int], turn: int) -> list[int]:
    """The same places, every other one first, and so on within both halves; an odd number's ends first."""
    if len(places) < 2:
        return places
    odd = len(places) % 2
    first, later = (0, turn) if odd else (turn % 2, turn // 2)
    return _spread(places[first::2], later) + _spread(places[1 - first :: 2], later)
