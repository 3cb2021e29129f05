"""A population as named arrays of plain numbers, and back: what checkpoints hold of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

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
        KeyError: an array is missing.
        TypeError: an array holds other numbers than it should.
        ValueError: the arrays do not describe genomes.
    """
    parts: list[Any] = [
        np.ascontiguousarray(arrays[f"{prefix}.{name}"].astype(kind, casting="same_kind"))
        for name, kind in _KINDS.items()
    ]
    population = Population(Genes(*shape, *parts))
    population.check()
    return population


def digest(population: Population) -> bytes:
    """Equal for equal populations, and in practice for no others: SHA-256 of the arrays."""
    found = hashlib.sha256()
    for name in _KINDS:
        found.update(np.ascontiguousarray(getattr(population.genes, name)).tobytes())
    return found.digest()
