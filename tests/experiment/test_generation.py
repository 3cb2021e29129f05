"""What a generation evaluates, and on what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import wann
from tests.tasks.environments import here

pytestmark = pytest.mark.usefixtures("_no_report")

DOCUMENT: dict[str, Any] = {
    "seed": 3,
    "task": {"id": "CartPole-v1", "episodes": 2, "episode_limit": 120},
    "weights": {"values": [0.5, 1.5]},
    "search": {"population": 12, "generations": 6, "tournament": 3, "champion_episodes": 2, "candidates": 12},
    "backend": {"workers": 1},
}


def run(folder: Path, stops: int | None = None, **task: Any) -> wann.Run:
    """A search, which may be interrupted after some generations and resumed."""
    document = {**DOCUMENT, "task": {**DOCUMENT["task"], **task}}
    asked = iter(range(10**6))
    found = wann.search(
        document, run=folder, stop=lambda: stops is not None and next(asked) >= stops, progress=False
    )
    return found if stops is None else wann.resume(folder, trust=["tests"], progress=False)


def result(folder: Path) -> tuple[bytes, bytes]:
    """What depends on configuration and seed alone."""
    return (folder / "metrics.csv").read_bytes(), (folder / "champion.json").read_bytes()


@pytest.mark.parametrize(
    "early",
    [
        {"first_limit": 5, "limit_grows_for": 40},
        {"id": here("Sums"), "patience": 3, "first_limit": 6, "limit_grows_for": 4},
    ],
    ids=["fused", "stepped"],
)
def test_early_ends_are_the_same_after_an_interruption(early: dict[str, Any], tmp_path: Path) -> None:
    run(tmp_path / "whole", **early)
    run(tmp_path / "cut", stops=3, **early)
    assert result(tmp_path / "whole") == result(tmp_path / "cut")
    run(tmp_path / "plain", **{key: value for key, value in early.items() if key == "id"})
    assert result(tmp_path / "whole") != result(tmp_path / "plain")


def test_champions_are_found_in_short_episodes_and_compared_over_whole_ones(tmp_path: Path) -> None:
    # The return of a pole is its steps: no return of a short episode reaches that of a champion.
    found = run(tmp_path / "run", episode_limit=500, first_limit=30, limit_grows_for=10**6)
    means = found.metrics["champion_mean"]
    assert means[-1] > means[0] > found.metrics["best_mean"].max()


@pytest.mark.parametrize("own", [False, True], ids=["the same episodes", "episodes of their own"])
def test_champions_are_compared_at_as_many_weights_as_the_settings_say(own: bool, tmp_path: Path) -> None:
    weights = {"sampling": "stratified", "strata": 2, "own_episodes": own, "champion_strata": 5}
    document = {**DOCUMENT, "weights": weights}
    champion = wann.search(document, run=tmp_path / "run", progress=False).champion
    assert champion.provenance["selection_episodes"] == 5 * 2
