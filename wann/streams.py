"""Every random stream of a search by its address: (seed, purpose, indices).

Nothing draws from a stream that another part advances, so that neither backend, nor chunking, nor
an interruption can shift what is drawn.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

__all__ = ["Stream", "episode_seeds", "generator"]


class Stream(IntEnum):
    """What a stream is for; the numbers are part of the seed and never change."""

    FIRST_POPULATION = 1
    SEARCH_EPISODES = 2
    WEIGHTS = 3
    RANKING = 4
    PARENTS = 5
    MUTATION = 6
    CHAMPION_EPISODES = 7
    RANDOM_WEIGHTS = 8
    RANDOM_EPISODES = 9
    SHARED_EPISODES = 10
    TUNING_EPISODES = 11
    FINAL_TUNING_EPISODES = 12
    TUNED_SHARED_EPISODES = 13
    TRAINING = 14
    TRAINING_EPISODES = 15
    TUNED_EPISODES = 16
    STORED_EPISODES = 17
    FILM_EPISODES = 18
    PRUNING_WEIGHTS = 19
    PRUNING_ORDER = 20
    PRUNING_DROPOUT = 21
    PRUNING_SCORES = 22
    PRUNING_EXAMPLES = 23
    PRUNING_CONTROLS = 24
    SHRINKING_EPISODES = 25
    SHRUNK_EPISODES = 26


def generator(seed: int, purpose: Stream, *indices: int) -> np.random.Generator:
    """A generator at the beginning of the stream with this address."""
    return np.random.default_rng([seed, int(purpose), *indices])


def episode_seeds(seed: int, purpose: Stream, count: int, *indices: int) -> NDArray[np.int64]:
    """Seeds for ``count`` episodes, int64[count] in [0, 2**31)."""
    return generator(seed, purpose, *indices).integers(0, 2**31, count, dtype=np.int64)
