"""The ask/tell search: what it keeps, what it promotes, what it never lets through."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from wann.errors import BadInput
from wann.evolution import (
    Returns,
    Search,
    SearchSettings,
    WeightSettings,
    generation_weights,
    selection_weights,
)
from wann.genome import MutationSettings, Population
from wann.streams import Stream, generator

INPUTS, OUTPUTS, WEIGHTS = 3, 2, 4


def begin(seed: int = 0, **changes: Any) -> Search:
    settings = SearchSettings(**{"population": 24, "generations": 40, "tournament": 3, **changes})
    return Search.begin(settings, MutationSettings(), INPUTS, OUTPUTS, seed)


def returns_of(population: Population, salt: int = 0) -> NDArray[np.float64]:
    """Returns that depend on the genomes alone: float64[population, weights]."""
    spread = np.array([-1.0, -0.5, 0.5, 1.0])
    genes = population.genes
    places = np.repeat(np.arange(len(population)), np.diff(genes.gene_rows))
    signs = np.where((genes.source * 7 + genes.target * 3 + salt) % 5 < 3, 1.0, -1.0)
    score = np.bincount(places, signs * genes.enabled, len(population))
    return np.asarray(score[:, None] * spread + 10.0)


def only(candidates: NDArray[np.int64]) -> int | None:
    """The one candidate there is, if any."""
    assert len(candidates) <= 1
    return int(candidates[0]) if len(candidates) else None


def go(search: Search, generations: int) -> Search:
    for _ in range(generations):
        search.tell(returns_of(search.ask()), 12, 120)
    return search


def same(one: Population, other: Population) -> bool:
    pairs: Any = zip(one.genes, other.genes, strict=True)
    return all(np.array_equal(left, right) for left, right in pairs)


def test_the_same_seed_asks_for_the_same_populations() -> None:
    one, other = begin(), begin()
    for _ in range(10):
        assert same(one.population, other.population)
        go(one, 1), go(other, 1)
    assert not same(one.population, go(begin(1), 10).population)


def test_a_generation_is_asked_for_once_and_told_once() -> None:
    search = begin()
    with pytest.raises(RuntimeError, match="without ask"):
        search.tell(returns_of(search.population), 12, 120)
    population = search.ask()
    with pytest.raises(RuntimeError, match="twice without tell"):
        search.ask()
    with pytest.raises(ValueError, match="3 rows of returns for 24 genomes"):
        search.tell(returns_of(population)[:3], 12, 120)
    search.tell(returns_of(population), 12, 120)
    with pytest.raises(RuntimeError, match="without ask"):
        search.tell(returns_of(population), 12, 120)
    assert search.ask() is search.population


def test_a_restored_search_goes_on_as_if_nothing_had_happened() -> None:
    whole = begin()
    first = go(begin(), 7)
    first.promote(3, 1.0)
    whole = go(whole, 7)
    whole.promote(3, 1.0)
    again = Search.restore(first.settings, first.mutation, 0, 7, first.snapshot().encode(), (INPUTS, OUTPUTS))
    row, there = (search.tell(returns_of(search.ask()), 12, 120) for search in (whole, again))
    assert asdict(row) == asdict(there)
    assert same(whole.population, again.population)


def test_the_population_keeps_its_size_and_elites_pass_unchanged() -> None:
    search = begin()
    before = search.population
    go(search, 1)
    assert len(search.population) == 24
    old = [before.take(np.array([place])) for place in range(24)]
    for elite in range(search.settings.elites):
        new = search.population.take(np.array([elite]))
        assert any(same(new, genome) for genome in old)


@pytest.mark.parametrize(
    "settings", [{"elite": 1.0, "cull": 0.0}, {"elite": 0.0}, {"population": 2, "tournament": 1}]
)
def test_extreme_proportions_still_breed(settings: dict[str, Any]) -> None:
    search = go(begin(**settings), 5)
    assert len(search.population) == search.settings.population


def test_everybody_passes_unchanged_where_nobody_is_culled() -> None:
    search = begin(elite=1.0, cull=0.0)
    before = search.ask()
    search.tell(returns_of(before), 1, 1)
    assert sorted(search.population.connections.tolist()) == sorted(before.connections.tolist())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_counted_and_ranked_last(value: float) -> None:
    search = begin(elite=0.2, complexity=1.0)
    returns = returns_of(search.ask())
    returns[::2, 1] = value  # half of the population fails at one weight
    row = search.tell(returns, 1, 1)
    assert row.failed == 12
    assert np.isfinite([row.best_mean, row.median_mean, row.best_max]).all()
    # Five of twenty-four are culled: seven that failed are left, but none among the elites.
    assert row.best_mean == returns[1::2].mean(axis=1).max()


@pytest.mark.parametrize("alternative", ["max", "worst-half"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_generation_in_which_everybody_fails_is_survived(value: float, alternative: str) -> None:
    search = begin(complexity=0.0, alternative=alternative)
    returns = np.full((24, WEIGHTS), value)
    returns[:, 0] = -value  # inf beside -inf
    search.ask()
    assert only(search.candidates(returns)) is None
    row = search.tell(returns, 1, 1)
    assert (row.failed, row.best_mean) == (24, -np.inf)
    go(search, 3)


def test_one_finite_genome_among_failures_is_the_best() -> None:
    search = begin()
    returns = np.full((24, WEIGHTS), np.nan)
    returns[17] = -5.0
    assert only(search.candidates(returns)) == 17
    before = search.ask().take(np.array([17]))
    assert search.tell(returns, 1, 1).best_mean == -5.0
    assert same(search.population.take(np.array([0])), before)


def test_the_candidate_has_the_best_mean_then_fewer_connections_then_the_lower_index() -> None:
    search = begin()
    returns = np.zeros((24, WEIGHTS))
    connections = search.population.connections
    assert only(search.candidates(returns)) == int(connections.argmin())
    returns[11] = 1.0
    assert only(search.candidates(returns)) == 11


def middle_least_most(search: Search) -> list[int]:
    """Genomes with a middling, the least and the highest number of connections."""
    order = np.argsort(search.population.connections, kind="stable").tolist()
    connections = search.population.connections[[order[0], order[12], order[-1]]]
    assert connections[0] < connections[1] < connections[2]
    return [order[12], order[0], order[-1]]


def test_a_candidate_must_beat_the_champions_recorded_mean() -> None:
    search = begin()
    first, small, large = middle_least_most(search)
    returns = np.zeros((24, WEIGHTS))
    returns[first] = 3.0
    assert only(search.candidates(returns)) == first
    assert search.promote(first, 2.0)
    assert search.champion is not None
    assert (search.champion.mean, search.champion.generation) == (2.0, 0)
    assert same(search.champion.population, search.population.take(np.array([first])))
    returns[first], returns[large] = 0.0, 2.0
    assert only(search.candidates(returns)) is None  # as good is not better
    returns[large] = 2.5
    assert only(search.candidates(returns)) == large
    returns[large], returns[small] = 0.0, 2.0
    assert only(search.candidates(returns)) == small  # unless it is smaller


def test_a_candidate_that_was_lucky_is_dropped() -> None:
    search = begin()
    first, small, large = middle_least_most(search)
    search.promote(first, 2.0)
    for mean in (2.0, 1.0, np.nan, np.inf, -np.inf):
        assert not search.promote(large, mean)
    assert search.champion is not None
    assert search.champion.mean == 2.0
    assert search.promote(small, 2.0)
    assert search.promote(large, 2.1)


def test_a_champion_outlives_generations_that_are_worse() -> None:
    search = begin()
    search.promote(5, 1e9)
    genome = search.population.take(np.array([5]))
    row = go(search, 5).tell(returns_of(search.ask()), 1, 1)
    assert search.champion is not None
    assert same(search.champion.population, genome)
    assert (row.champion_mean, row.champion_connections) == (1e9, int(genome.connections[0]))


def test_a_row_says_what_the_generation_fitness() -> None:
    search = begin()
    population = search.ask()
    returns = returns_of(population)
    row = search.tell(returns, 96, 960)
    means = returns.mean(axis=1)
    assert row.best_mean == means.max()
    assert row.median_mean == np.median(means)
    assert row.median_connections == np.median(population.connections)
    assert (row.evaluations, row.steps, row.failed, row.generation) == (96, 960, 0, 0)
    assert search.tell(returns_of(search.ask()), 96, 960).evaluations == 192


def test_the_front_holds_what_none_beats_in_both_objectives() -> None:
    search = go(begin(), 20)
    returns = returns_of(search.population)
    means, connections = returns.mean(axis=1), search.population.connections
    front = search.front(returns).tolist()
    assert connections[front].tolist() == sorted(set(connections[front].tolist()))
    for place in front:
        better = (means >= means[place]) & (connections <= connections[place])
        strictly = (means > means[place]) | (connections < connections[place])
        assert not (better & strictly).any()


def test_ranking_by_connections_is_drawn_with_the_published_probability() -> None:
    share = SearchSettings().complexity
    drawn = [generator(3, Stream.RANKING, generation).random() < share for generation in range(4000)]
    assert share == 0.8
    assert abs(np.mean(drawn) - 0.8) < 5 * np.sqrt(0.8 * 0.2 / 4000)


def test_the_fixed_weights_are_the_published_six() -> None:
    published = [-2.0, -1.0, -0.5, 0.5, 1.0, 2.0]
    assert generation_weights(WeightSettings(), 0, 5).tolist() == published
    assert selection_weights(WeightSettings()).tolist() == published


def test_stratified_weights_take_one_from_each_part_anew_in_each_generation() -> None:
    settings = WeightSettings(sampling="stratified", strata=8, limit=2.0)
    first, second = generation_weights(settings, 0, 0), generation_weights(settings, 0, 1)
    for weights in (first, second):
        assert np.floor((weights + 2.0) / 0.5).tolist() == list(range(8))
    assert (first != second).all()
    assert (first == generation_weights(settings, 0, 0)).all()
    assert selection_weights(settings).tolist() == pytest.approx((np.arange(8) + 0.5) / 2 - 2)


def test_weights_that_begin_as_one_spread_until_they_fill_their_parts() -> None:
    whole = WeightSettings(sampling="stratified", strata=8, limit=2.0, own_episodes=True)
    spreading = whole.model_copy(update={"begin_at": 1.5, "spread_from": 2, "spread_until": 10})
    for generation in (0, 2):
        assert generation_weights(spreading, 0, generation).tolist() == [1.5] * 8
    for generation, share in ((4, 0.25), (6, 0.5), (9, 0.875)):
        expected = 1.5 + share * (generation_weights(whole, 0, generation) - 1.5)
        assert generation_weights(spreading, 0, generation) == pytest.approx(expected, abs=1e-15)
    for generation in (10, 11):
        assert (
            generation_weights(spreading, 0, generation) == generation_weights(whole, 0, generation)
        ).all()
    assert (selection_weights(spreading) == selection_weights(whole)).all()


def test_champions_are_compared_at_more_weights_than_a_generation_meets() -> None:
    settings = WeightSettings(sampling="stratified", strata=2, limit=2.0, champion_strata=8)
    assert len(generation_weights(settings, 0, 0)) == 2
    assert selection_weights(settings).tolist() == pytest.approx((np.arange(8) + 0.5) / 2 - 2)
    with pytest.raises(ValidationError, match='champion_strata is for sampling = "stratified"'):
        WeightSettings(champion_strata=8)


SPREADING: dict[str, tuple[dict[str, Any], str]] = {
    "no end": ({"spread_until": None}, "given together"),
    "no beginning": ({"begin_at": None}, "given together"),
    "fixed weights": ({"sampling": "fixed"}, 'begin_at is for sampling = "stratified"'),
    "common episodes": ({"own_episodes": False}, "begin_at needs own_episodes"),
    "outside": ({"begin_at": -2.5}, "begin_at -2.5 is not within the limit of 2"),
    "backwards": ({"spread_from": 10}, "spread_from 10 must be before spread_until 10"),
}


@pytest.mark.parametrize(("changes", "said"), SPREADING.values(), ids=SPREADING)
def test_weights_that_cannot_spread_are_refused(changes: dict[str, Any], said: str) -> None:
    right = {"sampling": "stratified", "own_episodes": True, "begin_at": 1.5, "spread_until": 10}
    with pytest.raises(ValueError, match=said):
        WeightSettings(**{**right, **changes})


@pytest.mark.parametrize("part", ["numbers", "population.node_rows", "population.enabled"])
def test_a_checkpoint_without_one_of_its_parts_is_refused(part: str) -> None:
    search = begin()
    arrays = search.snapshot().encode()
    del arrays[part]
    with pytest.raises(BadInput, match="does not describe a search"):
        Search.restore(search.settings, search.mutation, 0, 1, arrays, (INPUTS, OUTPUTS))


HOSTILE: dict[str, tuple[str, int]] = {
    "a connection from an output": ("population.source", 1 + INPUTS),
    "a connection from nowhere": ("population.source", 99),
    "a connection to nowhere": ("population.target", 99),
    "a connection into an input": ("population.target", 1),
    "a negative node": ("population.source", -7),
    "an activation that is not there": ("population.activation", 99),
    "rows beyond the arrays": ("population.gene_rows", 10**6),
}


@pytest.mark.parametrize(("part", "value"), HOSTILE.values(), ids=HOSTILE)
def test_arrays_that_would_lead_a_kernel_astray_are_refused(part: str, value: int) -> None:
    search = begin()
    arrays = {name: array.copy() for name, array in search.snapshot().encode().items()}
    arrays[part][1] = value
    with pytest.raises(BadInput, match="does not describe a search"):
        Search.restore(search.settings, search.mutation, 0, 1, arrays, (INPUTS, OUTPUTS))


def test_a_cycle_in_a_checkpoint_is_refused() -> None:
    search = go(begin(), 20)
    arrays = {name: array.copy() for name, array in search.snapshot().encode().items()}
    source, target = arrays["population.source"], arrays["population.target"]
    hidden = np.flatnonzero(np.asarray(source, np.int64) > INPUTS + OUTPUTS)
    target[hidden[0]] = source[hidden[0]]
    arrays["population.enabled"][hidden[0]] = True
    with pytest.raises(BadInput, match="does not describe a search"):
        Search.restore(search.settings, search.mutation, 0, 20, arrays, (INPUTS, OUTPUTS))


def test_a_checkpoint_of_another_population_size_is_refused() -> None:
    search = begin()
    settings = search.settings.changed(population=48)
    with pytest.raises(BadInput, match=r"24 genomes.*48"):
        Search.restore(settings, search.mutation, 0, 1, search.snapshot().encode(), (INPUTS, OUTPUTS))


def test_a_search_without_mutations_that_add_nodes_runs() -> None:
    mutation = MutationSettings(change_activation=0, add_node=0, add_connection=0.5, enable_connection=0.5)
    search = replace(begin(), mutation=mutation)
    newest = search.newest_node
    assert go(search, 5).newest_node == newest


def test_networks_above_the_largest_number_of_connections_leave_no_children() -> None:
    settings = SearchSettings(population=40, generations=9, tournament=8, enabled=0.5, most_connections=12)
    search = Search.begin(settings, MutationSettings(), 6, 3, 0)
    for generation in range(8):
        connections = search.ask().connections
        # The larger, the better: only the limit keeps them small.
        returns = np.repeat(connections[:, None].astype(np.float64), 2, axis=1)
        candidate = only(search.candidates(returns))
        if candidate is not None:
            assert connections[candidate] <= 12
        fitness, together = search._fitness(Returns.of(returns)), np.zeros(40, np.int64)
        ranked = search._ranked(np.arange(40), fitness, 1.0 / connections, together)
        allowed = connections[ranked] <= 12
        assert (np.diff(allowed.astype(int)) <= 0).all()
        assert (np.diff(connections[ranked][~allowed]) >= 0).all()
        row = search.tell(returns, 0, 0)
        assert row.failed == 0
        assert generation == 0 or row.best_connections <= 12


def test_where_returns_cannot_be_compared_the_best_is_tested_that_was_not_before() -> None:
    search = Search.begin(
        SearchSettings(population=10, generations=9, tournament=2), MutationSettings(), 4, 2, 0
    )
    returns = np.arange(10.0)[:, None] - 100.0
    assert only(search.candidates(returns)) == 9
    assert search.promote(9, -1.0)
    returns[9] = -200.0  # far below the champion's mean, as all the others are
    assert only(search.candidates(returns)) is None
    assert only(search.candidates(returns, comparable=False)) == 8
    assert not search.promote(8, -2.0)
    assert only(search.candidates(returns, comparable=False)) is None


def test_a_target_ends_the_search_with_the_generation_that_reaches_it() -> None:
    search = begin(target=20.0)
    search.promote(0, 19.9)
    assert not search.last
    go(search, 1)
    assert not search.finished
    search.promote(1, 20.0)
    assert search.last
    assert search.ending == "target"
    go(search, 1)
    assert search.finished


def test_patience_ends_the_search_after_so_many_generations_without_a_better_champion() -> None:
    search = begin(patience=3)
    go(search, 10)  # nothing to be patient with before the first champion
    assert not search.finished
    search.promote(0, 5.0)
    go(search, 1)
    search.promote(1, 4.0)
    go(search, 2)
    assert (search.finished, search.last, search.ending) == (False, True, None)
    go(search, 1)
    assert (search.finished, search.ending) == (True, "patience")


def test_the_last_of_all_generations_is_the_last() -> None:
    search = begin(generations=2)
    assert not search.last
    go(search, 1)
    assert search.last
    assert search.ending is None
    go(search, 1)
    assert search.ending == "generations"
