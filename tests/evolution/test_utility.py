"""A convex utility keeps the order of returns and prefers the uneven."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from wann.evolution import utility

returns = arrays(np.float64, st.integers(1, 20), elements=st.floats(-1e300, 1e300, allow_subnormal=False))


@given(returns, st.integers(1, 16))
def test_the_order_of_returns_stays(values: NDArray[np.float64], exponent: int) -> None:
    worth = utility(values, exponent)
    order = np.argsort(values, kind="stable")
    assert (np.diff(worth[order]) >= 0).all()
    assert np.isfinite(worth).all()
    assert (np.sign(worth) * np.sign(values) >= 0).all()


def test_it_is_a_power_of_the_return_with_its_sign() -> None:
    values = np.array([[-4.0, -1.0], [2.0, 8.0]])
    assert utility(values, 3) == pytest.approx(np.sign(values) * np.abs(values / 8.0) ** 3)
    assert utility(values, 1) is values


def test_good_under_some_weights_beats_middling_under_all() -> None:
    worth = utility(np.array([[600.0, 600.0, 600.0], [900.0, 450.0, 300.0]]), 4).mean(axis=1)
    assert worth[1] > worth[0]


def test_what_is_not_finite_stays_so() -> None:
    worth = utility(np.array([np.nan, np.inf, -np.inf, 2.0, 1.0]), 2)
    assert np.isnan(worth[0])
    assert worth[1:].tolist() == [np.inf, -np.inf, 1.0, 0.25]
    assert np.isnan(utility(np.array([np.nan]), 4)).all()
    assert utility(np.zeros(3), 4).tolist() == [0.0, 0.0, 0.0]
