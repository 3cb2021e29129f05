"""Random streams by address: (seed, purpose, indices), in fields of fixed width.

No two parts of the program advance the same stream, so neither the backend, nor chunking, nor an
interruption changes what is drawn.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .errors import BadInput

__all__ = ["LARGEST_SEED", "Stream", "address", "check_seed", "episode_seeds", "generator"]

LARGEST_SEED: Final = 2**63 - 1
"""The largest seed of a run: it fits a signed 64-bit integer, which most file formats and libraries use."""

_INDICES: Final = 3


class Stream(IntEnum):
    """The purpose of a stream; the numbers are part of the address and never change."""

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
    VIDEO_EPISODES = 18
    PRUNING_WEIGHTS = 19
    PRUNING_ORDER = 20
    PRUNING_DROPOUT = 21
    PRUNING_SCORES = 22
    PRUNING_EXAMPLES = 23
    PRUNING_CONTROLS = 24
    PRUNING_EPISODES = 25
    PRUNED_EPISODES = 26
    DATA_SPLIT = 27
    ENCODER_EPISODES = 28
    ENCODER_ACTIONS = 29
    ENCODER_TRAINING = 30


def address(seed: int, purpose: Stream, *indices: int) -> NDArray[np.uint32]:
    """A stream's address as words of entropy, uint32[12]; different addresses have different words.

    The fields (seed, purpose, number of indices, indices) have 64 bits each. A plain list of integers
    would not do: numpy pads it with zeros, so that ``[seed, purpose]`` and ``[seed, purpose, 0]`` are
    the same seed, and splits a large integer into several words.

    Args:
        seed: the run's seed, in [0, 2**64).
        purpose: what the stream is for.
        indices: which stream of that purpose: at most three numbers in [0, 2**64).

    Raises:
        OverflowError: a number is negative or has more than 64 bits.
        ValueError: there are more than three indices.
    """
    fields = np.zeros(3 + _INDICES, "<u8")
    if len(indices) > _INDICES:
        raise ValueError(f"{len(indices)} indices; an address has at most {_INDICES}")
    for field, value in enumerate((seed, int(purpose), len(indices), *indices)):
        fields[field] = value
    return fields.view("<u4")


def check_seed(seed: int) -> None:
    """Check the seed of a run.

    Raises:
        BadInput: it is negative or has more than 63 bits.
    """
    if not 0 <= seed <= LARGEST_SEED:
        raise BadInput(f"{seed}: accepted are whole numbers from 0 to {LARGEST_SEED}", argument="seed")


def generator(seed: int, purpose: Stream, *indices: int) -> np.random.Generator:
    """A random generator at the start of the stream with this address."""
    return np.random.default_rng(np.random.SeedSequence(address(seed, purpose, *indices).tolist()))


def episode_seeds(seed: int, purpose: Stream, count: int, *indices: int) -> NDArray[np.int64]:
    """Seeds for ``count`` episodes, int64[count] in [0, 2**31)."""
    return generator(seed, purpose, *indices).integers(0, 2**31, count, dtype=np.int64)
