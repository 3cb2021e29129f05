"""A generation that races ends in the order of a slow twin, and plays what that plays and no more."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final, Self

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import wann
from tests.oracles import racing as oracle
from wann.errors import BadInput
from wann.evaluation import LocalEvaluator
from wann.evolution import Search, shares
from wann.experiment import Config, Generations, parse_config
from wann.experiment.race import race
from wann.genome import digest
from wann.network import NetworkBatch, compile_population
from wann.streams import Stream, episode_seeds
from wann.tasks import Outcome, Rules, Trial, make_task

VALUES: Final = (2.0, -1.0, 0.5, -2.0, 1.0, -0.5)  # in no order
SIZE: Final = 13
RETURNS: Final = (-4, -2, -1, 0, 0, 1, 1, 2, 4)  # whose means and utilities are exact
TASK: Final = {"id": "wann/CartPoleSwingUp-v0", "episode_limit": 10}


def config(racing: int, *, weights: int = 6, episodes: int = 2, own: bool = False, **search: Any) -> Config:
    return parse_config(
        {
            "seed": 3,
            "task": TASK | {"episodes": episodes},
            "weights": {"values": VALUES[:weights], "own_episodes": own},
            "search": {"population": SIZE, "tournament": 2, "champion_episodes": 1, "initial_mutations": 30}
            # Everybody passes unchanged: the next population is this one, from best to worst.
            | {"elite": 1.0, "cull": 0.0, "racing": racing, **search},
        }
    )


@dataclass
class Book:
    """An evaluator that looks everything up, and remembers what it was asked for."""

    config: Config
    search: Search
    tables: dict[bytes, list[list[int | None]]]
    met: Counter[tuple[bytes, int, int]] = field(default_factory=Counter)

    def evaluate(self, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial) -> Outcome:
        values, episodes = self.config.weights.values, self.config.task.episodes
        own = self.config.weights.own_episodes and len(values) > 1
        drawn = episode_seeds(3, Stream.SEARCH_EPISODES, episodes * (len(values) if own else 1), 0)
        places = {seed: place for place, seed in enumerate(drawn.tolist())}
        outcome = Outcome.blank(len(batch), len(weights), trial)
        outcome.steps[:] = 3
        for row, (value, seeds) in enumerate(zip(weights, trial.seeds_of(len(weights)), strict=True)):
            weight = values.index(float(value))
            for column, seed in enumerate(seeds.tolist()):
                if seed not in places:
                    continue  # of the champion's episodes
                assert not own or places[seed] // episodes == weight
                episode = places[seed] % episodes
                for index in range(len(batch)):
                    name = digest(batch.population.take(np.array([index])))
                    self.met[name, weight, episode] += 1
                    found = self.tables[name][weight][episode]
                    outcome.returns[index, row, column] = np.nan if found is None else found
        return outcome

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def begun(settings: Config) -> tuple[Search, list[bytes]]:
    """A search and the names of its first networks."""
    search = Search.begin(settings.search, settings.mutation, 5, 1, settings.seed)
    return search, names_of(search)


def names_of(search: Search) -> list[bytes]:
    return [digest(search.population.take(np.array([index]))) for index in range(len(search.population))]


def mean_over(table: list[list[int | None]], trials: list[tuple[int, int]]) -> float | None:
    """Mean over the weights met; None if a return is not finite."""
    found = oracle.Network(0, table).utilities(trials, 1)
    return None if found is None else float(sum(found) / len(found))


def met_by(expected: list[oracle.Result], one: int) -> list[tuple[int, int]]:
    return expected[one // SIZE].met[one % SIZE]


@given(
    rounds=st.integers(1, 4),
    weights=st.integers(4, 6),
    exact=st.sampled_from([(1, 1), (1, 3), (2, 1)]),
    own=st.booleans(),
    beginnings=st.integers(1, 2),
    by_connections=st.booleans(),
    most_connections=st.none() | st.integers(6, 14),
    broken=st.sampled_from([0.0, 0.02, 0.2]),
    seed=st.integers(0, 999),
)
def test_the_order_is_that_of_the_slow_twin_and_nothing_else_is_played(
    rounds: int,
    weights: int,
    exact: tuple[int, int],
    own: bool,
    beginnings: int,
    by_connections: bool,
    most_connections: int | None,
    broken: float,
    seed: int,
) -> None:
    episodes, exponent = exact
    rounds = min(rounds, (weights * episodes).bit_length())
    search_settings: dict[str, Any] = {"beginnings": beginnings, "utility_exponent": exponent}
    search_settings |= {"complexity": float(by_connections), "most_connections": most_connections}
    settings = config(rounds, weights=weights, episodes=episodes, own=own, **search_settings)
    search, names = begun(settings)
    assert len(set(names)) == len(names)
    rng = np.random.default_rng(seed)
    tables: dict[bytes, list[list[int | None]]] = {}
    for name in names:
        drawn = rng.choice(RETURNS, (weights, episodes)).tolist()
        tables[name] = [[None if rng.random() < broken else value for value in row] for row in drawn]
    connections = search.population.connections.tolist()
    # Somebody has a finite return: a generation without any ends the search.
    tables[names[0]] = [[1] * episodes for _ in range(weights)]
    new = shares(np.array(VALUES[:weights]), episodes, rounds, 0)
    expected = [
        oracle.race(
            [oracle.Network(connections[one], tables[names[one]]) for one in range(begin, begin + SIZE)],
            [[divmod(trial, episodes) for trial in share.tolist()] for share in new],
            exponent=exponent,
            by_connections=by_connections,
            most_connections=most_connections,
        )
        for begin in range(0, len(names), SIZE)
    ]
    book = Book(settings, search, tables)
    step = Generations(settings, make_task(settings.task), search).step(book)
    assert names_of(search) == [
        names[number * SIZE + one] for number, result in enumerate(expected) for one in result.order
    ]
    played = {
        (names[number * SIZE + one], *trial)
        for number, result in enumerate(expected)
        for one, trials in result.met.items()
        for trial in trials
    }
    assert set(book.met) == played
    assert set(book.met.values()) == {1}
    assert (step.row.evaluations, step.row.steps) == (len(played), 3 * len(played))
    assert step.steps == 3.0
    for number, (result, champion) in enumerate(zip(expected, search.champions, strict=True)):
        assert (champion is None) == (not result.complete)
        if champion is not None:
            best = digest(champion.population)
            assert best in [names[number * SIZE + one] for one in result.complete]
    means = {
        number * SIZE + one: mean_over(tables[names[number * SIZE + one]], trials)
        for number, result in enumerate(expected)
        for one, trials in result.met.items()
        if most_connections is None or connections[number * SIZE + one] <= most_connections
    }
    fit = [mean for mean in means.values() if mean is not None]
    complete = [number * SIZE + one for number, result in enumerate(expected) for one in result.complete]
    assert step.row.median_mean == (pytest.approx(np.median(fit)) if fit else -np.inf)
    if complete:
        assert step.row.best_mean == pytest.approx(max(float(means[one] or 0.0) for one in complete))
    failed = [one for one, name in enumerate(names) if mean_over(tables[name], met_by(expected, one)) is None]
    assert step.row.failed == len(failed)


@given(
    weights=st.integers(1, 40),
    episodes=st.integers(1, 5),
    rounds=st.integers(1, 7),
    turn=st.integers(0, 99),
    seed=st.integers(0, 99),
)
def test_shares_double_and_are_spread_over_weights_and_episodes(
    weights: int, episodes: int, rounds: int, turn: int, seed: int
) -> None:
    values = np.random.default_rng(seed).permutation(np.linspace(-2.0, 2.0, weights))
    found = shares(values, episodes, rounds, turn)
    count = weights * episodes
    assert sorted(np.concatenate(found).tolist()) == list(range(count))
    place = np.argsort(np.argsort(values))
    for number in range(rounds):
        met = np.concatenate(found[: number + 1])
        assert len(met) == -(-count // 2 ** (rounds - 1 - number))
        often = np.bincount(met // episodes, minlength=weights)
        assert often.max() - often.min() <= 1
        # Between neighbours that were met there is no gap of more than about twice the mean one.
        weights_met = np.unique(place[met // episodes])
        gaps = np.diff(np.concatenate([[-1], weights_met, [weights]]))
        assert gaps.max() <= 2 * -(-weights // len(weights_met)) + 1
        assert len(np.unique(met % episodes)) >= min(episodes, len(met) if len(met) <= weights else 1)


@pytest.mark.parametrize(
    ("turn", "expected"), [(0, [[-2.0, 1.0], [-0.5], [-1.0, 0.5, 2.0]]), (1, [[-1.0, 2.0], [0.5]])]
)
def test_the_published_weights_take_turns(turn: int, expected: list[list[float]]) -> None:
    values = np.array([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
    found = [values[share].tolist() for share in shares(values, 1, 3, turn)]
    assert found[: len(expected)] == expected


@pytest.mark.parametrize("own", [False, True])
def test_a_race_plays_the_episodes_that_a_plain_generation_plays(own: bool) -> None:
    # With real environments: who met all in the race has, bit by bit, the returns of a plain generation.
    task = make_task(config(1).task)
    settings = [config(racing, own=own) for racing in (1, 3)]
    (search, names), (plainly, _) = begun(settings[1]), begun(settings[0])
    with LocalEvaluator(task, 1) as evaluator:
        raced = Generations(settings[1], task, search).step(evaluator)
        plain = Generations(settings[0], task, plainly).step(evaluator)
    complete = [names.index(name) for name in names_of(search)[:4]]
    assert (raced.returns[complete] == plain.returns[complete]).all()
    assert raced.row.best_mean == raced.returns[complete].mean(axis=1).max()
    assert (raced.row.evaluations, plain.row.evaluations) == (13 * 3 + 7 * 3 + 4 * 6, 13 * 12)
    assert 0 < raced.row.steps < plain.row.steps


def test_every_round_of_a_race_has_the_rules_of_the_search() -> None:
    settings = config(3, weights=4, episodes=1)
    rules = Rules(limit=7, patience=3, gain=0.5)
    met: list[Trial] = []

    def evaluate(batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial) -> Outcome:
        met.append(trial)
        return Outcome.blank(len(batch), len(weights), trial)

    search, _ = begun(settings)
    batch = compile_population(search.ask())
    race(search, batch, np.array(VALUES[:4]), Trial(np.arange(1), rules=rules), evaluate)
    assert [trial.rules for trial in met] == [rules] * 3


class Breaking(Book):
    """Fails for the last network of the second round and, if nobody may pass, for all of the first."""

    everybody = False

    def evaluate(self, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial) -> Outcome:
        outcome = super().evaluate(batch, weights, trial)
        if self.everybody:
            return outcome.without(dict.fromkeys(range(len(batch)), "no start"))
        return outcome.without({6: "fell over"}) if len(batch) == 7 else outcome


def test_a_network_that_breaks_later_is_named_by_its_index_and_ranked_last() -> None:
    settings = config(3)
    search, names = begun(settings)
    # The later, the better: the second round is between 6, 7, ... 12.
    book = Breaking(settings, search, {name: [[place] * 2] * 6 for place, name in enumerate(names)})
    said: list[dict[int, str]] = []
    generations = Generations(
        settings, make_task(settings.task), search, lambda _, failed: said.append({**failed})
    )
    step = generations.step(book)
    assert said[0] == {12: "fell over"}
    assert names_of(search)[-1] == names[12]
    assert (step.row.failed, step.row.best_mean) == (1, 11.0)
    assert {names.index(name) for name in names_of(search)[:4]} == {8, 9, 10, 11}


def test_a_race_that_nobody_can_begin_ends_the_search_with_the_reason() -> None:
    settings = config(3)
    search, names = begun(settings)
    book = Breaking(settings, search, {name: [[0] * 2] * 6 for name in names})
    book.everybody = True
    with pytest.raises(BadInput, match="network 0 could not be evaluated: no start"):
        Generations(settings, make_task(settings.task), search).step(book)
    assert sum(book.met.values()) == SIZE * 3


def test_more_rounds_than_there_are_halves_are_refused() -> None:
    with pytest.raises(BadInput, match=r"search.racing 4 needs task.episodes x weights of at least 8.* 6"):
        config(4, episodes=1)
    with pytest.raises(
        BadInput, match=r"racing 5 halves the population 4 times; 13 networks can be halved 3 times"
    ):
        config(5)


def test_whoever_evaluates_networks_cannot_let_them_race() -> None:
    with pytest.raises(BadInput, match=r"search.racing: 2; accepted is 1"):
        wann.Search(3, 1, settings={"search.racing": 2})
