"""Each mutation makes exactly the one change that its name says, and never a cycle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import networkx as nx
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.samples import ALL_CHANGES, INPUTS, OUTPUTS, evolved, populations
from wann.activations import ACTIVATIONS, BY_NAME
from wann.genome import OPERATORS, MutationSettings, Population, first_population, join, mutate
from wann.network import Network

NEWEST = 10_000
Pair = tuple[int, int]
DIRECT = [(source, 1 + INPUTS + output) for source in range(1 + INPUTS) for output in range(OUTPUTS)]


class Genome(NamedTuple):
    """A genome as dictionaries: what a reader believes at sight."""

    activation: dict[int, int]
    enabled: dict[Pair, bool]


def genome(population: Population, index: int) -> Genome:
    genes = population.take(np.array([index])).genes
    pairs = zip(genes.source.tolist(), genes.target.tolist(), strict=True)
    return Genome(
        dict(zip(genes.node.tolist(), genes.activation.tolist(), strict=True)),
        # Every gene from an input to an output exists; what is not stored is disabled.
        dict.fromkeys(DIRECT, False) | dict(zip(pairs, genes.enabled.tolist(), strict=True)),
    )


def only(operator: str, **changes: Any) -> MutationSettings:
    """A roulette on which only one operator can come."""
    weights: Mapping[str, Any] = dict.fromkeys(OPERATORS, 0.0) | {operator: 1.0}
    return ALL_CHANGES.changed(**{**weights, **changes})


def child(
    population: Population, parent: int, settings: MutationSettings, seed: int
) -> tuple[Genome, Genome]:
    """The parent and its child."""
    children, _ = mutate(population, np.array([parent]), settings, NEWEST, seed, 0)
    return genome(population, parent), genome(children, 0)


def feeding(genome: Genome) -> set[int]:
    """Hidden nodes that feed something: only in these does a change change anything."""
    return {
        source for (source, _), enabled in genome.enabled.items() if enabled and source > INPUTS + OUTPUTS
    }


def graph(genome: Genome) -> nx.DiGraph[int]:
    """All genes, disabled ones too."""
    edges: nx.DiGraph[int] = nx.DiGraph()
    edges.add_edges_from(genome.enabled)
    return edges


seeds = st.integers(0, 2**40)
places = st.integers(0, 11)


@given(populations, places, seeds)
def test_changing_an_activation_gives_one_hidden_node_another(
    population: Population, parent: int, seed: int
) -> None:
    before, after = child(population, parent, only("change_activation"), seed)
    assert after.enabled == before.enabled
    changed = [name for name in before.activation if before.activation[name] != after.activation[name]]
    assert before.activation.keys() == after.activation.keys()
    # Never to the one it had: where a hidden node feeds something, there is always exactly one change.
    assert len(changed) == bool(feeding(before))
    assert set(changed) <= feeding(before)


def test_an_activation_changes_only_to_those_allowed() -> None:
    population = evolved(0, 60)
    allowed = only("change_activation", activations=("tanh", "cos"))
    for parent in range(12):
        before, after = child(population, parent, allowed, parent)
        new = [
            after.activation[name]
            for name in before.activation
            if before.activation[name] != after.activation[name]
        ]
        assert len(new) == 1
        assert new[0] in (BY_NAME["tanh"].id, BY_NAME["cos"].id)


@given(populations, places, seeds)
def test_adding_a_node_splits_one_enabled_connection(population: Population, parent: int, seed: int) -> None:
    before, after = child(population, parent, only("add_node"), seed)
    assume(any(before.enabled.values()))
    new = NEWEST + 1
    assert after.activation.keys() - before.activation.keys() == {new}
    assert 1 <= after.activation[new] <= len(ACTIVATIONS)
    (source, _), (_, target) = sorted(
        after.enabled.keys() - before.enabled.keys(), key=lambda pair: pair[0] == new
    )
    assert before.enabled[source, target]
    changes = {(source, target): False, (source, new): True, (new, target): True}
    assert after.enabled == before.enabled | changes


@given(populations, places, seeds)
def test_adding_a_connection_joins_a_pair_that_had_no_gene(
    population: Population, parent: int, seed: int
) -> None:
    before, after = child(population, parent, only("add_connection"), seed)
    assert after.activation == before.activation
    new = after.enabled.keys() - before.enabled.keys()
    if not new:
        assert after == before
        return
    ((source, target),) = new
    assert after.enabled == before.enabled | {(source, target): True}
    assert target > INPUTS
    assert not INPUTS < source <= INPUTS + OUTPUTS
    depth = _layers(before)
    assert target <= INPUTS + OUTPUTS or depth[source] < depth[target]


def _layers(genome: Genome) -> dict[int, int]:
    """Longest path to each node over all genes, disabled ones too."""
    edges = graph(genome)
    depth = dict.fromkeys([*range(INPUTS + 1), *genome.activation], 0)
    for name in nx.topological_sort(edges):
        depth[name] = max((depth[before] + 1 for before in edges.predecessors(name)), default=0)
    return depth


def test_a_connection_is_added_wherever_one_is_possible() -> None:
    population = evolved(1, 20)
    for parent in range(12):
        before = genome(population, parent)
        depth = _layers(before)
        outputs = range(INPUTS + 1, INPUTS + 1 + OUTPUTS)
        sources = [name for name in depth if name not in outputs]
        free = {
            (source, target)
            for source in sources
            for target in before.activation
            if (target in outputs or depth[source] < depth[target])
            and source != target
            and (source, target) not in before.enabled
        }
        children, _ = mutate(population, np.full(400, parent), only("add_connection"), NEWEST, 0, 0)
        genes = children.genes
        found = set(zip(genes.source.tolist(), genes.target.tolist(), strict=True)) - before.enabled.keys()
        assert found <= free
        assert len(found) >= 0.8 * len(free)  # the rarest may not have come


@given(populations, places, seeds, st.booleans())
def test_enabling_and_disabling_turn_over_one_gene(
    population: Population, parent: int, seed: int, enable: bool
) -> None:
    operator = "enable_connection" if enable else "disable_connection"
    before, after = child(population, parent, only(operator), seed)
    assert after.activation.items() <= before.activation.items()
    # Disabling may leave a node idle; it goes, and so do the disabled genes that end in it.
    dropped = before.activation.keys() - after.activation.keys()
    gone = {pair for pair in before.enabled if dropped & set(pair)}
    assert not (enable and dropped)
    assert after.enabled.keys() == before.enabled.keys() - gone
    turned = [pair for pair in before.enabled if before.enabled[pair] != after.enabled.get(pair, False)]
    possible = [pair for pair, enabled in before.enabled.items() if enabled != enable]
    assert len(turned) == bool(possible)
    assert set(turned) <= set(possible)


@given(populations, places, seeds)
def test_a_duplicate_of_a_node_has_the_same_connections(
    population: Population, parent: int, seed: int
) -> None:
    before, after = child(population, parent, only("duplicate_node"), seed)
    if not feeding(before):
        assert after == before
        return
    new = NEWEST + 1
    added = {pair: enabled for pair, enabled in after.enabled.items() if new in pair}
    assert {pair: on for pair, on in after.enabled.items() if new not in pair} == before.enabled

    def about(name: int, genome: Genome) -> set[tuple[int, ...]]:
        return {
            tuple(-1 if end == name else end for end in pair)
            for pair, enabled in genome.enabled.items()
            if enabled and name in pair
        }

    assert all(added.values())
    assert any(
        about(new, after) == about(name, before) and after.activation[new] == before.activation[name]
        for name in feeding(before)
    )


def test_duplicating_the_only_node_of_a_path_doubles_what_arrives() -> None:
    # Input 1 -> node 3 (tanh) -> output 2.
    alone = Network(1, 1, np.array([1, 5], np.int8), np.array([1, 3]), np.array([3, 2]))
    twins, _ = mutate(alone.population, np.array([0]), only("duplicate_node"), 3, 0, 0)
    observation = np.array([0.7], np.float32)
    once = alone.policy(1.5).outputs(observation)
    assert Network.of_genome(twins, 0).policy(1.5).outputs(observation) == pytest.approx(2 * once)


@given(populations, seeds)
def test_genes_stay_sorted_unique_and_without_cycles(population: Population, seed: int) -> None:
    parents = np.arange(len(population))
    children, _ = mutate(population, parents, ALL_CHANGES, NEWEST, seed, 0)
    children.check()
    for index in range(len(children)):
        genes = children.take(np.array([index])).genes
        pairs = list(zip(genes.source.tolist(), genes.target.tolist(), strict=True))
        assert pairs == sorted(set(pairs))
        assert genes.node.tolist() == sorted(set(genes.node.tolist()))
        assert nx.is_directed_acyclic_graph(graph(genome(children, index)))
        assert {end for pair in pairs for end in pair} <= {*range(INPUTS + 1), *genes.node.tolist()}


@given(populations, places, seeds)
def test_a_child_depends_on_nothing_but_seed_generation_and_its_place(
    population: Population, parent: int, seed: int
) -> None:
    many, _ = mutate(population, np.full(5, parent), ALL_CHANGES, NEWEST, seed, 3)
    again, _ = mutate(population, np.array([0, 0, parent]), ALL_CHANGES, NEWEST, seed, 3)
    one, other = genome(many, 2), genome(again, 2)
    # Ids of new nodes depend on what the siblings do; the change does not.
    assert len(one.activation) == len(other.activation)
    assert sum(one.enabled.values()) == sum(other.enabled.values())


def test_other_generations_and_other_places_change_otherwise() -> None:
    population = evolved(2, 60)
    first, second = (
        mutate(population, np.zeros(40, np.int64), ALL_CHANGES, NEWEST, 0, at)[0] for at in (0, 1)
    )
    assert [genome(first, place) for place in range(40)] != [genome(second, place) for place in range(40)]
    assert len({str(genome(first, place)) for place in range(40)}) > 20


def test_the_roulette_falls_as_often_as_its_weights_say() -> None:
    population, parent, count = evolved(3, 60), 4, 20_000
    weights = dict(zip(OPERATORS, ALL_CHANGES.weights, strict=True))
    children, _ = mutate(population, np.full(count, parent), ALL_CHANGES, NEWEST, 7, 0)
    before = genome(population, parent)
    nodes, genes = len(before.activation), len(before.enabled)
    enabled = sum(before.enabled.values())
    assert 0 < enabled < genes
    rows = children.genes
    direct = (rows.source <= INPUTS) & (rows.target <= INPUTS + OUTPUTS)
    others = np.add.reduceat(~direct, rows.gene_rows[:-1])  # direct genes exist, stored or not
    more_nodes = np.diff(rows.node_rows) - nodes
    more_genes = others + len(DIRECT) - genes
    more_enabled = children.connections - enabled
    disabled_by_split = (others + len(DIRECT) - children.connections) - (genes - enabled)
    seen = {
        "add_node": (more_nodes == 1) & (disabled_by_split == 1),
        "duplicate_node": (more_nodes == 1) & (disabled_by_split == 0),
        "add_connection": (more_nodes == 0) & (more_genes == 1),
        "enable_connection": (more_genes == 0) & (more_enabled == 1),
        "disable_connection": more_enabled == -1,
        "change_activation": (more_nodes == 0) & (more_genes == 0) & (more_enabled == 0),
    }
    assert (np.sum(list(seen.values()), axis=0) == 1).all()
    for operator, hits in seen.items():
        expected = weights[operator] / sum(weights.values())
        assert hits.mean() == pytest.approx(expected, abs=5 * np.sqrt(expected / count)), operator


def test_every_operator_is_a_setting_and_every_other_setting_none() -> None:
    others = {"repeat", "activations"}
    assert MutationSettings.model_fields.keys() - others == OPERATORS.keys()


def test_the_published_roulette_is_the_default() -> None:
    published = {"change_activation": 0.5, "add_node": 0.25, "add_connection": 0.2, "enable_connection": 0.05}
    found = dict(zip(OPERATORS, MutationSettings().weights, strict=True))
    assert {name: weight for name, weight in found.items() if weight} == published
    names = [entry.name for entry in ACTIVATIONS if entry.name != "square"]
    assert list(MutationSettings().activations) == names


def test_what_cannot_change_is_copied() -> None:
    rng = np.random.default_rng(0)
    complete = first_population(INPUTS, OUTPUTS, 1, 1.0, rng)
    for operator in ("change_activation", "add_connection", "enable_connection", "duplicate_node"):
        before, after = child(complete, 0, only(operator), 0)
        assert after == before, operator
    nothing = first_population(INPUTS, OUTPUTS, 1, 0.0, rng)
    for operator in ("add_node", "disable_connection"):
        before, after = child(nothing, 0, only(operator), 0)
        assert after == before, operator


@pytest.mark.parametrize("operator", ["add_node", "duplicate_node"])
def test_the_same_change_in_the_same_generation_has_the_same_node_id(operator: str) -> None:
    population = evolved(4, 60)
    count = 200
    children, newest = mutate(population, np.full(count, 1), only(operator), NEWEST, 0, 0)
    before = genome(population, 1)
    made: dict[int, set[frozenset[Pair]]] = {}
    for index in range(count):
        after = genome(children, index)
        (new,) = after.activation.keys() - before.activation.keys()
        made.setdefault(new, set()).add(frozenset(pair for pair in after.enabled if new in pair))
    assert len(made) > 1
    assert all(len(ways) == 1 for ways in made.values())
    assert sorted(made) == list(range(NEWEST + 1, newest + 1))


def test_the_same_split_in_another_generation_has_another_node_id() -> None:
    population = first_population(1, 1, 1, 1.0, np.random.default_rng(0))
    split = only("add_node")
    first, newest = mutate(population, np.zeros(10, np.int64), split, 2, 0, 0)
    second, later = mutate(population, np.zeros(10, np.int64), split, newest, 0, 1)
    assert set(first.genes.node.tolist()) & set(second.genes.node.tolist()) == {2}
    assert later > newest


def test_the_first_population_has_every_gene_and_no_hidden_node() -> None:
    population = first_population(5, 2, 400, 0.3, np.random.default_rng(0))
    assert len(population) == 400
    for index in (0, 17, 399):
        found = genome(population, index)
        assert found.activation == {6: 1, 7: 1}
    assert population.genes.enabled.all()
    pairs = set(zip(population.genes.source.tolist(), population.genes.target.tolist(), strict=True))
    assert pairs == {(source, target) for source in range(6) for target in (6, 7)}
    share = len(population.genes.source) / 4800
    assert share == pytest.approx(0.3, abs=5 * np.sqrt(0.3 * 0.7 / 4800))


def test_the_first_population_may_be_full_or_empty() -> None:
    rng = np.random.default_rng(0)
    assert first_population(2, 1, 5, 1.0, rng).connections.tolist() == [3] * 5
    assert first_population(2, 1, 5, 0.0, rng).connections.tolist() == [0] * 5


def test_taking_and_joining_genomes_keeps_them_whole() -> None:
    population = evolved(5, 20)
    order = np.array([3, 3, 0, 11])
    taken = population.take(order)
    assert [genome(taken, place) for place in range(4)] == [genome(population, place) for place in order]
    both = join([taken, population])
    both.check()
    assert [genome(both, 4 + place) for place in range(12)] == [
        genome(population, place) for place in range(12)
    ]


def test_repeated_changes_follow_with_the_given_probability() -> None:
    settings = MutationSettings(
        change_activation=0.0, add_node=1.0, add_connection=0.0, enable_connection=0.0, repeat=0.5
    )
    population = first_population(3, 1, 1, 1.0, np.random.default_rng(0))
    children, _ = mutate(population, np.zeros(4000, np.int64), settings, population.newest_node, 1, 0)
    added = np.diff(children.genes.node_rows) - 1
    expected = [0.5**count for count in range(1, 8)] + [0.5**7]
    counted = np.bincount(added, minlength=9)[1:] / 4000
    assert np.abs(counted - expected).max() < 0.04


def test_children_stand_where_their_parents_were_named() -> None:
    population = evolved(4, 60)
    nothing = only("change_activation", activations=("tanh",), repeat=0.8)
    parents = np.arange(12)[::-1].copy()
    children, _ = mutate(population, parents, nothing, NEWEST, 2, 0)
    for place, parent in enumerate(parents.tolist()):
        theirs, own = genome(population, parent).enabled, genome(children, place).enabled
        assert [pair for pair in theirs if theirs[pair]] == [pair for pair in own if own[pair]]


def test_hidden_nodes_that_nothing_touches_are_dropped() -> None:
    settings = MutationSettings(
        change_activation=0.0, add_node=0.3, add_connection=0.0, enable_connection=0.0,
        disable_connection=0.7, repeat=0.5,
    )  # fmt: skip
    population, newest = first_population(3, 1, 30, 1.0, np.random.default_rng(0)), NEWEST
    for generation in range(40):
        population, newest = mutate(population, np.arange(30), settings, newest, 0, generation)
        population.check()
    genes = population.genes
    for index in range(30):
        own = slice(*genes.gene_rows[index : index + 2])
        on = genes.enabled[own]
        touched = {*genes.source[own][on].tolist(), *genes.target[own][on].tolist()}
        hidden = genes.node[slice(*genes.node_rows[index : index + 2])][1:]
        assert set(hidden.tolist()) <= touched
