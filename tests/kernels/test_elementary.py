"""The float32 functions keep their promises: error bounds, equal bits in lanes, edges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from wann.activations import ACTIVATIONS, BY_NAME, Activation
from wann.kernels import compiler, elementary
from wann.kernels.elementary import ERROR_BOUNDS, exp, log
from wann.kernels.forward import activate
from wann.kernels.lanes import LANES, load, no_lanes, store, total

Floats = NDArray[np.float32]

KERNEL = {"sin": "sin_pi", "cos": "cos_pi", "gaussian": "gaussian", "tanh": "tanh", "sigmoid": "sigmoid"}
UNIT = 2.0**-24
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
each_activation = pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda entry: entry.name)


@compiler.kernel
def _scalars(activation, values, results):  # type: ignore[no-untyped-def]
    for index in range(values.shape[0]):
        results[index] = activate(activation, values[index])


@compiler.kernel
def _lanes(activation, values, results):  # type: ignore[no-untyped-def]
    for begin in range(0, values.shape[0], LANES):
        store(results, begin, activate(activation, load(values, begin, no_lanes())))


def run(kernel: Callable[..., Any], name: str, values: Floats) -> Floats:
    """The activation of every value; the row is filled up with zeros to whole lanes."""
    padded = np.zeros(-(-len(values) // LANES) * LANES, np.float32)
    padded[: len(values)] = values
    results = np.empty_like(padded)
    kernel(BY_NAME[name].id, padded, results)
    return results[: len(values)]


def one(name: str, value: float) -> float:
    return float(run(_scalars, name, np.array([value], np.float32))[0])


def bound(activation: Activation, x: NDArray[np.float64], exact: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far float32 may be from the formula at these points."""
    if activation.name == "square":
        return UNIT * exact + 1e-44
    if activation.name not in KERNEL:
        return np.zeros_like(x)
    own = np.full_like(x, ERROR_BOUNDS[KERNEL[activation.name]])
    # Beyond |x| = 1 the rounding of x + 1/2 counts.
    return own + np.pi * UNIT * np.abs(x) * (np.abs(x) > 1) if activation.name == "cos" else own


def check(activation: Activation, values: Floats) -> None:
    x = values.astype(np.float64)
    with np.errstate(over="ignore", under="ignore"):
        exact = np.asarray(activation.reference(x))
    error = np.abs(run(_scalars, activation.name, values) - exact)
    worst = int(np.argmax(error - bound(activation, x, exact)))
    assert (error <= bound(activation, x, exact)).all(), f"{values[worst]!r}: off by {error[worst]}"


def dense_grid() -> Floats:
    """Even steps where functions bend, and every binary exponent with random digits."""
    rng = np.random.default_rng(0)
    even = [np.linspace(-limit, limit, 200_001) for limit in (1.0, 12.0, 1000.0)]
    powers = 2.0 ** np.repeat(np.arange(-126, 20), 50)
    digits = powers * rng.uniform(1, 2, len(powers)) * rng.choice([-1, 1], len(powers))
    # Where tanh and sigmoid reach their limits a rational function overshoots most easily.
    even += [np.linspace(limit - 2.0, limit, 200_001) for limit in (9.0, 18.0)]
    edges = [0.5, 1.5, 2.5, 8.999999, 9.0, 9.000001, 13.2, 13.3]
    return np.concatenate([*even, digits, edges, np.negative(edges)]).astype(np.float32)


@each_activation
def test_error_bounds_hold_on_a_dense_grid(activation: Activation) -> None:
    check(activation, dense_grid())


@each_activation
@given(numbers=st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=30))
def test_error_bounds_hold_anywhere(activation: Activation, numbers: list[float]) -> None:
    # Beyond 1e6 the float64 reference itself loses the phase of sine and cosine.
    check(activation, np.array(numbers, np.float32))


@compiler.kernel
def _exponentials(values, results):  # type: ignore[no-untyped-def]
    for begin in range(0, values.shape[0], LANES):
        store(results, begin, exp(load(values, begin, no_lanes())))


@compiler.kernel
def _logarithms(values, results):  # type: ignore[no-untyped-def]
    for begin in range(0, values.shape[0], LANES):
        store(results, begin, log(load(values, begin, no_lanes())))


def lanes_of(kernel: Callable[..., Any], values: Floats) -> Floats:
    results = np.empty_like(values)
    kernel(values, results)
    return results


def test_the_exponential_keeps_its_relative_bound_over_eighty_either_way() -> None:
    x = np.linspace(-80, 80, LANES * 40_000).astype(np.float32)
    exact = np.exp(x.astype(np.float64))
    assert np.abs(lanes_of(_exponentials, x) / exact - 1).max() <= ERROR_BOUNDS["exp"]


