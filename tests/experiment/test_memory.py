"""What is remembered is not evaluated again, and shows in no result."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.evaluation.stubs import Stub
from tests.experiment.test_generation import result, run
from tests.tasks.environments import here
from wann.evaluation import LocalEvaluator
from wann.evolution import Search
from wann.experiment import Generations, parse_config
from wann.experiment.memory import Memory
from wann.genome import MutationSettings, Population, first_population, join, mutate
from wann.network import NetworkBatch, compile_population
from wann.tasks import Outcome, Rules, Trial, make_task

pytestmark = pytest.mark.usefixtures("_no_report")

WEIGHTS = np.array([-1.0, 0.5])
TRIAL = Trial(np.array([1, 2, 3]))


class Watched(LocalEvaluator):
    """Counts the networks that it is given."""

    def __init__(self, task: Any) -> None:
        super().__init__(task, 1)
        self.given: list[int] = []

    def evaluate(self, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial) -> Outcome:
        self.given.append(len(batch))
        return super().evaluate(batch, weights, trial)


def grown(size: int = 6, seed: int = 0) -> Population:
    population = first_population(3, 2, size, 1.0, np.random.default_rng(seed))
    newest = population.newest_node
    for generation in range(6):
        population, newest = mutate(population, np.arange(size), MutationSettings(), newest, seed, generation)
    return population


def assert_same(one: Outcome, other: Outcome) -> None:
    assert one.returns.tobytes() == other.returns.tobytes()
    assert one.steps.tobytes() == other.steps.tobytes()
    assert dict(one.failed) == dict(other.failed)


def kinds(population: Population) -> int:
    return len(set(compile_population(population).fingerprints()))


def test_equal_programs_and_no_others_have_equal_fingerprints() -> None:
    batch = compile_population(grown(40))
    program = batch.merged
    described = []
    for begin, end in zip(program.node_rows[:-1], program.node_rows[1:], strict=True):
        first, last = program.edge_rows[begin], program.edge_rows[end]
        described.append(
            (
                (program.edge_rows[begin : end + 1] - first).tolist(),
                program.activation[begin:end].tolist(),
                program.source[first:last].tolist(),
                program.times[first:last].tolist(),
            )
        )
    found = batch.fingerprints()
    for index, one in enumerate(described):
        for other in range(index):
            assert (one == described[other]) == (found[index] == found[other])
    # Neither does a network's place show.
    turned = compile_population(grown(40).take(np.arange(40)[::-1]))
    assert turned.fingerprints() == found[::-1]


def test_networks_meet_the_same_episodes_once() -> None:
    population = grown()
    batch, memory, evaluator = compile_population(population), Memory(), Watched(Stub())
    plain = LocalEvaluator(Stub(), 1).evaluate(batch, WEIGHTS, TRIAL)
    for _ in range(2):
        assert_same(memory.evaluate(evaluator, batch, WEIGHTS, TRIAL), plain)
    assert evaluator.given == [kinds(population)]
    twice = compile_population(join([population, grown(seed=1), population]))
    expected = LocalEvaluator(Stub(), 1).evaluate(twice, WEIGHTS, TRIAL)
    memory.next_generation()
    assert_same(memory.evaluate(evaluator, twice, WEIGHTS, TRIAL), expected)
    assert evaluator.given[1] == kinds(join([population, grown(seed=1)])) - kinds(population)
    # What two generations have not met is forgotten.
    memory.next_generation()
    memory.next_generation()
    assert_same(memory.evaluate(evaluator, batch, WEIGHTS, TRIAL), plain)
    assert evaluator.given[2] == kinds(population)


OTHERWISE: dict[str, tuple[NDArray[np.float64], Trial]] = {
    "weights": (np.array([-1.0, 0.75]), TRIAL),
    "episodes": (WEIGHTS, Trial(np.array([1, 2, 4]))),
    "fewer episodes": (WEIGHTS, Trial(np.array([1, 2]))),
    "a limit": (WEIGHTS, replace(TRIAL, rules=Rules(limit=5))),
    "patience": (WEIGHTS, replace(TRIAL, rules=Rules(patience=5))),
    "a reward": (WEIGHTS, replace(TRIAL, rules=Rules(own_reward=True))),
    "episodes of each weight": (WEIGHTS, Trial(np.array([[1, 2, 3], [4, 5, 6]]))),
    "a part": (WEIGHTS, replace(TRIAL, part="test")),
}


@pytest.mark.parametrize(("weights", "trial"), OTHERWISE.values(), ids=OTHERWISE)
def test_what_is_met_otherwise_is_met_anew(weights: NDArray[np.float64], trial: Trial) -> None:
    batch, memory, evaluator = compile_population(grown()), Memory(), Watched(Stub())
    memory.evaluate(evaluator, batch, WEIGHTS, TRIAL)
    found = memory.evaluate(evaluator, batch, weights, trial)
    assert_same(found, LocalEvaluator(Stub(), 1).evaluate(batch, weights, trial))
    assert evaluator.given == [kinds(grown())] * 2


def test_what_fails_is_not_remembered_and_takes_its_equals_with_it() -> None:
    population = join([grown(), grown()])
    batch, memory = compile_population(population), Memory()
    worst = int(np.diff(batch.merged.edge_rows[batch.merged.node_rows]).max())
    task = Stub(misdeeds={worst: "raise"})
    evaluator, plain = Watched(task), LocalEvaluator(task, 1).evaluate(batch, WEIGHTS, TRIAL)
    assert len(plain.failed) >= 2
    for _ in range(2):
        assert_same(memory.evaluate(evaluator, batch, WEIGHTS, TRIAL), plain)
    assert evaluator.given[0] == kinds(population)
    assert 0 < evaluator.given[1] < len(plain.failed)


REMEMBERING: dict[str, dict[str, Any]] = {
    "kernel": {"redraw_every": 3},
    "stepped": {"id": here("Sums"), "redraw_every": 3},
    "cut early": {
        "id": here("Sums"),
        "redraw_every": 2,
        "patience": 3,
        "first_limit": 5,
        "limit_grows_for": 6,
    },
}


@pytest.mark.parametrize("settings", REMEMBERING.values(), ids=REMEMBERING)
def test_what_is_remembered_shows_in_no_file_and_after_no_interruption(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(tmp_path / "whole", **settings)
    run(tmp_path / "cut", stops=2, **settings)
    monkeypatch.setattr(Memory, "evaluate", lambda _, evaluator, *what: evaluator.evaluate(*what))
    run(tmp_path / "plain", **settings)
    assert result(tmp_path / "whole") == result(tmp_path / "cut") == result(tmp_path / "plain")


def test_elites_keep_their_returns_until_episodes_are_redrawn() -> None:
    config = parse_config(
        {
            "task": {"id": "CartPole-v1", "episodes": 1, "episode_limit": 9, "redraw_every": 3},
            "search": {"population": 20, "generations": 6, "tournament": 2, "elite": 0.5, "cull": 0.0},
        }
    )
    task = make_task(config.task)
    search = Search.begin(config.search, config.mutation, task.inputs, task.outputs, 0)
    generations, evaluator, evaluated = Generations(config, task, search), Watched(task), []
    while not search.finished:
        evaluator.given.clear()
        generations.step(evaluator)
        evaluated.append(evaluator.given[0])
    elites = config.search.elites
    assert elites == 10
    for generation, count in enumerate(evaluated):
        # Where episodes are the same only children are evaluated; elites that compute the same are one.
        assert generation % 3 == 0 or count <= 20 - elites
    assert evaluated[3] > 10
