"""Images are classified as each network alone would, to the bit, however the work is cut."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.oracles.images import log_probabilities, outputs
from wann.activations import ACTIVATIONS
from wann.errors import BadInput
from wann.evaluation import LocalEvaluator
from wann.evaluation.chunks import Evaluation, compute
from wann.genome import MutationSettings, Population, first_population, join, mutate
from wann.kernels.classification import TILE
from wann.kernels.sharing import Shared, share
from wann.network import Network, compile_population
from wann.tasks import ClassificationTask, ImageSet, Trial, make_task, task_settings

SIDE, CLASSES, SIZE = 3, 4, 14
WEIGHTS = np.array([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
CHANGES = MutationSettings(
    add_node=0.35,
    add_connection=0.3,
    disable_connection=0.1,
    duplicate_node=0.1,
    activations=tuple(entry.name for entry in ACTIVATIONS),
)


def images(seed: int, count: int) -> ImageSet:
    rng = np.random.default_rng(seed)
    return ImageSet(rng.random((count, SIDE**2)).astype(np.float32), rng.integers(0, CLASSES, count))


def task(
    batch: int = 70, megabytes: float = 64, train: int = 200, temperatures: tuple[float, ...] = (1.0,)
) -> ClassificationTask:
    return ClassificationTask(
        "small",
        tuple(f"pixel {n}" for n in range(SIDE**2)),
        tuple("abcd"),
        batch,
        int(megabytes * 2**20),
        temperatures,
        images(0, train),
        images(1, 60),
        partial(images, 2, 60),
    )


@cache
def relatives(seed: int, generations: int) -> Population:
    """A population in which most are near relatives, as after tournaments."""
    rng = np.random.default_rng(seed)
    population = first_population(SIDE**2, CLASSES, SIZE, 0.3, rng)
    newest = population.newest_node
    for generation in range(generations):
        parents = rng.integers(0, 3, SIZE)
        population, newest = mutate(population, parents, CHANGES, newest, seed, generation)
    return population


populations = st.builds(relatives, st.integers(0, 6), st.sampled_from([0, 1, 4, 15, 40]))
trials = st.builds(
    Trial,
    st.lists(st.integers(0, 1000), min_size=1, max_size=3).map(lambda seeds: np.array(seeds, np.int64)),
)


def losses(
    problem: ClassificationTask, population: Population, trial: Trial, weights: NDArray[np.float64] = WEIGHTS
) -> NDArray[np.float64]:
    batch = compile_population(population)
    job = problem.job(batch.program_for(weights), weights, trial)
    job.run(0, job.units)
    return job.outcome.returns


@given(populations, st.integers(0, SIZE - 1), st.integers(0, 1000), st.integers(1, 150))
def test_the_return_is_the_mean_log_probability(
    population: Population, index: int, seed: int, batch: int
) -> None:
    problem = task(batch)
    network = Network.of_genome(population, index)
    chosen = np.random.default_rng(seed).choice(200, batch, replace=False)
    found = losses(problem, population, Trial(np.array([seed])))[index, :, 0]
    for weight, loss in zip(WEIGHTS, found, strict=True):
        pixels, labels = problem.train.pixels(chosen), problem.train.labels[chosen]
        # The kernel's own outputs, so that only softmax and sums are judged; nodes are judged apart.
        raw = network.policy(weight).outputs(pixels).astype(np.float64)
        expected = log_probabilities(raw)[np.arange(batch), labels].mean()
        assert loss == pytest.approx(expected, rel=2e-6, abs=2e-6)


@pytest.mark.parametrize("own", [False, True])
def test_the_best_temperature_counts_for_each_network_and_weight(own: bool) -> None:
    population, trial = relatives(2, 15), Trial(np.array([3, 4]))
    rng = np.random.default_rng(0)
    weights = rng.uniform(-1, 1, (3, population.connections.sum())) if own else WEIGHTS
    temperatures = (0.25, 0.5, 1.0, 2.0, 4.0)
    alone = [losses(task(temperatures=(value,)), population, trial, weights) for value in temperatures]
    together = losses(task(temperatures=temperatures), population, trial, weights)
    np.testing.assert_array_equal(together, np.max(alone, axis=0))
    assert len(set(np.argmax(alone, axis=0).ravel().tolist())) > 1


def test_a_temperature_divides_the_outputs() -> None:
    network = Network.of_genome(relatives(2, 15), 3)
    problem = task(temperatures=(2.5,))
    found = losses(problem, network.population, Trial(np.array([3])), np.array([1.5]))[0, 0, 0]
    chosen = np.random.default_rng(3).choice(200, 70, replace=False)
    raw = network.policy(1.5).outputs(problem.train.pixels(chosen)).astype(np.float64) / 2.5
    assert found == pytest.approx(log_probabilities(raw)[np.arange(70), problem.train.labels[chosen]].mean())


@given(populations, st.integers(0, SIZE - 1))
def test_outputs_are_those_of_the_network_by_itself(population: Population, index: int) -> None:
    network = Network.of_genome(population, index)
    problem = task()
    found = problem.logits(network.batch.merged, WEIGHTS, "validation")
    for weight, raw in zip(WEIGHTS, found, strict=True):
        np.testing.assert_array_equal(raw, network.policy(weight).outputs(problem.validation.pixels()))


def test_outputs_are_those_of_the_definition() -> None:
    rng = np.random.default_rng(0)
    smooth = CHANGES.changed(activations=("tanh", "sigmoid", "gaussian", "abs"))
    population, newest = first_population(SIDE**2, CLASSES, SIZE, 0.3, rng), 100
    for generation in range(25):
        population, newest = mutate(population, np.arange(SIZE), smooth, newest, 0, generation)
    problem = task()
    for index in range(SIZE):
        network = Network.of_genome(population, index)
        own = rng.uniform(-1, 1, network.connections)
        shared = problem.logits(network.batch.merged, WEIGHTS, "validation")
        weighted = problem.logits(network.batch.program, own[None], "validation")[0]
        for weight, raw in zip(WEIGHTS, shared, strict=True):
            np.testing.assert_allclose(raw, outputs(network, problem.validation.pixels(), weight), atol=2e-4)
        np.testing.assert_allclose(weighted, outputs(network, problem.validation.pixels(), own), atol=2e-4)


@given(populations, trials, st.floats(0.0005, 0.02))
def test_together_in_parts_or_alone_the_bits_are_equal(
    population: Population, trial: Trial, megabytes: float
) -> None:
    whole = losses(task(), population, trial)
    np.testing.assert_array_equal(losses(task(megabytes=megabytes), population, trial), whole)
    for index in (0, 5, SIZE - 1):
        alone = losses(task(), population.take(np.array([index])), trial)
        np.testing.assert_array_equal(alone[0], whole[index])
    one_weight = losses(task(), population, trial, WEIGHTS[3:4])
    np.testing.assert_array_equal(one_weight[:, 0], whole[:, 3])


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("trial", [Trial(np.array([4, 9])), Trial(np.array([3]), part="validation")])
def test_threads_and_messages_change_no_bit(own: bool, trial: Trial) -> None:
    population = relatives(2, 40)
    batch = compile_population(population)
    rng = np.random.default_rng(0)
    weights = rng.uniform(-2, 2, (4, population.connections.sum())) if own else WEIGHTS
    problem = task(130)
    whole = losses(problem, population, trial, weights)
    with LocalEvaluator(problem, 3) as evaluator:
        np.testing.assert_array_equal(evaluator.evaluate(batch, weights, trial).returns, whole)
    evaluation = Evaluation(batch, weights, trial)
    for part in evaluation.whole.split(5):
        for piece in part.split(2):
            found = compute(problem, evaluation.message(piece))
            evaluation.store(piece, found.returns, found.steps)
    np.testing.assert_array_equal(evaluation.outcome.returns, whole)
    assert (evaluation.outcome.steps == (60 if trial.part == "validation" else 130)).all()


@given(populations, st.integers(0, 2**32))
def test_weights_of_their_own_give_what_each_network_gives_alone(population: Population, seed: int) -> None:
    weights = np.random.default_rng(seed).uniform(-1, 1, (3, population.connections.sum()))
    trial = Trial(np.array([seed]))
    whole = losses(task(), population, trial, weights)
    ends = np.cumsum(population.connections)
    for index in (0, SIZE - 1):
        own = weights[:, ends[index] - population.connections[index] : ends[index]]
        alone = losses(task(), population.take(np.array([index])), trial, own)
        np.testing.assert_array_equal(alone[0], whole[index])


@pytest.mark.parametrize("own", [False, True])
def test_weights_may_meet_batches_of_their_own(own: bool) -> None:
    population = relatives(1, 15)
    rng = np.random.default_rng(0)
    weights = rng.uniform(-1, 1, (3, population.connections.sum())) if own else WEIGHTS[:3]
    seeds = np.array([[5, 9], [6, 5], [7, 8]])
    found = losses(task(), population, Trial(seeds), weights)
    assert found.shape == (SIZE, 3, 2)
    for index in range(3):
        alone = losses(task(), population, Trial(seeds[index]), weights[index : index + 1])
        np.testing.assert_array_equal(found[:, index], alone[:, 0])


def test_large_outputs_cost_no_accuracy() -> None:
    """Exponentials of a thousand leave float32; differences to the largest output do not."""
    problem = task()
    network = Network.of_genome(relatives(0, 15), 0)
    size = 1e3 * np.ones(network.connections)
    found = losses(problem, network.population, Trial(np.array([1])), size[None])[0, 0, 0]
    chosen = np.random.default_rng(1).choice(200, 70, replace=False)
    raw = network.with_weights(size).policy().outputs(problem.train.pixels(chosen)).astype(np.float64)
    assert np.abs(raw).max() > 500
    expected = log_probabilities(raw)[np.arange(70), problem.train.labels[chosen]].mean()
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_network_that_overflows_has_no_number_and_harms_nobody_else() -> None:
    population = relatives(3, 40)
    weights = np.array([1e30])
    found = losses(task(), population, Trial(np.array([1])), weights)[:, 0, 0]
    assert np.isnan(found).any()
    for index in np.flatnonzero(np.isfinite(found)):
        alone = losses(task(), population.take(np.array([index])), Trial(np.array([1])), weights)
        assert alone[0, 0, 0] == found[index]


def test_the_search_meets_no_validation_image() -> None:
    problem = make_task(task_settings("digits", images=1197))
    assert isinstance(problem, ClassificationTask)
    assert (len(problem.train), len(problem.validation), len(problem.test)) == (1197, 300, 300)
    (batch,) = problem._batches(Trial(np.array([3])))
    everything = np.sort(batch.pixels[1:, :1197].T.copy().view("V256").ravel())
    trained = np.sort(problem.train.images.copy().view("V256").ravel())
    assert (everything == trained).all()  # each training image once, and no other


def test_batches_are_new_for_every_seed_and_equal_for_the_same() -> None:
    problem = task()
    first, second = problem._batches(Trial(np.array([3, 4])))
    (again,) = problem._batches(Trial(np.array([3])))
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert (first.pixels != second.pixels).any()


def graph(population: Population) -> Shared:
    program = compile_population(population).merged
    _, *arrays = share(program, 0, 10**9)
    return Shared(*arrays)


def test_relatives_share_all_but_the_nodes_above_their_difference() -> None:
    population, newest = relatives(1, 40).take(np.zeros(1, np.int64)), 10_000
    alone = len(graph(population).activation)
    settings = MutationSettings(
        change_activation=0, add_node=0, add_connection=1, enable_connection=0, activations=("tanh",)
    )
    children, _ = mutate(population, np.zeros(200, np.int64), settings, newest, 0, 0)
    for index in range(200):
        child = children.take(np.array([index]))
        both = graph(join([population, child]))
        new = set(zip(child.genes.source, child.genes.target, strict=True)) - set(
            zip(population.genes.source, population.genes.target, strict=True)
        )
        ((source, target),) = new
        edges = _edges(child)
        # What is below the source counts only where nothing read it before.
        touched = nx.descendants(edges, int(target)) | nx.ancestors(edges, int(source)) | {source, target}
        assert len(both.activation) <= alone + len(touched)


def _edges(population: Population) -> nx.DiGraph[int]:
    genes = population.genes
    found: nx.DiGraph[int] = nx.DiGraph()
    found.add_nodes_from(genes.node.tolist())
    edges = zip(genes.source[genes.enabled].tolist(), genes.target[genes.enabled].tolist(), strict=True)
    found.add_edges_from(edges)
    return found


def test_copies_of_a_network_cost_nothing() -> None:
    population = relatives(1, 40).take(np.zeros(50, np.int64))
    assert len(graph(population).activation) == len(graph(population.take(np.zeros(1, np.int64))).activation)


def test_a_graph_holds_no_two_equal_nodes() -> None:
    found = graph(relatives(5, 40))
    rows = found.edge_rows
    seen = {
        (
            int(found.activation[node]),
            tuple(found.source[rows[node] : rows[node + 1]].tolist()),
            tuple(found.times[rows[node] : rows[node + 1]].tolist()),
        )
        for node in range(len(found.activation))
    }
    assert len(seen) == len(found.activation)


def test_a_tile_is_whole_lanes() -> None:
    assert TILE % 24 == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"episode_limit": 5}, "episode_limit: digits is a set of images, which has no such setting"),
        ({"images": 1198}, "task.images: 1,198; digits has 1,197 training images"),
    ],
)
def test_settings_that_do_not_fit_images_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        make_task(task_settings("digits", **changes))


@pytest.mark.parametrize("changes", [{"images": 5}, {"memory": 5}])
def test_settings_of_images_are_refused_for_environments(changes: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match="is an environment, which has no such setting"):
        make_task(task_settings("wann/CartPoleSwingUp-v0", **changes))
