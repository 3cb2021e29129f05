"""Compiled networks compute what their graph defines, alone or in a batch."""

from __future__ import annotations

from collections.abc import Sequence

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.oracles.network import evaluate
from wann.activations import ACTIVATIONS, BY_NAME
from wann.benchmark.published import DenseNetwork
from wann.genome import MutationSettings, Population, first_population, mutate
from wann.kernels.forward import infer
from wann.network import Network, compile_population

NAMES = tuple(activation.name for activation in ACTIVATIONS)
WEIGHTS = st.floats(-2.0, 2.0, width=32)


def evolved(seed: int, generations: int, size: int = 20, *, every_change: bool = True) -> Population:
    """A population of random genomes; 4 inputs, 2 outputs, all activations, disabled genes too."""
    rng = np.random.default_rng(seed)
    more = {"disable_connection": 0.15, "duplicate_node": 0.1} if every_change else {}
    changes = MutationSettings(activations=NAMES, **more)
    population = first_population(4, 2, size, 0.5, rng)
    newest = population.newest_node
    for generation in range(generations):
        parents = rng.integers(0, size, size)
        population, newest = mutate(population, parents, changes, newest, seed, generation)
    return population


POPULATIONS = {(seed, age): evolved(seed, age) for seed in range(4) for age in (0, 8, 40, 120)}
some_population = st.sampled_from(sorted(POPULATIONS)).map(POPULATIONS.__getitem__)


@st.composite
def some_network(draw: st.DrawFn) -> Network:
    population = draw(some_population)
    network = Network.of_genome(population, draw(st.integers(0, len(population) - 1)))
    if draw(st.booleans()):
        rng = np.random.default_rng(draw(st.integers(0, 2**32)))
        network = network.with_weights(rng.uniform(-2, 2, network.connections))
    return network


def small_network(activations: Sequence[str], edges: Sequence[tuple[int, int]]) -> Network:
    """One input (1), one linear output (2), hidden nodes from 3 with these activations."""
    ids = [BY_NAME[name].id for name in ("linear", *activations)]
    ends = np.array(edges, np.int64).reshape(-1, 2)
    return Network(1, 1, np.array(ids, np.int8), ends[:, 0], ends[:, 1])


@given(some_network(), st.lists(st.floats(-5, 5, width=32), min_size=4, max_size=4), WEIGHTS)
def test_outputs_are_within_float32_of_the_definition(
    network: Network, numbers: list[float], weight: float
) -> None:
    observation = np.array(numbers, np.float32)
    shared = None if network.weights is not None else weight
    with np.errstate(over="ignore", invalid="ignore"):
        expected = evaluate(network, observation, shared)
    found = network.policy(shared).outputs(observation)
    for output, approximate in zip(found.tolist(), expected, strict=True):
        # Beyond 1e30 squares of squares leave the range of float32.
        if np.isfinite(approximate.error) and abs(approximate.value) + approximate.error < 1e30:
            assert (
                abs(output - approximate.value) <= approximate.error + 1e-37
            )  # denormals have no relative bound


def test_a_product_below_all_float32_numbers_may_be_on_either_side_of_a_step() -> None:
    network = small_network(["step"], [(1, 3), (3, 2)]).with_weights(np.array([-0.3, 1.0]))
    observation = np.array([-1e-45], np.float32)
    (expected,) = evaluate(network, observation)
    assert abs(network.policy().outputs(observation)[0] - expected.value) <= expected.error


def test_the_tolerance_is_small_for_most_networks() -> None:
    """Without this, the test above could pass by bounds that allow everything."""
    rng = np.random.default_rng(0)
    errors = []
    for population in POPULATIONS.values():
        for index in range(0, len(population), 4):
            network = Network.of_genome(population, index)
            observation = rng.uniform(-2, 2, 4).astype(np.float32)
            with np.errstate(over="ignore", invalid="ignore"):
                errors += [found.error for found in evaluate(network, observation, 1.1)]
    assert np.median(errors) < 1e-5
    assert np.mean(np.array(errors) < 1e-2) > 0.8


@given(some_network(), st.integers(0, 2**32), WEIGHTS)
def test_the_published_way_computes_the_same(network: Network, seed: int, weight: float) -> None:
    observations = np.random.default_rng(seed).uniform(-2, 2, (3, 4)).astype(np.float32)
    shared = None if network.weights is not None else weight
    with np.errstate(over="ignore", invalid="ignore"):
        outputs = DenseNetwork.of(network, shared)(observations.astype(np.float64))
        expected = [evaluate(network, observation, shared) for observation in observations]
    for row, approximates in zip(outputs.tolist(), expected, strict=True):
        for output, approximate in zip(row, approximates, strict=True):
            if abs(approximate.value) + approximate.error < 1e30:
                assert abs(output - approximate.value) <= approximate.error + 1e-12


def outputs_in_batch(
    population: Population, index: int, weights: NDArray[np.float32], rows: NDArray[np.float32]
) -> NDArray[np.float32]:
    batch = compile_population(population)
    outputs = np.empty((len(rows), population.genes.outputs), np.float32)
    infer(batch.merged, index, weights, rows, outputs)
    return outputs


