"""Densities begin at 1, never rise, and end where they should."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wann.pruning import SCHEDULES, GradualPlan, IterativePlan, LevelsPlan, OneShotPlan
from wann.pruning.schedules import iterative

schedules = st.sampled_from(sorted(SCHEDULES))


@given(schedules, st.floats(0.0001, 1), st.integers(1, 200))
def test_a_schedule_starts_dense_never_rises_and_ends_at_the_target(
    name: str, density: float, rounds: int
) -> None:
    course = [SCHEDULES[name](density, done, rounds) for done in range(rounds + 1)]
    assert course[0] == 1.0
    assert course[-1] == pytest.approx(density, rel=1e-12)
    assert all(after <= before + 1e-15 for before, after in pairwise(course))
    assert all(density * (1 - 1e-12) <= value <= 1 for value in course)


def test_exponential_removes_the_same_share_in_every_round() -> None:
    course = [SCHEDULES["exponential"](0.01, done, 4) for done in range(5)]
    assert course == pytest.approx([1, 0.1**0.5, 0.1, 0.1**1.5, 0.01])


def test_cubic_is_the_formula_of_zhu_and_gupta() -> None:
    """s_t = s_f + (s_i - s_f) (1 - t / n)^3 with s_i = 0."""
    for done in range(11):
        sparsity = 0.9 - 0.9 * (1 - done / 10) ** 3
        assert SCHEDULES["cubic"](0.1, done, 10) == pytest.approx(1 - sparsity)


def test_one_shot_is_there_at_once() -> None:
    assert [SCHEDULES["one-shot"](0.2, done, 3) for done in range(4)] == [1.0, 0.2, 0.2, 0.2]


@given(st.floats(0, 0.99), st.integers(0, 30))
def test_iterative_removes_a_share_of_what_is_left(rate: float, done: int) -> None:
    left = 1.0
    for _ in range(done):
        left -= rate * left
    assert iterative(rate, done) == pytest.approx(left, rel=1e-9)


def test_plans_say_how_dense_a_network_is_after_each_round() -> None:
    assert [IterativePlan(rate=0.2).density(done) for done in range(3)] == pytest.approx([1, 0.8, 0.64])
    assert IterativePlan(rate=0.2).density(2, 0.1) == pytest.approx(0.81)
    levels = LevelsPlan(levels=(0.5, 0.9))
    assert levels.count == 2
    assert [levels.density(done) for done in (1, 2)] == pytest.approx([0.5, 0.1])
    one = OneShotPlan(sparsity=0.7)
    assert one.count == 1
    assert one.density(1) == pytest.approx(0.3)
    assert one.density(1, 0.4) == pytest.approx(0.6)
    steps = GradualPlan(schedule="cubic", sparsity=0.8, rounds=5)
    assert [steps.density(done) for done in range(6)] == pytest.approx(
        [1 - 0.8 * (1 - (1 - done / 5) ** 3) for done in range(6)]
    )
