"""Several beginnings live side by side, without touching each other, and the better half of them goes on."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.evolution.test_search import INPUTS, OUTPUTS, same
from wann.errors import BadInput
from wann.evolution import Search, SearchSettings
from wann.genome import MutationSettings, Population

SIZE = 12
MUTATION = MutationSettings(add_path=0.2, add_unit=0.1, change_gain=0.2)


def begin(beginnings: int, **changes: Any) -> Search:
    given = {"population": SIZE, "generations": 40, "tournament": 3, "halve_every": 3, **changes}
    return Search.begin(SearchSettings(**given, beginnings=beginnings), MUTATION, INPUTS, OUTPUTS, 5)


def returns_of(population: Population) -> NDArray[np.float64]:
    """Returns that do not depend on the ids of nodes: float64[population, weights]."""
    genes = population.genes
    activations = np.add.reduceat(genes.activation.astype(np.float64), genes.node_rows[:-1])
    return np.asarray((population.connections * 7 + activations * 3)[:, None] % np.array([11.0, 13.0]))


def go(search: Search, generations: int) -> Search:
    for _ in range(generations):
        population = search.ask()
        returns = returns_of(population)
        for index in search.candidates(returns).tolist():
            search.promote(index, float(returns[index].mean()))
        search.tell(returns, 12, 120)
    return search


def of(population: Population, beginning: int) -> Population:
    return population.take(np.arange(SIZE) + beginning * SIZE)


@pytest.mark.parametrize("expected", [[1, 1, 1, 1], [4, 2, 1, 1], [5, 3, 2, 1]], ids=str)
def test_half_of_the_beginnings_are_left_after_each_round(expected: list[int]) -> None:
    search, found = begin(expected[0]), []
    for _ in expected:
        found.append(len(search.population) // SIZE)
        assert len(search.champions) == found[-1]
        go(search, 3)
    assert found == expected


def test_a_single_beginning_is_the_first_of_several() -> None:
    # Its genomes are the same; their new nodes have other ids, which depend on all children.
    one, several = begin(1), begin(3, halve_every=99)
    assert same(one.population, of(several.population, 0))
    go(one, 6), go(several, 6)
    assert one.population.connections.tolist() == of(several.population, 0).connections.tolist()
    assert (one.population.genes.activation == of(several.population, 0).genes.activation).all()


def test_beginnings_differ_and_never_mix() -> None:
    search = go(begin(2, halve_every=99), 1)
    before = [of(search.population, beginning) for beginning in (0, 1)]
    assert not same(*before)
    other = begin(2, halve_every=99)
    go(other, 1)
    # Whatever the second one earns, the first one breeds the same children.
    for one, sign in ((search, 1.0), (other, -1.0)):
        returns = returns_of(one.ask())
        returns[SIZE:] = sign * returns[SIZE:]
        one.tell(returns, 1, 1)
    assert search.population.connections[:SIZE].tolist() == other.population.connections[:SIZE].tolist()
    assert not same(of(search.population, 1), of(other.population, 1))


def test_the_beginnings_with_the_better_champions_go_on() -> None:
    search = begin(4, halve_every=1)
    means = [3.0, 9.0, 1.0, 7.0]
    for beginning, mean in enumerate(means):
        assert search.promote(beginning * SIZE + 2, mean)
    search.tell(returns_of(search.ask()), 1, 1)
    assert [champion.mean for champion in search.champions if champion] == [9.0, 7.0]
    assert search.champion is not None
    assert search.champion.mean == 9.0


def test_a_beginning_without_a_champion_is_the_worst() -> None:
    search = begin(2, halve_every=1)
    search.promote(SIZE, -1e9)
    search.tell(returns_of(search.ask()), 1, 1)
    assert [champion.mean for champion in search.champions if champion] == [-1e9]


@pytest.mark.parametrize("generation", [0, 1, 2, 3, 4, 7])
def test_a_restored_search_goes_on_with_all_its_beginnings(generation: int) -> None:
    whole, first = go(begin(4), generation), go(begin(4), generation)
    again = Search.restore(
        first.settings, MUTATION, 5, generation, first.snapshot().encode(), (INPUTS, OUTPUTS)
    )
    go(whole, 9), go(again, 9)
    assert same(whole.population, again.population)
    rows = [asdict(search.tell(returns_of(search.ask()), 12, 120)) for search in (whole, again)]
    assert rows[0] == rows[1]


def test_a_checkpoint_with_too_few_beginnings_is_refused() -> None:
    state = begin(1).snapshot().encode()
    settings = begin(4).settings
    with pytest.raises(BadInput, match=r"12 genomes.*48"):
        Search.restore(settings, MUTATION, 5, 0, state, (INPUTS, OUTPUTS))


def scores(search: Search) -> NDArray[np.float64]:
    """Returns that rise with the index in each beginning."""
    return np.tile(np.arange(float(SIZE)), len(search.champions))[:, None]


def test_several_candidates_of_each_beginning_race() -> None:
    search = begin(2, candidates=5)
    found = search.candidates(scores(search))
    assert found.tolist() == [11, 10, 9, 8, 7, 23, 22, 21, 20, 19]
    left = search.better_half(found, np.array([1.0, 2.0, 3.0, np.nan, 5.0, 5.0, 4.0, 3.0, 2.0, np.inf * 0]))
    assert left.tolist() == [7, 9, 10, 23, 22, 21]
    left = search.better_half(left, np.array([0.0, 1.0, 2.0, 0.0, 1.0, 2.0]))
    assert left.tolist() == [10, 9, 21, 22]
    assert search.better_half(left, np.array([1.0, 0.0, 0.0, 1.0])).tolist() == [10, 22]


def test_a_candidate_that_was_tested_makes_room_for_none() -> None:
    search = begin(2, candidates=2)
    assert not search.promote(11, np.nan)
    assert search.candidates(scores(search)).tolist() == [10, 23, 22]
    assert search.promote(23, 10.5)
    assert search.candidates(scores(search)).tolist() == [10]


def test_the_utility_is_straightened_out_after_some_generations() -> None:
    convex, early = begin(1, utility_exponent=8), begin(1, utility_exponent=8, utility_generations=2)
    for _ in range(2):
        go(convex, 1), go(early, 1)
        assert same(convex.population, early.population)
    plain = replace(early, settings=early.settings.changed(utility_exponent=1))
    go(plain, 1), go(early, 1)
    assert same(plain.population, early.population)
    assert not same(go(convex, 1).population, early.population)


def test_a_restored_search_remembers_who_was_refused() -> None:
    search = begin(2, candidates=3)
    assert not search.promote(11, -np.inf)
    assert search.promote(23, 10.5)
    again = Search.restore(search.settings, MUTATION, 5, 0, search.snapshot().encode(), (INPUTS, OUTPUTS))
    found = [one.candidates(scores(one)).tolist() for one in (search, again)]
    assert found == [[10, 9], [10, 9]]
    arrays = search.snapshot().encode()
    arrays["tested"] = np.zeros(33, np.uint8)
    with pytest.raises(BadInput, match="does not describe a search"):
        Search.restore(search.settings, MUTATION, 5, 0, arrays, (INPUTS, OUTPUTS))


def test_the_first_population_may_be_mutated() -> None:
    plain, mutated = begin(2, enabled=0.0), begin(2, enabled=0.0, initial_mutations=20)
    assert not plain.population.connections.any()
    assert mutated.population.connections.mean() > 5
    assert mutated.newest_node >= mutated.population.newest_node
    assert not same(of(mutated.population, 0), of(mutated.population, 1))
    mutated.population.check()


def test_each_beginning_has_the_ancestor_and_its_mutants() -> None:
    ancestor = begin(1, enabled=0.6, initial_mutations=20).population.take(np.array([3]))
    settings = SearchSettings(population=SIZE, tournament=3, beginnings=3, initial_mutations=2)
    search = Search.begin(settings, MUTATION, INPUTS, OUTPUTS, 5, ancestor)
    search.population.check()
    assert len(search.population) == 3 * SIZE
    assert search.newest_node >= search.population.newest_node
    for beginning in range(3):
        members = [of(search.population, beginning).take(np.array([member])) for member in range(SIZE)]
        assert same(members[0], ancestor)
        assert sum(not same(member, ancestor) for member in members) > SIZE // 2
    go(search, 4).population.check()
