"""Conditions on images are what their definitions say, recomputed here by other means."""

from __future__ import annotations

import builtins
import sys
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.oracles.images import log_probabilities, outputs
from wann import api
from wann.assessment import ENSEMBLE, ImageAssessor, ImageScore
from wann.errors import BadInput
from wann.evolution import Search, SearchSettings
from wann.genome import MutationSettings
from wann.network import Network
from wann.network.batch import compile_population
from wann.tasks import ClassificationTask, Trial, make_task, mean_over_episodes, task_settings
from wann.training import GradientSettings, TuningSettings, train_by_gradient


@cache
def digits() -> ClassificationTask:
    found = make_task(task_settings("digits", images=300))
    assert isinstance(found, ClassificationTask)
    return found


@cache
def evolved() -> Network:
    """A network that tells digits apart better than chance, after a short search."""
    task = digits()
    settings = SearchSettings(population=40, generations=12, enabled=0.3, tournament=8)
    changes = MutationSettings(activations=("tanh", "sigmoid", "gaussian", "relu", "inverse", "abs"))
    search = Search.begin(settings, changes, task.inputs, task.outputs, 0)
    weights = np.array(ENSEMBLE)
    while True:
        population = search.ask()
        batch = compile_population(population)
        job = task.job(batch.merged, weights, Trial(np.array([search.generation])))
        job.run(0, job.units)
        returns = mean_over_episodes(job.outcome)
        if search.generation == settings.generations - 1:
            best = int(returns.mean(axis=1).argmax())
            return Network.of_genome(population, best, task="digits")
        search.tell(returns, 0, 0)


def assessor(network: Network | None = None, **given: Any) -> ImageAssessor:
    return ImageAssessor(network or evolved(), digits(), **given)


