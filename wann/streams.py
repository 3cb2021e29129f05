"""Every random stream by its address: (seed, purpose, indices), in fields of fixed width.

Nothing draws from a stream that another part advances, so that neither backend, nor chunking, nor
an interruption can shift what is drawn.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .errors import BadInput

__all__ = ["LARGEST_SEED", "Stream", "address", "check_seed", "episode_seeds", "generator"]

LARGEST_SEED: Final = 2**63 - 1
"""Of a run: it fits a signed integer of 64 bits, which is what most files and libraries have."""

_INDICES: Final = 3


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


def address(seed: int, purpose: Stream, *indices: int) -> NDArray[np.uint32]:
    """A stream's address as words of entropy, uint32[12]: no two addresses have the same words.

    Every field has a width of its own: seed, purpose, number of indices, indices, 64 bits each.
    (A list of integers as numpy takes it has not: numpy pads it with zeros, so that ``[seed, purpose]``
    and ``[seed, purpose, 0]`` are the same seed, and splits a large integer into several words.)

    Args:
        seed: of the run, in [0, 2**64).
        purpose: what is drawn.
        indices: which of the streams of that purpose, at most three, each in [0, 2**64).

    Raises:
        OverflowError: a number is negative, or has more than 64 bits.
        ValueError: there are more than three indices.
    """
    fields = np.zeros(3 + _INDICES, "<u8")
    if len(indices) > _INDICES:
        raise ValueError(f"{len(indices)} indices; an address has at most {_INDICES}")
    for place, value in enumerate((seed, int(purpose), len(indices), *indices)):
        fields[place] = value
    return fields.view("<u4")


def check_seed(seed: int) -> None:
    """Refuse what is no seed of a run.

    Raises:
        BadInput: it is negative, or has more than 63 bits.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise BadInput(f"seed {seed}: accepted are whole numbers from 0 to {LARGEST_SEED}")


def generator(seed: int, purpose: Stream, *indices: int) -> np.random.Generator:
    """A generator at the beginning of the stream with this address."""
    return np.random.default_rng(np.random.SeedSequence(address(seed, purpose, *indices).tolist()))


def episode_seeds(seed: int, purpose: Stream, count: int, *indices: int) -> NDArray[np.int64]:
    """Seeds for ``count`` episodes, int64[count] in [0, 2**31)."""
    return generator(seed, purpose, *indices).integers(0, 2**31, count, dtype=np.int64)
