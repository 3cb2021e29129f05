"""Selection passes, culls and breeds in the published proportions."""

from __future__ import annotations

import numpy as np
import pytest

from wann.evolution import SearchSettings, replace_islands, select

PUBLISHED = {"swing-up": (192, 154, 30), "walker": (480, 384, 76), "MNIST": (960, 768, 153)}


@pytest.mark.parametrize(("population", "survivors", "elites"), PUBLISHED.values(), ids=PUBLISHED)
def test_a_fifth_is_culled_and_a_fifth_of_the_rest_passes(
    population: int, survivors: int, elites: int
) -> None:
    settings = SearchSettings(population=population)
    assert (settings.survivors, settings.elites) == (survivors, elites)
    ranked = np.random.default_rng(0).permutation(population)
    passed, parents = select(ranked, settings, np.random.default_rng(1))
    assert passed.tolist() == ranked[:elites].tolist()
    assert len(passed) + len(parents) == population
    assert set(parents.tolist()) <= set(ranked[:survivors].tolist())


def test_the_laptop_preset_passes_a_twentieth() -> None:
    assert SearchSettings(population=64, elite=0.05, tournament=4).elites == 2


def test_a_parent_is_the_best_of_two_tournaments_with_replacement() -> None:
    settings = SearchSettings(population=50, tournament=3, elite=0.0)
    count = settings.survivors
    rng = np.random.default_rng(2)
    won = np.concatenate([select(np.arange(50), settings, rng)[1] for _ in range(400)])
    frequency = np.bincount(won, minlength=count) / len(won)
    place = np.arange(count)
    expected = (1 - place / count) ** 6 - (1 - (place + 1) / count) ** 6  # the best of 2 x 3
    deviation = np.sqrt(expected * (1 - expected) / len(won))
    assert (np.abs(frequency - expected) < 5 * deviation + 1e-9).all()


def test_everybody_may_pass_and_nobody_may_pass() -> None:
    all_pass = SearchSettings(population=10, tournament=2, elite=1.0, cull=0.0)
    passed, parents = select(np.arange(10), all_pass, np.random.default_rng(0))
    assert (len(passed), len(parents)) == (10, 0)
    none_passes = SearchSettings(population=10, tournament=2, elite=0.0)
    passed, parents = select(np.arange(10), none_passes, np.random.default_rng(0))
    assert (len(passed), len(parents)) == (0, 10)


def test_the_worse_half_of_the_islands_goes_on_from_the_better_half() -> None:
    assert replace_islands(np.array([1.0, 4.0, 2.0, 3.0])).tolist() == [3, 1, 1, 3]
    assert replace_islands(np.array([5.0, 1.0, 3.0])).tolist() == [0, 0, 0]
    assert replace_islands(np.array([2.0])).tolist() == [0]


def test_equally_good_islands_keep_the_first_ones() -> None:
    assert replace_islands(np.zeros(4)).tolist() == [0, 1, 0, 1]


def test_an_island_where_all_failed_is_replaced() -> None:
    assert replace_islands(np.array([-np.inf, 1.0])).tolist() == [1, 1]
