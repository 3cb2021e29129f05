"""Operators that act on paths: what they add is a coefficient, whatever the shared weight's sign."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.genome.test_mutation import NEWEST, Genome, child, feeding, genome, graph, only
from tests.samples import INPUTS, OUTPUTS, populations
from wann.activations import ACTIVATIONS, BY_NAME
from wann.genome import OPERATORS, MutationSettings, Population, first_population, mutate
from wann.network import Network

RELAYS = (BY_NAME["linear"].id, BY_NAME["inverse"].id)
FIXED = 1 + INPUTS + OUTPUTS
EVERY = MutationSettings(
    **dict.fromkeys(OPERATORS, 0.1), repeat=0.5, activations=tuple(entry.name for entry in ACTIVATIONS)
)

seeds = st.integers(0, 2**40)
positions = st.integers(0, 11)
run = settings(max_examples=80, deadline=None)


def relays(found: Genome) -> set[int]:
    return {name for name, activation in found.activation.items() if name >= FIXED and activation in RELAYS}


def around(found: Genome, name: int) -> tuple[set[int], set[int]]:
    """Sources and targets of a node's enabled connections."""
    on = [pair for pair, enabled in found.enabled.items() if enabled]
    return {s for s, t in on if t == name}, {t for s, t in on if s == name}


def grown(seed: int, turns: int, **weights: Any) -> Population:
    """Genomes grown from nothing by some operators alone."""
    chosen = MutationSettings(**(dict.fromkeys(OPERATORS, 0.0) | weights))
    population = first_population(INPUTS, OUTPUTS, 8, 0.0, np.random.default_rng(seed))
    newest = population.newest_node
    for turn in range(turns):
        population, newest = mutate(population, np.arange(8), chosen, newest, seed, turn)
    return population


def outputs(population: Population, weight: float) -> list[bytes]:
    """What each network gives back for a few observations, to the bit."""
    rng = np.random.default_rng(0)
    observations = rng.normal(size=(4, INPUTS)).astype(np.float32)
    values = []
    for index in range(len(population)):
        policy = Network.of_genome(population, index).policy(weight)
        values.append(
            np.array([policy.outputs(one) for one in observations]) + np.float32(0)
        )  # no negative zeros
    return [value.tobytes() for value in values]


@run
@given(populations, positions, seeds)
def test_a_path_is_added_through_one_relay(population: Population, parent: int, seed: int) -> None:
    before, after = child(population, parent, only("add_path"), seed)
    (relay,) = after.activation.keys() - before.activation.keys()
    assert after.activation[relay] in RELAYS
    (source,), (target,) = around(after, relay)
    assert not {source, target} & relays(before)
    assert after.enabled == before.enabled | {(source, relay): True, (relay, target): True}


def test_a_path_adds_the_square_of_the_weight_times_its_source() -> None:
    empty = first_population(1, 1, 1, 0.0, np.random.default_rng(0))
    paths, _ = mutate(empty, np.zeros(200, np.int64), only("add_path", repeat=0.0), 2, 0, 0)
    observation = np.array([0.25], np.float32)
    found = [
        [
            float(Network.of_genome(paths, index).policy(weight).outputs(observation)[0])
            for weight in (-1.5, 0.5)
        ]
        for index in range(200)
    ]
    expected = [[2.25 * value, 0.25 * value] for value in (-1.0, -0.25, 0.25, 1.0)]
    assert sorted(map(list, {tuple(values) for values in found})) == expected


@run
@given(populations, positions, seeds)
def test_a_gain_changes_by_one_relay(population: Population, parent: int, seed: int) -> None:
    before, after = child(population, parent, only("change_gain"), seed)
    if not relays(before):
        assert after == before
        return
    added = after.activation.keys() - before.activation.keys()
    removed = before.activation.keys() - after.activation.keys()
    if added:
        assert not removed
        assert any(around(after, min(added))[0] == around(before, old)[0] for old in relays(before))
        assert after.activation.items() >= before.activation.items()
    elif removed:
        assert removed & relays(before)
        check_removed(before, after, removed & relays(before))
    else:
        (relay,) = (name for name in before.activation if before.activation[name] != after.activation[name])
        assert {before.activation[relay], after.activation[relay]} == set(RELAYS)
        assert after.enabled == before.enabled


def check_removed(before: Genome, after: Genome, possible: set[int]) -> None:
    """One of these nodes is gone, and beside it only what fed nothing without it."""
    assert after.activation.items() <= before.activation.items()
    assert after.enabled.items() <= before.enabled.items()

    def left(without: int) -> set[int]:
        edges: nx.DiGraph[int] = nx.DiGraph()
        edges.add_nodes_from(before.activation)
        edges.add_edges_from(pair for pair, on in before.enabled.items() if on and without not in pair)
        ends = range(INPUTS + 1, FIXED)
        return {name for name in edges if any(nx.has_path(edges, name, end) for end in ends)} - {without}

    # Of the others some had no connection at all, and go with every child.
    assert any(set(after.activation) | set(range(FIXED)) == left(one) | set(range(FIXED)) for one in possible)


