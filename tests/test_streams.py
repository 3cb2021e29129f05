"""Random streams: one for each address, and no two addresses with the same one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wann.streams import Stream, address, episode_seeds, generator

numbers = st.integers(0, 2**64 - 1) | st.integers(0, 3)
addresses = st.tuples(numbers, st.sampled_from(Stream), st.lists(numbers, max_size=3))


def first(seed: int, purpose: Stream, *indices: int) -> list[int]:
    """The beginning of a stream."""
    drawn: list[int] = generator(seed, purpose, *indices).integers(0, 2**63, 4).tolist()
    return drawn


@given(addresses, addresses)
def test_two_addresses_have_the_same_words_only_if_they_are_the_same(
    one: tuple[int, Stream, list[int]], other: tuple[int, Stream, list[int]]
) -> None:
    words = [address(seed, purpose, *indices).tolist() for seed, purpose, indices in (one, other)]
    assert (words[0] == words[1]) == (one == other)


def test_index_zero_is_not_the_stream_without_an_index() -> None:
    streams = [first(7, Stream.TRAINING, *indices) for indices in ((), (0,), (0, 0), (0, 0, 0))]
    assert len({tuple(stream) for stream in streams}) == 4


def test_large_seeds_do_not_spill_into_their_neighbours() -> None:
    # As a list of integers, [2**32, 3] and [0, 1, 3] are the same seed of numpy's.
    assert first(2**32, Stream.WEIGHTS) != first(0, Stream.FIRST_POPULATION, int(Stream.WEIGHTS))
    assert first(5 + (int(Stream.WEIGHTS) << 32), Stream.RANKING) != first(5, Stream.WEIGHTS, Stream.RANKING)


def test_no_two_streams_of_a_search_coincide() -> None:
    beginnings = {
        tuple(first(seed, purpose, *indices))
        for seed in (0, 1, 2**32, 2**63 - 1)
        for purpose in Stream
        for indices in ((), (0,), (1,), (0, 0), (0, 1), (1, 0), (2**32,), (2**32, 0))
    }
    assert len(beginnings) == 4 * len(Stream) * 8


@pytest.mark.parametrize("number", [-1, 2**64])
def test_numbers_that_do_not_fit_their_field_are_refused(number: int) -> None:
    with pytest.raises(OverflowError):
        generator(number, Stream.WEIGHTS)
    with pytest.raises(OverflowError):
        generator(0, Stream.WEIGHTS, number)


def test_an_address_has_at_most_three_indices() -> None:
    with pytest.raises(ValueError, match="at most 3"):
        generator(0, Stream.WEIGHTS, 1, 2, 3, 4)


def test_seeds_of_episodes_are_numbers_that_every_environment_takes() -> None:
    seeds = episode_seeds(2**63 - 1, Stream.SEARCH_EPISODES, 1000, 12)
    assert seeds.dtype == np.int64
    assert ((seeds >= 0) & (seeds < 2**31)).all()
    assert len(set(seeds.tolist())) == 1000