def accuracy(raw: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    return float((raw.argmax(axis=1) == labels).mean())


def test_a_weight_is_reported_on_the_test_images() -> None:
    images = digits().test
    score = assessor().weight(1.5)
    raw = outputs(evolved(), images.pixels(), 1.5)
    assert score.accuracy == pytest.approx(accuracy(raw, images.labels), abs=0.004)
    expected = log_probabilities(raw)[np.arange(len(images)), images.labels]
    assert score.mean == pytest.approx(expected.mean(), rel=1e-4)
    assert score.std == pytest.approx(expected.std(ddof=1), rel=1e-3)
    assert score.episodes == 300
    assert score.accuracy_standard_error == pytest.approx(
        np.sqrt(score.accuracy * (1 - score.accuracy) / 299)
    )


@pytest.mark.parametrize("drawn", [True, False])
def test_the_error_of_an_accuracy_is_its_spread_over_images_and_over_drawn_weights(drawn: bool) -> None:
    """Images of unlike difficulty meet weights of unlike skill, many times, drawn anew each time."""
    rng = np.random.default_rng(3)
    skills = rng.normal(0, 1, 12)
    scores = []
    for _ in range(300):
        difficulty = rng.normal(0, 1, 80)
        skill = rng.normal(0, 1, 12) if drawn else skills
        right = rng.random((12, 80)) < 1 / (1 + np.exp(-2 * (skill[:, None] - difficulty)))
        labels = rng.integers(0, 3, 80)
        chosen = np.where(right, labels, (labels + 1) % 3)
        score = ImageScore.of("random", chosen, labels, 3, np.zeros(12), weights="", seed=0, drawn=drawn)
        scores.append(score)
    spread = np.std([score.accuracy for score in scores], ddof=1)
    stated = np.sqrt(np.mean([score.accuracy_standard_error**2 for score in scores]))
    assert 0.9 < spread / stated < 1.1


def test_the_confusion_matrix_counts_every_image_once() -> None:
    images = digits().test
    score = assessor().weight(-1.0)
    confusion = np.array(score.confusion)
    assert confusion.sum(axis=1).tolist() == np.bincount(images.labels, minlength=10).tolist()
    assert np.trace(confusion) / 300 == pytest.approx(score.accuracy)
    chosen = evolved().policy(-1.0).outputs(images.pixels()).argmax(axis=1)
    for label, column in ((3, 5), (7, 7), (0, 9)):
        assert confusion[label, column] == ((images.labels == label) & (chosen == column)).sum()


def test_shared_weights_are_a_hundred_midpoints() -> None:
    score = assessor().shared()
    right = [assessor().weight(-2 + 4 * (k + 0.5) / 100).accuracy for k in range(100)]
    assert score.accuracy == pytest.approx(np.mean(right))
    assert score.accuracy_std == pytest.approx(np.std(right, ddof=1))
    assert score.episodes == 30_000
    assert np.array(score.confusion).sum() == 30_000


def test_random_weights_are_drawn_anew_for_every_connection() -> None:
    score = assessor(draws=40).random()
    again, other = assessor(draws=40).random(), assessor(draws=40, seed=1).random()
    assert score == again
    assert score.accuracy != other.accuracy
    assert score.episodes == 40 * 300
    assert 0.0 < score.accuracy < assessor().shared().accuracy + 0.2


def test_the_ensemble_is_one_vote_for_each_weight_and_probabilities_break_ties() -> None:
    images = digits().test
    raws = [evolved().policy(weight).outputs(images.pixels()).astype(np.float64) for weight in ENSEMBLE]
    probabilities = np.sum([np.exp(log_probabilities(raw)) for raw in raws], axis=0)
    right, ties = 0, 0
    for index, label in enumerate(images.labels.tolist()):
        votes = [int(raw[index].argmax()) for raw in raws]
        most = max(votes.count(choice) for choice in votes)
        leaders = sorted({choice for choice in votes if votes.count(choice) == most})
        ties += len(leaders) > 1
        right += max(leaders, key=lambda choice: probabilities[index, choice]) == label
    score = assessor().ensemble()
    assert ties > 0
    assert score.accuracy == pytest.approx(right / 300)
    assert score.averaged == pytest.approx(accuracy(probabilities, images.labels))


def test_the_tuned_weight_is_chosen_on_the_validation_images() -> None:
    found = assessor()
    images = digits().validation
    values = [sign * step * 0.05 for step in range(1, 41) for sign in (1, -1)]
    right = [
        round(accuracy(evolved().policy(value).outputs(images.pixels()).astype(np.float64), images.labels), 9)
        for value in values
    ]
    assert found.best_shared_weight() == pytest.approx(values[int(np.argmax(right))])
    assert found.tuned_shared().accuracy == found.weight(found.best_shared_weight()).accuracy


def test_stored_weights_are_taken_as_they_are() -> None:
    with pytest.raises(BadInput, match="carries no weights"):
        assessor().stored()
    own = np.random.default_rng(0).uniform(-1, 1, evolved().connections)
    network = evolved().with_weights(own)
    images = digits().test
    expected = accuracy(outputs(network, images.pixels(), own), images.labels)
    assert assessor(network).stored().accuracy == pytest.approx(expected, abs=0.004)


def test_every_condition_is_reported_with_its_facts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wann.assessment.assessor.GradientSettings", partial(GradientSettings, epochs=1))
    for score in api.evaluate(evolved(), condition="all", episodes=20):
        document = score.to_json()
        assert {"condition", "episodes", "weights", "seed", "mean", "std", "accuracy"} <= document.keys()
        assert 0 <= document["accuracy"] <= 1


def test_gradients_make_the_network_better_and_equal_seeds_equal_weights() -> None:
    pytest.importorskip("torch")
    told: list[tuple[int, float]] = []
    settings = GradientSettings(epochs=3)
    weights = train_by_gradient(
        evolved(), digits(), 1.0, 0, settings, lambda epoch, _, right: told.append((epoch, right))
    )
    assert [epoch for epoch, _ in told] == list(range(3))
    images = digits().validation
    before = accuracy(outputs(evolved(), images.pixels(), 1.0), images.labels)
    after = accuracy(outputs(evolved(), images.pixels(), weights), images.labels)
    assert after == pytest.approx(max(right for _, right in told), abs=0.004)
    assert after > before + 0.05
    short = GradientSettings(epochs=1)
    one, again, other = (train_by_gradient(evolved(), digits(), 1.0, seed, short) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert (one != other).any()


def test_training_reports_what_the_kernels_compute() -> None:
    pytest.importorskip("torch")
    found = assessor(descent=GradientSettings(epochs=1))
    trained = found.train("gradient")
    assert trained.shared_weight == found.best_shared_weight()
    assert found.tuned().accuracy == assessor(trained).stored().accuracy


def test_training_never_ends_below_where_it_began() -> None:
    pytest.importorskip("torch")
    found = assessor(descent=GradientSettings(epochs=1, rate=10.0))
    images = digits().validation
    start = accuracy(outputs(evolved(), images.pixels(), found.best_shared_weight()), images.labels)
    weights = found.train("gradient").weights
    assert weights is not None
    assert accuracy(outputs(evolved(), images.pixels(), weights), images.labels) >= start - 0.004


def test_without_pytorch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "torch":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BadInput, match=r"pip install 'wann\[torch\]'"):
        assessor().tuned()


def test_weights_of_images_may_be_tuned_by_cma_too() -> None:
    tuned = assessor(tuning=TuningSettings(iterations=2, episodes=1, final_episodes=1)).train("cma")
    assert tuned.weights is not None
    assert len(tuned.weights) == evolved().connections
    assert tuned.shared_weight == assessor().best_shared_weight()
