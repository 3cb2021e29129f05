"""Selection passes, culls and breeds in the published proportions."""

from __future__ import annotations

import numpy as np
import pytest

from wann.evolution import SearchSettings, select

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
