"""A population of genomes without an object per gene: flat arrays, selected and grown as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..activations import ACTIVATIONS
from ..kernels.compilation import compile_genes
from ..kernels.genes import Genes

__all__ = ["Population", "first_population", "join"]

_LINEAR: Final = 1
_IDS: Final = tuple(activation.id for activation in ACTIVATIONS)


@dataclass(frozen=True)
class Population:
    """Genomes in flat arrays (see ``wann.kernels.genes.Genes`` for shapes)."""

    genes: Genes

    def __len__(self) -> int:
        return len(self.genes.node_rows) - 1

    @property
    def connections(self) -> NDArray[np.int64]:
        """Enabled connection genes of each genome, int64[genomes]."""
        counted = np.concatenate([[0], np.cumsum(self.genes.enabled)])
        return np.asarray(counted[self.genes.gene_rows[1:]] - counted[self.genes.gene_rows[:-1]])

    @property
    def newest_node(self) -> int:
        """The highest node id in use."""
        return int(self.genes.node.max())

    def take(self, indices: NDArray[np.int64]) -> Population:
        """The genomes with these indices, in this order."""
        genes = self.genes
        nodes, node_rows = _rows(genes.node_rows, indices)
        links, gene_rows = _rows(genes.gene_rows, indices)
        return Population(
            Genes(
                genes.inputs,
                genes.outputs,
                node_rows,
                genes.node[nodes],
                genes.activation[nodes],
                gene_rows,
                genes.source[links],
                genes.target[links],
                genes.enabled[links],
            )
        )

    def check(self) -> None:
        """Make sure that arrays from outside describe genomes which the kernels can take.

        Raises:
            ValueError: they do not.
        """
        self._check_rows()
        self._check_names()
        # Disabled genes count: one that is enabled later must not close a cycle.
        failed = compile_genes(self.genes._replace(enabled=np.ones_like(self.genes.enabled)), False)[-1]  # noqa: FBT003
        if failed >= 0:
            raise ValueError(f"genome {failed} has a cycle or a connection to a node that is not there")

    def _check_rows(self) -> None:
        genes = self.genes
        for rows, flat in ((genes.node_rows, genes.node), (genes.gene_rows, genes.source)):
            if rows.ndim != 1 or len(rows) < 2 or rows[0] != 0 or rows[-1] != len(flat):
                raise ValueError("row pointers do not cover the arrays")
            if (rows[1:] < rows[:-1]).any():  # a difference may overflow
                raise ValueError("row pointers fall")
        if len(genes.activation) != len(genes.node):
            raise ValueError("as many activations as nodes are needed")
        if not len(genes.source) == len(genes.target) == len(genes.enabled):
            raise ValueError("sources, targets and flags differ in number")
        if (np.diff(genes.node_rows) < genes.outputs).any():
            raise ValueError("a genome lacks outputs")

    def _check_names(self) -> None:
        genes = self.genes
        fixed = 1 + genes.inputs + genes.outputs
        outputs = np.arange(1 + genes.inputs, fixed)
        if (genes.node[genes.node_rows[:-1, None] + np.arange(genes.outputs)] != outputs).any():
            raise ValueError("a genome does not begin with its outputs")
        if not np.isin(genes.activation, _IDS).all():
            raise ValueError("unknown activation")
        if (genes.source < 0).any() or (genes.target <= genes.inputs).any():
            raise ValueError("a connection begins or ends where none can")
        if np.isin(genes.source, outputs).any():
            raise ValueError("a connection leaves an output")
        if (~genes.enabled & (genes.source <= genes.inputs) & (genes.target < fixed)).any():
            raise ValueError("a disabled connection from an input to an output is stored")
        for rows, *keys in ((genes.node_rows, genes.node), (genes.gene_rows, genes.source, genes.target)):
            if not _ascending(rows, *keys).all():
                raise ValueError("genes are not in the order of their innovation")


def join(populations: Sequence[Population]) -> Population:
    """The genomes of several populations of one shape, one after the other."""
    parts = [population.genes for population in populations]

    def rows(name: str) -> NDArray[np.int64]:
        lengths = np.concatenate([np.diff(getattr(part, name)) for part in parts])
        return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)

    def flat(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(part, name) for part in parts])

    return Population(
        Genes(
            parts[0].inputs,
            parts[0].outputs,
            rows("node_rows"),
            flat("node"),
            flat("activation"),
            rows("gene_rows"),
            flat("source"),
            flat("target"),
            flat("enabled"),
        )
    )


def _rows(rows: NDArray[np.int64], indices: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Flat indices of the chosen rows, and the row pointers of the choice."""
    lengths = rows[indices + 1] - rows[indices]
    pointers = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    shift = np.repeat(rows[indices] - pointers[:-1], lengths)
    return np.arange(pointers[-1], dtype=np.int64) + shift, pointers


def _ascending(rows: NDArray[np.int64], *keys: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether each entry but the first of its row comes after the one before, by the first key first."""
    rising = np.zeros(len(keys[0]), np.bool_)
    level = np.ones_like(rising[1:])
    for key in keys:
        rising[1:] |= level & (key[1:] > key[:-1])
        level &= key[1:] == key[:-1]
    rising[rows[:-1][rows[:-1] < len(rising)]] = True
    return rising


def first_population(
    inputs: int, outputs: int, size: int, enabled: float, rng: np.random.Generator
) -> Population:
    """Genomes without hidden nodes: every gene from bias and inputs to outputs exists.

    Each gene is enabled with probability ``enabled`` (Gaier & Ha 2019, section 3.1).
    """
    sources = np.repeat(np.arange(1 + inputs), outputs)
    targets = np.tile(np.arange(1 + inputs, 1 + inputs + outputs), 1 + inputs)
    # A genome at a time: of 785 x 10 genes for each of 10,000, few are kept.
    kept = [np.flatnonzero(rng.random(len(sources)) < enabled) for _ in range(size)]
    chosen = np.concatenate(kept)
    return Population(
        Genes(
            inputs,
            outputs,
            np.arange(size + 1, dtype=np.int64) * outputs,
            np.tile(np.arange(1 + inputs, 1 + inputs + outputs, dtype=np.int64), size),
            np.full(size * outputs, _LINEAR, dtype=np.int8),
            np.concatenate([[0], np.cumsum([len(genes) for genes in kept])]).astype(np.int64),
            sources[chosen],
            targets[chosen],
            np.ones(len(chosen), np.bool_),
        )
    )
