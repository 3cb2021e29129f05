"""Tuning gives the same weights whatever interrupts it; scores are the statistics that they claim to be."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.tasks.environments import LIMIT, here
from wann import api
from wann.assessment import Budget, ControlAssessor, Score
from wann.errors import BadInput
from wann.evaluation import LocalEvaluator
from wann.formats import render, to_document
from wann.genome import first_population
from wann.network import Interface, Network, NetworkBatch
from wann.reporting import draw_sweep
from wann.streams import Stream, episode_seeds
from wann.tasks import ControlTask, Outcome, Trial, make_task, task_settings
from wann.training import TuningSettings, progress
from wann.training import cma as tuning
from wann.trust import BY_HAND

TASK = "Pendulum-v1"  # fused: what is proved here does not depend on how episodes are computed
STEPS = 10
ITERATIONS = 8


SMALL = Budget(sweep_episodes=1, finalists=3, final_episodes=2, report=12)
"""Of the stepped environments of the tests, whose return depends on little."""


def network(seed: int = 0, outputs: int = 1, **described: Any) -> Network:
    population = first_population(3, outputs, 1, 0.8, np.random.default_rng(seed))
    return Network.of_genome(population, 0, **described)


@contextmanager
def assessing(given: Network, name: str, budget: Budget = SMALL) -> Iterator[ControlAssessor]:
    """An assessor of a stepped environment, in this process."""
    problem = make_task(task_settings(name), given.interface, BY_HAND)
    with LocalEvaluator(problem, 1) as evaluator:
        yield ControlAssessor(
            given, evaluator, 0, budget, TuningSettings(iterations=20, episodes=2, final_episodes=6)
        )


def tune(path: Path | None = None, given: Network | None = None, **options: Any) -> Network:
    given = given or network()
    options = {
        "task": TASK,
        "iterations": ITERATIONS,
        "episode_limit": STEPS,
        "workers": 1,
        **options,
    }
    return api.tune(given, method="cma", progress=path, **options)


def text(of: Network) -> str:
    return render(to_document(of))


def after(iterations: int) -> Callable[[int, int, float], None]:
    """A callback that interrupts after so many iterations, like Ctrl-C."""

    def show(iteration: int, _: int, __: float) -> None:
        if iteration + 1 >= iterations:
            raise KeyboardInterrupt

    return show


@pytest.fixture(autouse=True)
def _keep_after_every_iteration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_SAVE_SECONDS", 0)


@pytest.fixture(scope="module")
def undisturbed() -> str:
    return text(tune())


@pytest.mark.parametrize("stops", [(1,), (ITERATIONS,), (2, 3, 7)])
def test_interrupted_and_resumed_a_tuning_ends_as_if_undisturbed(
    stops: tuple[int, ...], undisturbed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "n.tuning"
    played: list[int] = []
    real = tuning._means

    def counted(*given: Any) -> NDArray[np.float64]:
        played.append(1)
        return real(*given)

    monkeypatch.setattr(tuning, "_means", counted)
    for stop in stops:
        with pytest.raises(KeyboardInterrupt):
            tune(path, show=after(stop))
        assert path.exists()
    assert len(played) == stops[-1]
    assert text(tune(path)) == undisturbed
    assert list(tmp_path.iterdir()) == []
    assert len(played) == ITERATIONS + 1  # nothing twice; the finalists in the end


def test_a_tuning_that_goes_on_tells_of_every_iteration(tmp_path: Path) -> None:
    told: list[tuple[int, int, float]] = []
    tune(show=lambda *given: told.append(given))
    assert [(number, of) for number, of, _ in told] == [(number, ITERATIONS) for number in range(ITERATIONS)]
    with pytest.raises(KeyboardInterrupt):
        tune(tmp_path / "p", show=after(5))
    again: list[tuple[int, int, float]] = []
    tune(tmp_path / "p", show=lambda *given: again.append(given))
    assert again == told


def test_more_iterations_may_be_asked_for_on_the_way(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        tune(tmp_path / "p", show=after(5))
    longer = tune(tmp_path / "p", iterations=2 * ITERATIONS)
    assert text(longer) == text(tune(iterations=2 * ITERATIONS))


OTHERS: dict[str, dict[str, Any]] = {
    "network": {"given": network(1)},
    "provenance": {"given": network(provenance={"seed": 4})},
    "seed": {"seed": 1},
    "stepping": {"stepping": "gymnasium"},
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_the_progress_of_another_tuning_is_refused_and_kept(other: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "n.tuning"
    with pytest.raises(KeyboardInterrupt):
        tune(path, show=after(2))
    before = path.read_bytes()
    with pytest.raises(
        BadInput, match=r"n\.tuning: the progress of another tuning; finish that one, or remove"
    ):
        tune(path, **other)
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", [lambda _: b"", lambda _: b"garbage", lambda whole: whole[:-9]])
def test_damaged_progress_is_refused(damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "n.tuning"
    with pytest.raises(KeyboardInterrupt):
        tune(path, show=after(2))
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(BadInput, match=r"n\.tuning: (damaged|not a checkpoint)"):
        tune(path)


def test_a_trained_network_is_no_worse_and_keeps_what_it_carries() -> None:
    name = here("FromMinus2To5")
    carried = Interface(observe=(2, 0, 1), squash="tanh")
    given = network(outputs=2, task=name, interface=carried, provenance={"seed": 3})
    with assessing(given, name) as assessor:
        trained = assessor.train("cma")
    assert (trained.interface, trained.task, trained.provenance) == (carried, name, {"seed": 3})
    assert trained.weights is not None
    assert trained.shared_weight is not None
    with assessing(trained, name) as assessor:
        assert assessor.stored().mean > assessor.weight(trained.shared_weight).mean


# The best shared weight.


def rows(path: Path) -> list[dict[str, float]]:
    with path.open(encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def test_the_best_shared_weight_is_found_drawn_and_written(tmp_path: Path) -> None:
    found = api.tune(
        network(), task=TASK, method="shared", episode_limit=STEPS, workers=1, curve=tmp_path / "w.svg"
    )
    assert found.weights is None
    table = rows(tmp_path / "w.csv")
    assert [row["weight"] for row in table] == pytest.approx(
        [step / 20 for step in range(-40, 41) if step], abs=1e-12
    )
    assert {row["episodes"] for row in table} == {50}
    best = sorted(table, key=lambda row: -row["mean"])[:5]
    assert found.shared_weight in [row["weight"] for row in best]
    drawing = (tmp_path / "w.svg").read_text(encoding="utf-8")
    assert f"tuned: {found.shared_weight:g}" in drawing
    for row in table[::9]:
        seeds = episode_seeds(0, Stream.TUNING_EPISODES, 50)
        job = make_task(task_settings(TASK, episode_limit=STEPS)).job(
            network().batch.merged, np.array([row["weight"]]), Trial(seeds)
        )
        job.run(0, job.units)
        returns = job.outcome.returns
        assert (row["mean"], row["std"]) == pytest.approx((returns.mean(), returns.std(ddof=1)))


def test_episodes_that_fail_leave_a_gap_in_the_curve(tmp_path: Path) -> None:
    with assessing(network(outputs=2), here("FifthRewardIsNanRarely"), Budget.of(100)) as assessor:
        draw_sweep(*assessor.sweep(), tmp_path / "w.svg", title="x", chosen=1.0)
    table = rows(tmp_path / "w.csv")
    assert len(table) == 80
    assert np.isnan([row["mean"] for row in table]).all()  # the episodes are the same for all weights


@pytest.mark.parametrize("method", ["shared", "cma"])
@pytest.mark.parametrize("name", ["FifthRewardIsNan", "FifthRewardIsInfinite"])
def test_without_a_finite_return_there_is_nothing_to_tune(method: str, name: str) -> None:
    with (
        assessing(network(outputs=2), here(name)) as assessor,
        pytest.raises(BadInput, match=r"no episode of 80, at any shared weight, has a finite return"),
    ):
        assessor.train(method)


# Scores.


def scored(values: list[float], threshold: float | None = None) -> Score:
    returns = np.array(values)
    return Score.of("stored", returns[None], weights="as stored", seed=7, threshold=threshold)


def test_a_score_is_what_a_reader_would_compute() -> None:
    score = scored([4.0, 1.0, np.nan, 2.0, 10.0, np.inf, 3.0], threshold=3.0)
    assert (score.mean, score.minimum, score.maximum) == (4.0, 1.0, 10.0)
    assert score.std == pytest.approx(np.sqrt((0 + 9 + 4 + 36 + 1) / 4))
    assert score.standard_error == pytest.approx(score.std / np.sqrt(5))
    assert score.quartiles == (2.0, 3.0, 4.0)
    assert score.success == 3 / 5  # a return at the threshold is a success
    assert (score.episodes, score.failed) == (7, 2)
    cells = score.cells()
    assert cells["success (>= 3)"] == "60.0%"
    assert cells["quartiles"] == "2.0 3.0 4.0"
    assert cells["episodes"] == "7 (2 failed)"
    document = score.to_json()
    assert (document["quartiles"], document["success"]) == ([2.0, 3.0, 4.0], 0.6)
    assert "weight" not in document


def test_without_a_threshold_there_is_no_success() -> None:
    score = scored([1.0])
    assert (score.success, score.std, score.quartiles) == (None, 0.0, (1.0, 1.0, 1.0))
    assert score.standard_error is None  # one episode does not say by how much episodes differ
    assert "standard_error" not in score.to_json()
    assert not any("success" in name for name in (*score.cells(), *score.to_json()))


def test_a_score_of_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="no episode of 2 has a finite return"):
        scored([np.nan, -np.inf])


def test_what_differs_between_fixed_weights_is_no_standard_error() -> None:
    returns = np.array([[0.0, 10.0, 5.0], [404.0, 404.0, 404.0]])
    score = Score.of("shared", returns, weights="", seed=0, threshold=5)
    assert (score.success, score.mean, score.episodes) == (5 / 6, 204.5, 6)
    assert score.standard_error == pytest.approx(np.sqrt(25 / 3 + 0 / 3) / 2)
    assert score.weight_std == pytest.approx(np.std([5.0, 404.0], ddof=1))
    assert score.std == pytest.approx(returns.std(ddof=1))
    assert score.cells()["std over weights"] == "282.1"


def test_episodes_that_fail_weigh_the_rest_of_their_weight() -> None:
    returns = np.array([[1.0, 3.0, np.nan], [np.nan, np.inf, 8.0], [np.nan, np.nan, np.nan]])
    score = Score.of("shared", returns, weights="", seed=0)
    assert (score.mean, score.episodes, score.failed) == (5.0, 9, 6)
    assert score.standard_error == pytest.approx(np.sqrt(2 / 2 + 2 / 1) / 2)


def test_whatever_weight_is_reported_meets_episodes_of_its_own() -> None:
    """Common episodes for all weights would make the many weights of a condition one sample of episodes."""
    met: list[tuple[str, list[int]]] = []
    problem = make_task(task_settings(TASK, episode_limit=STEPS))

    class Recorder(LocalEvaluator):
        def evaluate(self, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial) -> Outcome:
            met.append((name, trial.seeds_of(len(weights)).ravel().tolist()))
            return super().evaluate(batch, weights, trial)

    with Recorder(problem, 1) as evaluator:
        assessor = ControlAssessor(network(), evaluator, 5, Budget.of(100))
        for name in ("random", "shared", "tuned-shared"):
            assessor.score(name)
    reported = [seeds for name, seeds in met if name != "tuned-shared"] + [met[-1][1]]
    assert [len(seeds) for seeds in reported] == [100, 200, 100]
    assert all(len(set(seeds)) == len(seeds) for seeds in reported)
    chosen = [seeds for name, seeds in met[:-1] if name == "tuned-shared"]
    assert [len(set(seeds)) for seeds in chosen] == [5, 20]  # what is compared is compared on common ones


SPREADS: dict[str, tuple[str, str, int]] = {
    "fused, shared": ("wann/CartPoleSwingUp-v0", "shared", 200),
    "fused, random": ("wann/CartPoleSwingUp-v0", "random", 200),
    "fused, one weight": ("wann/CartPoleSwingUp-v0", "weight", 50),
    "stepped, shared": (here("FromMinus2To5"), "shared", 100),
    "stepped, random": (here("FromMinus2To5"), "random", 100),
}


@pytest.mark.parametrize("name", SPREADS)
def test_the_standard_error_is_the_spread_over_report_seeds(name: str) -> None:
    """Of 20 means, std / error is within [0.58, 1.47] in 99.9 of 100 cases (chi-squared, 19 degrees)."""
    identity, condition, episodes = SPREADS[name]
    settings = task_settings(identity, episode_limit=200 if "fused" in name else None)
    problem = make_task(settings, trust=BY_HAND)
    population = first_population(problem.inputs, problem.outputs, 1, 1.0, np.random.default_rng(1))
    scores = []
    with LocalEvaluator(problem, 2) as evaluator:
        for seed in range(20):
            assessor = ControlAssessor(
                Network.of_genome(population, 0, task=problem.id), evaluator, seed, Budget.of(episodes)
            )
            scores.append(assessor.weight(1.5) if condition == "weight" else assessor.score(condition))
    means = np.array([score.mean for score in scores])
    error = np.sqrt(np.mean([(score.standard_error or np.nan) ** 2 for score in scores]))
    assert 0.58 < means.std(ddof=1) / error < 1.47


def test_the_threshold_is_the_environments_own_unless_another_is_given() -> None:
    known = (("LunarLander-v3", None, 200.0), ("LunarLander-v3", 150.0, 150.0), (here("Sums"), None, None))
    for name, given, expected in known:
        problem = make_task(task_settings(name, threshold=given), trust=BY_HAND)
        assert isinstance(problem, ControlTask)
        assert problem.threshold == expected


def test_a_stepped_environment_is_scored_on_fewer_episodes() -> None:
    name = here("FromMinus2To5")
    given = network(outputs=2)
    scores = api.evaluate(given, task=name, workers=1, condition="shared")
    assert scores[0].episodes == 200
    bounds = [sum(step * 2 * end for step in range(1, LIMIT + 1)) for end in (-2.0, 5.0)]
    score = scores[0]
    assert isinstance(score, Score)
    assert bounds[0] <= score.minimum <= score.maximum <= bounds[1] + 9 * LIMIT
