"""An evaluation cut anywhere gives the bits of the whole one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.evaluation.stubs import Stub, connections
from tests.samples import evolved
from wann.errors import BadInput
from wann.evaluation import LocalEvaluator
from wann.evaluation.chunks import Chunk, Evaluation, compute
from wann.genome import MutationSettings, first_population, mutate
from wann.network import NetworkBatch, compile_population
from wann.tasks import Outcome, Task, Trial, make_task, task_settings

CHANGES = MutationSettings(duplicate_node=0.2, disable_connection=0.2)


@cache
def swing_up() -> Task:
    return make_task(task_settings("wann/CartPoleSwingUp-v0", episode_limit=25))


@cache
def grown(generations: int) -> NetworkBatch:
    population = first_population(5, 1, 9, 0.4, np.random.default_rng(generations))
    newest = population.newest_node
    for generation in range(generations):
        population, newest = mutate(population, np.arange(9), CHANGES, newest, 7, generation)
    return compile_population(population)


def lone() -> NetworkBatch:
    """A single connection each, or none at all."""
    return compile_population(first_population(5, 1, 9, 0.05, np.random.default_rng(1)))


def pieces(draw: st.DrawFn, chunk: Chunk) -> Iterator[Chunk]:
    """Cut it, and cut what comes of it, in any of the three directions."""
    axes = [axis for axis in ("networks", "weights", "episodes") if np.diff(getattr(chunk, axis))[0] > 1]
    if not axes or draw(st.integers(0, 3)) == 0:
        yield chunk
        return
    axis = draw(st.sampled_from(axes))
    begin, end = getattr(chunk, axis)
    middle = draw(st.integers(begin + 1, end - 1))
    for pair in ((begin, middle), (middle, end)):
        part: dict[str, tuple[int, int]] = {axis: pair}
        yield from pieces(draw, replace(chunk, **part))  # type: ignore[arg-type]


@st.composite
def cuts(draw: st.DrawFn) -> tuple[NetworkBatch, NDArray[np.float64], Trial, list[Chunk]]:
    batch = draw(st.sampled_from([grown(0), grown(8), grown(40), lone()]))
    rng = np.random.default_rng(draw(st.integers(0, 5)))
    weights, episodes, own = draw(st.integers(1, 5)), draw(st.integers(1, 4)), draw(st.booleans())
    shape = (weights,) if draw(st.booleans()) else (weights, int(batch.connections.sum()))
    trial = Trial(rng.integers(0, 10**6, (weights, episodes) if own else episodes))
    values = rng.uniform(-2, 2, shape)
    whole = Evaluation(batch, values, trial).whole
    return batch, values, trial, list(pieces(draw, whole))


@given(cuts())
def test_any_cut_gives_the_same_bits(
    given: tuple[NetworkBatch, NDArray[np.float64], Trial, list[Chunk]],
) -> None:
    batch, weights, trial, chunks = given
    task = swing_up()
    with LocalEvaluator(task, 1) as evaluator:
        expected = evaluator.evaluate(batch, weights, trial)
    evaluation = Evaluation(batch, weights, trial)
    evaluation.outcome.returns[:] = np.nan
    for chunk in chunks:
        outcome = compute(task, evaluation.message(chunk))
        evaluation.store(chunk, outcome.returns, outcome.steps)
    assert evaluation.outcome.returns.tobytes() == expected.returns.tobytes()
    assert evaluation.outcome.steps.tobytes() == expected.steps.tobytes()


@given(
    networks=st.integers(1, 30),
    weights=st.integers(1, 9),
    episodes=st.integers(1, 5),
    parts=st.integers(1, 12),
)
def test_parts_cover_a_chunk_once(networks: int, weights: int, episodes: int, parts: int) -> None:
    chunk = Chunk((3, 3 + networks), (2, 2 + weights), (0, episodes), penalty=2)
    found = list(chunk.split(parts))
    assert len(found) <= parts
    cells = [
        cell
        for part in found
        for cell in product(range(*part.networks), range(*part.weights), range(*part.episodes))
    ]
    assert sorted(cells) == list(
        product(range(*chunk.networks), range(*chunk.weights), range(*chunk.episodes))
    )
    assert {part.penalty for part in found} == {2}


@given(
    networks=st.integers(1, 40),
    weights=st.integers(1, 12),
    episodes=st.integers(1, 12),
    count=st.integers(1, 40),
)
def test_parts_of_a_small_evaluation_are_of_weights_and_episodes_too(
    networks: int, weights: int, episodes: int, count: int
) -> None:
    chunk = Chunk((3, 3 + networks), (2, 2 + weights), (1, 1 + episodes), penalty=2)
    found = list(chunk.divide(count))
    cells = [
        cell
        for part in found
        for cell in product(range(*part.networks), range(*part.weights), range(*part.episodes))
    ]
    assert sorted(cells) == list(
        product(range(*chunk.networks), range(*chunk.weights), range(*chunk.episodes))
    )
    assert sum(part.rollouts for part in found) == chunk.rollouts == networks * weights * episodes
    assert min(count, chunk.rollouts) / 2 <= len(found) <= count
    assert {part.penalty for part in found} == {2}


def test_costs_of_parts_add_up() -> None:
    evaluation = Evaluation(grown(8), np.ones(4), Trial(np.arange(3)))
    parts = [piece for part in evaluation.whole.split(4) for piece in part.split(1)]
    narrow = [replace(part, weights=(0, 1), episodes=(1, 3)) for part in parts]
    assert sum(map(evaluation.cost_of, parts)) == pytest.approx(evaluation.cost[-1])
    assert sum(map(evaluation.cost_of, narrow)) == pytest.approx(evaluation.cost[-1] / 6)


def test_an_outcome_of_another_shape_is_refused() -> None:
    evaluation = Evaluation(grown(0), np.ones(2), Trial(np.arange(3)))
    with pytest.raises(ValueError, match="shape"):
        evaluation.store(evaluation.whole, np.zeros((1, 1, 1)), np.zeros((1, 1, 1), np.int32))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_network_that_the_task_fails_for_is_named_and_the_others_are_played(workers: int) -> None:
    batch = compile_population(evolved(1, 5))
    guilty = int(np.bincount(connections(batch)).argmax())
    weights, trial = np.array([0.5, 2.0]), Trial(np.arange(4))
    with LocalEvaluator(Stub(), workers) as evaluator:
        good: Outcome = evaluator.evaluate(batch, weights, trial)
    with LocalEvaluator(Stub(misdeeds={guilty: "raise"}), workers) as evaluator:
        outcome = evaluator.evaluate(batch, weights, trial)
    failed = np.isnan(outcome.returns).all(axis=(1, 2))
    assert failed.any()
    assert not failed.all()
    assert list(outcome.failed) == np.flatnonzero(failed).tolist()
    assert set(outcome.failed.values()) == {f"ZeroDivisionError: no reward for {guilty} connections"}
    np.testing.assert_array_equal(outcome.returns[~failed], good.returns[~failed])
    assert good.checked() is good
    with pytest.raises(
        BadInput, match=rf"network {int(np.flatnonzero(failed)[0])} could not be evaluated: Zero"
    ):
        outcome.checked()