def test_the_exponential_is_clamped_where_it_would_leave_float32() -> None:
    x = np.full(LANES, 1e4, np.float32)
    assert lanes_of(_exponentials, x)[0] == pytest.approx(np.exp(87.0), rel=1e-6)
    assert lanes_of(_exponentials, -x)[0] == pytest.approx(np.exp(-87.0), rel=1e-6)
    assert np.isnan(lanes_of(_exponentials, x * np.float32(np.nan))).all()


def test_the_logarithm_keeps_its_bound_over_all_normal_numbers() -> None:
    powers = np.linspace(np.log(1.2e-38), np.log(3.3e38), LANES * 20_000)
    near_one = np.linspace(0.5, 2.0, LANES * 20_000)
    x = np.concatenate([np.exp(powers), near_one]).astype(np.float32)
    exact = np.log(x.astype(np.float64))
    error = np.abs(lanes_of(_logarithms, x) - exact) / np.maximum(1.0, np.abs(exact))
    assert error.max() <= ERROR_BOUNDS["log"]


@compiler.kernel
def _totals(values, results):  # type: ignore[no-untyped-def]
    for row in range(results.shape[0]):
        results[row] = total(load(values, row * LANES, no_lanes()))


def test_a_total_is_the_sum_of_all_lanes() -> None:
    values = np.random.default_rng(0).normal(0, 1e3, (50, LANES)).astype(np.float32)
    results = np.empty(50)
    _totals(values.reshape(-1), results)
    np.testing.assert_allclose(results, values.sum(axis=1, dtype=np.float64), rtol=0, atol=1e-9)


def test_every_bound_is_tested() -> None:
    assert set(ERROR_BOUNDS) == {*KERNEL.values(), "exp", "log"}
    assert set(ERROR_BOUNDS) <= set(elementary.__all__)


@each_activation
def test_lanes_have_the_bits_of_scalars(activation: Activation) -> None:
    grid = dense_grid()
    values = np.concatenate([grid, np.array([np.nan, np.inf, -np.inf, -0.0, 3e38, -3e38], np.float32)])
    alone, together = (run(kernel, activation.name, values) for kernel in (_scalars, _lanes))
    same = (alone.view(np.uint32) == together.view(np.uint32)) | (np.isnan(alone) & np.isnan(together))
    assert same.all()


@each_activation
def test_nan_goes_through_but_for_the_step(activation: Activation) -> None:
    for kernel in (_scalars, _lanes):
        found = run(kernel, activation.name, np.array([np.nan], np.float32))[0]
        # A comparison with NaN is false, so that the formula itself says 0.
        assert found == 0 if activation.name == "step" else np.isnan(found)


@pytest.mark.parametrize(
    ("name", "below", "above"),
    [
        ("linear", -np.inf, np.inf),
        ("step", 0, 1),
        ("gaussian", 0, 0),
        ("tanh", -1, 1),
        ("sigmoid", 0, 1),
        ("inverse", np.inf, -np.inf),
        ("abs", np.inf, np.inf),
        ("relu", 0, np.inf),
        ("square", np.inf, np.inf),
    ],
)
def test_infinities_give_the_limits(name: str, below: float, above: float) -> None:
    assert one(name, -np.inf) == pytest.approx(below, abs=3e-7)
    assert one(name, np.inf) == pytest.approx(above, abs=3e-7)


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_waves_have_no_value_at_infinity(name: str) -> None:
    assert np.isnan(one(name, np.inf))
    assert np.isnan(one(name, -np.inf))


@given(finite)
def test_bounded_functions_stay_within_their_range(x: float) -> None:
    assert -1 <= one("tanh", x) <= 1
    assert 0 <= one("sigmoid", x) <= 1
    assert 0 <= one("gaussian", x) <= 1
    assert abs(one("sin", x)) <= 1
    assert abs(one("cos", x)) <= 1


def test_bounded_functions_stay_within_their_range_on_a_dense_grid() -> None:
    grid = dense_grid()
    for name, low in (("tanh", -1), ("sigmoid", 0), ("gaussian", 0), ("sin", -1), ("cos", -1)):
        results = run(_scalars, name, grid)
        assert low <= results.min(), name
        assert results.max() <= 1, name


@given(finite)
def test_symmetries_are_exact(x: float) -> None:
    assert one("tanh", -x) == -one("tanh", x)
    assert one("sin", -x) == -one("sin", x)
    assert one("gaussian", -x) == one("gaussian", x)


def test_values_at_zero() -> None:
    found = {name: one(name, 0.0) for name in BY_NAME}
    ones = {"gaussian": 1.0, "cos": pytest.approx(1.0, abs=4e-7), "sigmoid": 0.5}
    assert found == dict.fromkeys(BY_NAME, 0.0) | ones


@given(st.integers(-(2**24), 2**24))
def test_sine_of_whole_turns_is_zero(whole: int) -> None:
    assert one("sin", whole) == 0


@given(st.integers(-(2**21), 2**21))
def test_cosine_of_whole_turns_is_one_or_minus_one(whole: int) -> None:
    assert one("cos", whole) == pytest.approx(1 if whole % 2 == 0 else -1, abs=4e-7)
