"""Curves and fronts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from wann.errors import BadInput
from wann.reporting import draw_front, draw_learning, draw_weight_response, non_dominated

COLUMNS = [
    "generation",
    "best_mean",
    "median_mean",
    "best_max",
    "champion_mean",
    "best_connections",
    "median_connections",
]


def metrics(generations: int) -> dict[str, np.ndarray]:
    return {name: np.arange(generations, dtype=float) + place for place, name in enumerate(COLUMNS)}


def learning(path: Path) -> None:
    draw_learning(metrics(20), path, title="Swing-up $x$", score="return")


def response(path: Path) -> None:
    weights = np.linspace(-2, 2, 9)
    draw_weight_response(weights, weights**2, np.ones(9), path, chosen=1.5)


def front(path: Path) -> None:
    draw_front(np.array([3, 9, 5]), np.array([1.0, 4.0, 0.5]), path, champion=(9, 4.0))


DRAWINGS = pytest.mark.parametrize("draw", [learning, response, front])


@DRAWINGS
@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf"])
def test_equal_numbers_give_equal_bytes(tmp_path: Path, draw: Callable[[Path], None], suffix: str) -> None:
    for name in "ab":
        draw(tmp_path / f"{name}{suffix}")
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@DRAWINGS
def test_an_unknown_suffix_is_refused(tmp_path: Path, draw: Callable[[Path], None]) -> None:
    with pytest.raises(BadInput, match=r"accepted are \.svg, \.png, \.pdf"):
        draw(tmp_path / "chart.html")


@pytest.mark.parametrize("generations", [0, 1])
def test_a_search_that_has_hardly_begun_can_be_drawn(tmp_path: Path, generations: int) -> None:
    draw_learning(metrics(generations), tmp_path / "l.svg")


def test_gaps_in_a_curve_can_be_drawn(tmp_path: Path) -> None:
    columns = metrics(5)
    columns["champion_mean"][:2] = np.nan
    draw_learning(columns, tmp_path / "l.svg")


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    columns = metrics(3)
    del columns["best_max"]
    with pytest.raises(BadInput, match="no column 'best_max'"):
        draw_learning(columns, tmp_path / "l.svg")


def test_columns_of_unequal_length_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="'best_mean' has 2 rows"):
        draw_learning({**metrics(3), "best_mean": np.zeros(2)}, tmp_path / "l.svg")
    with pytest.raises(BadInput, match="3 weights, 2 means and 3 standard deviations"):
        draw_weight_response(np.zeros(3), np.zeros(2), np.zeros(3), tmp_path / "w.svg")
    with pytest.raises(BadInput, match="connections has 2 values, means 1"):
        draw_front(np.ones(2, np.int64), np.zeros(1), tmp_path / "f.svg")


def test_charts_say_what_their_axes_measure(tmp_path: Path) -> None:
    learning(tmp_path / "l.svg")
    text = (tmp_path / "l.svg").read_text()
    assert all(f">{word}</text>" in text for word in ("return", "connections", "generation", "champion"))
    assert ">Swing-up $x$</text>" in text


def test_the_order_of_the_weights_does_not_matter(tmp_path: Path) -> None:
    weights = np.linspace(-2, 2, 5)
    draw_weight_response(weights, weights**2, weights, tmp_path / "a.svg")
    draw_weight_response(weights[::-1], weights[::-1] ** 2, weights[::-1], tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_the_front_is_what_nobody_beats_in_both() -> None:
    rng = np.random.default_rng(0)
    connections = rng.integers(1, 12, 60)
    means = rng.integers(0, 9, 60).astype(float)
    expected = [
        not any(
            c <= own and m >= mean and (c < own or m > mean) for c, m in zip(connections, means, strict=True)
        )
        for own, mean in zip(connections, means, strict=True)
    ]
    assert non_dominated(connections, means).tolist() == expected


def test_a_mean_that_is_no_number_is_on_no_front(tmp_path: Path) -> None:
    means = np.array([np.nan, 2.0, np.inf])
    assert non_dominated(np.array([1, 5, 7]), means).tolist() == [False, True, False]
    draw_front(np.array([1]), np.array([np.nan]), tmp_path / "f.svg")


@pytest.mark.parametrize("value", [1e308, -1e308, float("inf"), float("nan"), 5e-324])
def test_returns_of_any_size_can_be_drawn(value: float, tmp_path: Path) -> None:
    extreme = metrics(3) | {name: np.array([0.5, value, -value]) for name in COLUMNS[1:]}
    draw_learning(extreme, tmp_path / "l.svg")
    draw_front(np.array([1, 2, 10**15]), extreme["best_mean"], tmp_path / "f.svg")
