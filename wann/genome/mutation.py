"""Mutation of a population, and innovation numbers for its new nodes."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from ..activations import ACTIVATIONS, BY_NAME
from ..kernels.genes import Genes
from ..settings import Settings
from ..streams import Stream, generator
from .operators import OPERATORS, drop_idle, vary
from .population import Population, join

__all__ = ["MutationSettings", "mutate"]

_MOST_CHANGES: Final = 8

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
ActivationName = Annotated[str, Field(json_schema_extra={"enum": [*BY_NAME]})]


class MutationSettings(Settings):
    """The roulette of topological changes; the defaults are the published ones.

    Attributes:
        change_activation: weight of giving a hidden node another activation.
        add_node: weight of splitting an enabled connection by a new node.
        add_connection: weight of connecting two unconnected nodes.
        enable_connection: weight of enabling a disabled connection.
        disable_connection: weight of disabling an enabled connection (published: none).
        duplicate_node: weight of duplicating a hidden node with its connections (published: none). With
            one shared weight, a path counts as much as there are copies of it.
        add_path: weight of adding a path through a linear or inverse node: one step of an integer
            coefficient, whatever the sign of the shared weight (published: none, as all that follow).
        change_gain: weight of duplicating, removing or negating a linear or inverse hidden node.
        add_unit: weight of adding a hidden node that reads several others, each by such a path.
        remove_node: weight of removing a hidden node.
        move_connection: weight of giving a connection another source.
        double_gain: weight of duplicating every linear or inverse hidden node that feeds one node.
        repeat: probability that a child is mutated once more, and again, up to eight times in all
            (published: none).
        activations: names of the activations that hidden nodes may have.
    """

    renamed: ClassVar = {"further": "repeat"}

    change_activation: Probability = 0.50
    add_node: Probability = 0.25
    add_connection: Probability = 0.20
    enable_connection: Probability = 0.05
    disable_connection: Probability = 0.0
    duplicate_node: Probability = 0.0
    add_path: Probability = 0.0
    change_gain: Probability = 0.0
    add_unit: Probability = 0.0
    remove_node: Probability = 0.0
    move_connection: Probability = 0.0
    double_gain: Probability = 0.0
    repeat: Annotated[float, Field(ge=0.0, le=0.9)] = 0.0
    activations: tuple[ActivationName, ...] = tuple(entry.name for entry in ACTIVATIONS if entry.id <= 10)

    @model_validator(mode="after")
    def _possible(self) -> MutationSettings:
        unknown = [name for name in self.activations if name not in BY_NAME]
        if unknown:
            raise ValueError(f"no activation {unknown[0]!r}; there are {', '.join(BY_NAME)}")
        if not self.activations:
            raise ValueError("activations must name at least one activation")
        if sum(self.weights) <= 0:
            raise ValueError("at least one mutation must have a positive weight")
        return self

    @property
    def weights(self) -> tuple[float, ...]:
        """The roulette's weights in the order of the operators."""
        return tuple(float(getattr(self, name)) for name in OPERATORS)


def mutate(
    population: Population,
    parents: NDArray[np.int64],
    settings: MutationSettings,
    newest_node: int,
    seed: int,
    generation: int,
) -> tuple[Population, int]:
    """One mutated child for each of ``parents`` int64[children], and the newest node id after.

    Children in which the same change adds a node in the same generation get the same node id, so that
    equal structures are known as equal (Stanley & Miikkulainen 2002).
    """
    # Children that are done leave the round; every round draws from streams of its own.
    changing, members, turn = population.take(parents), np.arange(len(parents)), 0
    done, positions = [changing.take(members[:0])], [members[:0]]
    while members.size and turn < _MOST_CHANGES:
        changing, newest_node = _change_once(changing, settings, newest_node, (seed, generation, turn << 32))
        turn += 1
        chance = generator(seed, Stream.MUTATION, generation, turn).random(len(members))
        again = (chance < settings.repeat) & (turn < _MOST_CHANGES)
        done.append(changing.take(np.flatnonzero(~again)))
        positions.append(members[~again])
        changing, members = changing.take(np.flatnonzero(again)), members[again]
    genes = join(done).take(np.argsort(np.concatenate(positions))).genes
    return Population(Genes(genes.inputs, genes.outputs, *drop_idle(genes))), newest_node


def _change_once(
    population: Population, settings: MutationSettings, newest_node: int, address: tuple[int, int, int]
) -> tuple[Population, int]:
    genes, parents = population.genes, np.arange(len(population))
    bounds = np.cumsum(settings.weights) / sum(settings.weights)
    choices = np.array([BY_NAME[name].id for name in settings.activations], np.int64)
    *arrays, origin = vary(genes, parents, bounds, choices, newest_node, *address)
    children = Genes(genes.inputs, genes.outputs, *arrays)
    return Population(children), newest_node + _name_nodes(children, origin, newest_node)


def _name_nodes(genes: Genes, origin: NDArray[np.int64], newest_node: int) -> int:
    """Replace preliminary ids, in place, by one id for each distinct origin; returns how many there are."""
    added = np.flatnonzero(genes.node > newest_node)
    distinct, which = np.unique(origin[added], axis=0, return_inverse=True)
    names = newest_node + 1 + which.reshape(-1)
    # Preliminary ids count from newest_node + 1 in each child, in the order of its node genes.
    begins = np.searchsorted(added, genes.node_rows[:-1])
    genes.node[added] = names
    for ends in (genes.source, genes.target):
        touched = np.flatnonzero(ends > newest_node)
        child = np.searchsorted(genes.gene_rows, touched, "right") - 1
        ends[touched] = names[begins[child] + ends[touched] - newest_node - 1]
    return len(distinct)