@given(some_population, st.integers(0, 2**32), WEIGHTS)
def test_a_network_has_the_same_bits_alone_and_in_a_population(
    population: Population, seed: int, weight: float
) -> None:
    rows = np.random.default_rng(seed).uniform(-3, 3, (4, 4)).astype(np.float32)
    shared = np.array([weight], np.float32)
    for index in range(len(population)):
        alone = Network.of_genome(population, index).policy(float(shared[0])).outputs(rows)
        together = outputs_in_batch(population, index, shared, rows)
        assert alone.tobytes() == together.tobytes()


@pytest.mark.parametrize("age", [8, 120])
def test_weights_per_connection_find_their_connections_in_a_population(age: int) -> None:
    population = POPULATIONS[0, age]
    batch = compile_population(population)
    rng = np.random.default_rng(age)
    rows = rng.uniform(-1, 1, (3, 4)).astype(np.float32)
    table = rng.uniform(-2, 2, int(population.connections.sum())).astype(np.float32)
    begins = np.concatenate([[0], np.cumsum(population.connections)])
    program = batch.program
    for index in range(len(population)):
        own = table[begins[index] : begins[index + 1]].astype(np.float64)
        alone = Network.of_genome(population, index, weights=own).policy().outputs(rows)
        first, last = program.edge_rows[program.node_rows[index : index + 2]]
        used = table[program.gene[first:last]]
        if len(used) == 1:
            continue  # one weight means a shared one
        outputs = np.empty((3, 2), np.float32)
        infer(program, index, used, rows, outputs)
        assert alone.tobytes() == outputs.tobytes()


@pytest.mark.parametrize("key", sorted(POPULATIONS))
def test_effective_connections_are_those_that_reachability_finds(key: tuple[int, int]) -> None:
    population = POPULATIONS[key]
    batch = compile_population(population)
    for index in range(len(population)):
        network = Network.of_genome(population, index)
        graph, fixed = network.graph(), 1 + network.inputs
        outputs = range(fixed, fixed + network.outputs)
        fed = set(range(fixed)).union(*(nx.descendants(graph, node) for node in range(fixed)))
        seen = set(outputs).union(*(nx.ancestors(graph, node) for node in outputs))
        on_a_path = sum(source in fed and target in seen for source, target in graph.edges)
        assert batch.effective_connections[index] == on_a_path == network.effective_connections
        assert batch.connections[index] == network.connections == graph.number_of_edges()


@pytest.mark.parametrize("name", NAMES)
def test_a_hidden_node_that_nothing_reaches_is_a_constant(name: str) -> None:
    network = small_network([name], [(1, 2), (3, 2)])
    constant = float(BY_NAME[name].reference(np.array(0.0)))
    outputs = network.policy(1.0).outputs(np.array([0.25], np.float32))
    assert outputs[0] == pytest.approx(0.25 + constant, abs=1e-6)
    assert network.effective_connections == 1


def test_a_constant_is_passed_on_through_nodes_that_are_zero_by_themselves() -> None:
    network = small_network(["sigmoid", "linear"], [(3, 4), (4, 2)])
    outputs = network.policy(2.0).outputs(np.array([7.0], np.float32))
    assert outputs[0] == pytest.approx(2.0, abs=1e-6)
    assert network.effective_connections == 0


def test_a_node_that_no_output_sees_is_not_computed() -> None:
    network = small_network(["sin", "cos"], [(1, 2), (1, 3), (3, 4)])
    assert len(network.batch.program.activation) == 1
    assert network.effective_connections == 1
    assert network.policy(1.5).outputs(np.array([2.0], np.float32))[0] == 3.0


def test_a_network_without_connections_gives_zeros() -> None:
    network = small_network([], [])
    assert network.policy(1.0).outputs(np.array([5.0], np.float32)).tolist() == [0.0]


@given(some_population, st.integers(0, 19), WEIGHTS)
def test_disabled_genes_are_as_good_as_absent(population: Population, index: int, weight: float) -> None:
    one = population.take(np.array([index])).genes
    on = one.enabled
    without = one._replace(
        gene_rows=np.array([0, int(on.sum())]),
        source=one.source[on],
        target=one.target[on],
        enabled=np.ones(int(on.sum()), np.bool_),
    )
    rows = np.linspace(-2, 2, 12, dtype=np.float32).reshape(3, 4)
    weights = np.array([weight], np.float32)
    found = [outputs_in_batch(Population(genes), 0, weights, rows) for genes in (one, without)]
    assert found[0].tobytes() == found[1].tobytes()


def test_a_cycle_among_enabled_genes_is_refused_by_its_number() -> None:
    genes = POPULATIONS[0, 0].take(np.array([0, 1])).genes
    one = small_network(["sin", "cos"], [(1, 3), (3, 4), (4, 2)]).population.genes
    source, target = np.append(one.source, 4), np.append(one.target, 3)
    enabled, rows = np.append(one.enabled, True), one.gene_rows + np.array([0, 1])
    cyclic = one._replace(source=source, target=target, enabled=enabled, gene_rows=rows)
    with pytest.raises(ValueError, match="genome 0 has a cycle"):
        compile_population(Population(cyclic))
    unknown = genes._replace(target=np.where(genes.target == 5, 99, genes.target))
    with pytest.raises(ValueError, match="genome 0 has a cycle or a connection to a node"):
        compile_population(Population(unknown))
