"""The metrics of a generation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .champion import Champion
from .returns import Returns

__all__ = ["Generation"]


@dataclass(frozen=True)
class Generation:
    """Statistics of a generation: a row of metrics.csv.

    Attributes:
        generation: its number, from 0.
        best_mean: mean return of the best genome over weights and episodes; in a race, of those that went
            furthest.
        median_mean: median of the means; in a race each over what its genome met.
        best_max: return of the best genome at its best weight.
        best_connections: connections of the genome with the best mean.
        median_connections: median over the generation.
        champion_mean: mean return of the champion on the selection episodes.
        champion_connections: connections of the champion.
        evaluations: episodes met so far, also where the return of an equal network was known.
        steps: environment steps of these episodes.
        failed: genomes of this generation with a return that is not finite.
    """

    generation: int
    best_mean: float
    median_mean: float
    best_max: float
    best_connections: int
    median_connections: float
    champion_mean: float
    champion_connections: int
    evaluations: int
    steps: int
    failed: int

    @classmethod
    def of(
        cls,
        generation: int,
        returns: Returns,
        means: NDArray[np.float64],
        connections: NDArray[np.int64],
        champion: Champion | None,
        evaluations: int,
        steps: int,
    ) -> Generation:
        """The statistics of genomes.

        Args:
            generation: its number.
            returns: of the genomes.
            means: float64[genomes], their means; -inf for those that do not count.
            connections: int64[genomes].
            champion: the best genome so far.
            evaluations: episodes played so far.
            steps: environment steps made so far.
        """
        finite = np.isfinite(means)
        best = np.lexsort((connections, -means, -np.where(finite, returns.reached, -1)))[0]
        return cls(
            generation,
            float(means[best]),
            float(np.median(means[finite])) if finite.any() else -np.inf,
            float(returns.highest()[best]) if finite.any() else -np.inf,
            int(connections[best]),
            float(np.median(connections)),
            champion.mean if champion else -np.inf,
            champion.connections if champion else 0,
            evaluations,
            steps,
            int(returns.failed.sum()),
        )