@run
@given(populations, positions, seeds)
def test_a_removed_node_takes_what_fed_only_it(population: Population, parent: int, seed: int) -> None:
    before, after = child(population, parent, only("remove_node"), seed)
    if feeding(before):
        check_removed(before, after, feeding(before))
    else:
        assert after == before


@run
@given(populations, positions, seeds)
def test_a_moved_connection_keeps_its_target(population: Population, parent: int, seed: int) -> None:
    before, after = child(population, parent, only("move_connection"), seed)
    old = {pair for pair, on in before.enabled.items() if on}
    new = {pair for pair, on in after.enabled.items() if on}
    if new == old:
        return
    ((_, was),), ((source, target),) = old - new, new - old
    assert was == target
    assert (source, target) not in before.enabled or not before.enabled[source, target]
    assert nx.is_directed_acyclic_graph(graph(after))


@run
@given(populations, positions, seeds)
def test_a_unit_reads_and_feeds_by_relays_alone(population: Population, parent: int, seed: int) -> None:
    before, after = child(population, parent, only("add_unit", activations=("step", "tanh")), seed)
    added = after.activation.keys() - before.activation.keys()
    (unit,) = (name for name in added if after.activation[name] not in RELAYS)
    sources, targets = around(after, unit)
    assert sources | targets == added - {unit}
    assert 1 <= len(sources) <= 6
    assert len(targets) == 1
    read = [around(after, relay)[0] for relay in sources]
    assert all(len(one) == 1 for one in read)
    assert len(set.union(*read)) == len(sources)  # each source once
    assert {pair: on for pair, on in after.enabled.items() if not added & set(pair)} == before.enabled


@run
@given(populations, positions, seeds)
def test_doubling_a_gain_duplicates_the_relays_of_one_node(
    population: Population, parent: int, seed: int
) -> None:
    before, after = child(population, parent, only("double_gain"), seed)
    added = after.activation.keys() - before.activation.keys()
    assert {pair: on for pair, on in after.enabled.items() if not added & set(pair)} == before.enabled
    units = before.activation.keys() - relays(before)
    assert len(added) in {len(around(before, name)[0] & relays(before)) for name in units}


def test_doubling_the_gain_of_an_output_doubles_it() -> None:
    paths = grown(3, 8, add_path=1.0)
    doubled, _ = mutate(paths, np.arange(8), only("double_gain"), 999, 0, 0)
    observation = np.full(INPUTS, 0.25, np.float32)
    for index in range(8):
        once = Network.of_genome(paths, index).policy(1.0).outputs(observation)
        twice = Network.of_genome(doubled, index).policy(1.0).outputs(observation)
        assert (twice == 2 * once).any()
        assert ((twice == 2 * once) | (twice == once)).all()


@run
@given(seeds, st.integers(1, 25))
def test_what_grows_of_paths_and_units_does_not_mind_the_sign_of_the_weight(seed: int, turns: int) -> None:
    population = grown(seed, turns, add_path=0.4, add_unit=0.2, change_gain=0.3, remove_node=0.1)
    assume(population.connections.any())
    assert outputs(population, 0.7) == outputs(population, -0.7)


@run
@given(seeds, st.integers(1, 25))
def test_thresholds_of_paths_are_the_same_for_every_weight(seed: int, turns: int) -> None:
    population = grown(
        seed, turns, add_path=0.4, add_unit=0.2, change_gain=0.3, remove_node=0.1, activations=("step",)
    )
    quarter = [np.frombuffer(values, np.float32) / 4 for values in outputs(population, -2.0)]
    once = [np.frombuffer(values, np.float32) for values in outputs(population, 1.0)]
    assert all(np.array_equal(one, other) for one, other in zip(quarter, once, strict=True))


@run
@given(populations, seeds)
def test_every_operator_together_keeps_genomes_valid(population: Population, seed: int) -> None:
    newest = NEWEST
    for generation in range(5):
        population, newest = mutate(population, np.arange(len(population)), EVERY, newest, seed, generation)
        population.check()
        assert population.newest_node <= newest
    for index in range(len(population)):
        found = genome(population, index)
        assert nx.is_directed_acyclic_graph(graph(found))
        assert {end for pair in found.enabled for end in pair} <= {*range(INPUTS + 1), *found.activation}


@pytest.mark.parametrize("operator", ["add_path", "add_unit"])
def test_children_with_the_same_change_get_the_same_ids(operator: str) -> None:
    population = first_population(INPUTS, OUTPUTS, 1, 0.5, np.random.default_rng(0))
    children, newest = mutate(population, np.zeros(300, np.int64), only(operator), NEWEST, 0, 0)
    used = np.unique(children.genes.node[children.genes.node > NEWEST])
    assert used.tolist() == list(range(NEWEST + 1, newest + 1))
    assert len(used) <= 2 * (1 + INPUTS) * OUTPUTS


def test_nothing_to_act_on_is_copied() -> None:
    complete = first_population(INPUTS, OUTPUTS, 1, 1.0, np.random.default_rng(0))
    for operator in ("change_gain", "remove_node"):
        before, after = child(complete, 0, only(operator), 0)
        assert after == before, operator
