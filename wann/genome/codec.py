"""A population as named arrays of plain numbers, and back, for checkpoints."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..files import array_of
from ..kernels.genes import Genes
from .population import Population

__all__ = ["DIGEST", "decode", "digest", "encode"]

DIGEST: Final = 32
"""Bytes of a digest."""
Arrays = Mapping[str, NDArray[np.generic]]

_KINDS: Final[dict[str, type[np.generic]]] = {
    "node_rows": np.int64,
    "node": np.int64,
    "activation": np.int8,
    "gene_rows": np.int64,
    "source": np.int64,
    "target": np.int64,
    "enabled": np.bool_,
}


def encode(prefix: str, population: Population) -> dict[str, NDArray[np.generic]]:
    """The arrays ``prefix.NAME`` from which ``decode`` makes an equal population."""
    return {f"{prefix}.{name}": getattr(population.genes, name) for name in _KINDS}


def decode(prefix: str, arrays: Arrays, shape: tuple[int, int]) -> Population:
    """The population that ``encode`` described; ``shape`` is (inputs, outputs).

    Raises:
        BadInput: an array is missing, or of another type or shape.
        ValueError: the arrays do not describe genomes.
    """
    parts = [array_of(arrays, f"{prefix}.{name}", kind, (None,)) for name, kind in _KINDS.items()]
    population = Population(Genes(*shape, *parts))
    population.check()
    return population


def digest(population: Population) -> bytes:
    """Equal for equal populations, and in practice for no others: SHA-256 of the arrays."""
    hasher = hashlib.sha256()
    for name in _KINDS:
        hasher.update(np.ascontiguousarray(getattr(population.genes, name)).tobytes())
    return hasher.digest()
