"""Networks compiled for evaluation: a whole population in one program."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..genome import Population
from ..kernels.compilation import compile_genes
from ..kernels.forward import Program

__all__ = ["NetworkBatch", "compile_population"]


@dataclass(frozen=True)
class NetworkBatch:
    """Compiled networks.

    Attributes:
        population: what was compiled.
        merged: program for one shared weight, in which nodes of equal value are computed once.
        connections: int64[networks], enabled connections.
        effective_connections: int64[networks], those on some path from bias or input to output.
    """

    population: Population
    merged: Program
    connections: NDArray[np.int64]
    effective_connections: NDArray[np.int64]

    @cached_property
    def program(self) -> Program:
        """The program for weights of each connection's own, every connection at its index."""
        genes = self.population.genes
        *arrays, _, _ = compile_genes(genes, False)  # noqa: FBT003 - numba takes no keywords
        return Program(genes.inputs, genes.outputs, *arrays)

    def program_for(self, weights: NDArray[np.float64]) -> Program:
        """The program for float[weights] shared values, or for float[weights, connections] of their own."""
        # Without connections any value will do.
        return self.merged if weights.ndim == 1 or weights.shape[1] == 0 else self.program

    def fingerprints(self) -> list[bytes]:
        """A digest of each network's merged program; equal ones compute the same under any shared weight."""
        program, nodes = self.merged, self.merged.node_rows.tolist()
        found = []
        for begin, end in pairwise(nodes):
            rows = program.edge_rows[begin : end + 1]
            first, last = int(rows[0]), int(rows[-1])
            hashed = hashlib.blake2b(digest_size=16)
            for array in (
                rows - first,  # also tells how many nodes there are, so that no two programs are alike
                program.activation[begin:end],
                program.source[first:last],
                program.times[first:last],
            ):
                hashed.update(array.tobytes())
            found.append(hashed.digest())
        return found

    def __len__(self) -> int:
        return len(self.connections)


def compile_population(population: Population) -> NetworkBatch:
    """Compile every genome: topological order, nodes on no input-to-output path dropped.

    A node that no input reaches is a constant: it stays where that constant is not zero.

    Raises:
        ValueError: a genome has a cycle, or a connection to a node that is not there.
    """
    genes = population.genes
    *arrays, effective, failed = compile_genes(genes, True)  # noqa: FBT003
    if failed >= 0:
        raise ValueError(f"genome {failed} has a cycle or a connection to a node that is not there")
    merged = Program(genes.inputs, genes.outputs, *arrays)
    return NetworkBatch(population, merged, population.connections, effective)
