"""The best genome so far of one beginning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..files import array_of
from ..genome import Population, decode, encode

__all__ = ["Champion", "worth"]


@dataclass(frozen=True)
class Champion:
    """The best genome so far.

    Attributes:
        population: a population of this one genome.
        mean: its mean return on the selection episodes.
        generation: when it was found.
    """

    population: Population
    mean: float
    generation: int

    @property
    def connections(self) -> int:
        """Its connections."""
        return int(self.population.connections[0])

    def encode(self, prefix: str) -> dict[str, NDArray[np.generic]]:
        """The arrays ``prefix.NAME`` from which ``decode`` makes an equal champion."""
        numbers = {
            f"{prefix}.mean": np.array([self.mean]),
            f"{prefix}.generation": np.array([self.generation]),
        }
        return encode(prefix, self.population) | numbers

    @classmethod
    def decode(
        cls, prefix: str, arrays: Mapping[str, NDArray[np.generic]], shape: tuple[int, int], generation: int
    ) -> Champion | None:
        """The champion that ``encode`` described; None if the arrays hold none of this prefix.

        Args:
            prefix: of the arrays' names.
            arrays: by name.
            shape: inputs and outputs.
            generation: of the search; no champion is of a later one.

        Raises:
            ValueError: the arrays do not describe a champion.
        """
        if f"{prefix}.mean" not in arrays:
            return None
        population = decode(prefix, arrays, shape)
        mean = float(array_of(arrays, f"{prefix}.mean", np.float64, (1,))[0])
        promoted = int(array_of(arrays, f"{prefix}.generation", np.int64, (1,))[0])
        if len(population) != 1 or not np.isfinite(mean) or not 0 <= promoted <= generation:
            raise ValueError(f"{len(population)} champions of generation {promoted} with a mean of {mean:g}")
        return cls(population, mean, promoted)


def worth(champion: Champion | None) -> tuple[float, int]:
    """What beginnings are compared by: the mean of their champion, then its fewer connections."""
    return (-np.inf, 0) if champion is None else (champion.mean, -champion.connections)
