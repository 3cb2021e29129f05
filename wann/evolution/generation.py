"""The metrics of a generation."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Generation"]


@dataclass(frozen=True)
class Generation:
    """Statistics of a generation: a row of metrics.csv.

    Attributes:
        generation: its number, from 0.
        best_mean: mean return of the best genome over weights and episodes.
        median_mean: median of the means.
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
