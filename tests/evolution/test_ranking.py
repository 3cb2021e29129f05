"""Fronts and crowding distances are those of their definitions, ties included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.oracles import ranking as oracle
from wann.evolution import crowding_distance, non_dominated_fronts, rank

# Few distinct values make ties in one objective, and in both.
coarse = st.integers(-3, 3).map(float)
fine = st.floats(-1e6, 1e6)
points = st.lists(st.tuples(coarse, coarse), min_size=1, max_size=40) | st.lists(
    st.tuples(fine, coarse), min_size=1, max_size=40
)


def objectives(points: list[oracle.Point]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    first, second = np.array(points).T
    return np.ascontiguousarray(first), np.ascontiguousarray(second)


@given(points)
def test_fronts_are_what_peeling_gives(points: list[oracle.Point]) -> None:
    assert non_dominated_fronts(*objectives(points)).tolist() == oracle.fronts(points)


@given(points)
def test_crowding_is_the_distance_between_neighbours(points: list[oracle.Point]) -> None:
    front = oracle.fronts(points)
    found = crowding_distance(np.array(front), *objectives(points))
    assert found.tolist() == pytest.approx(oracle.crowding(points, front))


@given(points)
def test_ranking_goes_by_front_then_by_crowding_then_by_place(points: list[oracle.Point]) -> None:
    assert rank(*objectives(points)).tolist() == oracle.ranked(points)


@given(points, st.integers(0, 99))
def test_fronts_do_not_depend_on_the_order_of_individuals(points: list[oracle.Point], seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(points))
    first, second = objectives(points)
    there = non_dominated_fronts(first, second)[order]
    assert (non_dominated_fronts(first[order], second[order]) == there).all()


def test_a_front_of_equal_individuals_keeps_their_order() -> None:
    same = np.ones(5)
    assert non_dominated_fronts(same, same).tolist() == [0] * 5
    assert rank(same, same)[0] == 0


def test_the_ends_of_a_front_come_before_its_middle() -> None:
    first = np.array([2.0, 1.0, 3.0, 0.0, 2.9])
    second = -first
    assert crowding_distance(np.zeros(5, np.int64), first, second)[[2, 3]].tolist() == [np.inf, np.inf]
    # Of the three between, the one with the widest gap around it (from 0 to 2).
    assert rank(first, second).tolist() == [2, 3, 1, 0, 4]


def test_nobody_at_all_has_an_empty_ranking() -> None:
    assert rank(np.zeros(0), np.zeros(0)).tolist() == []
