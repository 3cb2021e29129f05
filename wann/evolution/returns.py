"""The returns of a generation, whose genomes need not have met the same trials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .utility import utility

__all__ = ["Returns"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Returns:
    """What genomes earned in the rounds of a race; all that reached the same round met the same trials.

    Attributes:
        values: float64[genomes, weights], mean return of each genome at each weight that it met, over the
            episodes that it met there; NaN at the other weights.
        reached: int64[genomes], the last round that each genome took part in, from 0.
        met: bool[rounds, weights], the weights met by whoever took part in a round.
    """

    values: FloatArray
    reached: NDArray[np.int64]
    met: NDArray[np.bool_]

    @classmethod
    def of(cls, values: FloatArray | Returns) -> Returns:
        """Returns float64[genomes, weights] of genomes all of which met all trials, or what is given."""
        if isinstance(values, Returns):
            return values
        return cls(values, np.zeros(len(values), np.int64), np.ones((1, values.shape[1]), np.bool_))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Which genomes reached the last round, bool[genomes]."""
        return np.asarray(self.reached == len(self.met) - 1)

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Which genomes have a return that is not finite, bool[genomes]."""
        return self._of_each(lambda rows: np.asarray(~np.isfinite(rows).all(axis=1))) > 0

    def means(self) -> FloatArray:
        """Means over the weights, float64[genomes]; -inf where a return is not finite."""
        return np.where(self.failed, -np.inf, self._of_each(lambda rows: rows.mean(axis=1)))

    def highest(self) -> FloatArray:
        """Returns at the best weight, float64[genomes]."""
        return self._of_each(lambda rows: rows.max(axis=1))

    def worse_half(self) -> FloatArray:
        """Means over the worse half of the weights, float64[genomes]."""
        return self._of_each(lambda rows: np.sort(rows, axis=1)[:, : max(1, rows.shape[1] // 2)].mean(axis=1))

    def utilities(self, exponent: int) -> Returns:
        """The utilities of these returns."""
        return replace(self, values=utility(self.values, exponent))

    def _of_each(self, statistic: Callable[[FloatArray], NDArray[np.generic]]) -> FloatArray:
        """A statistic of each genome at the weights that it met: of float64[some, met] it makes [some]."""
        found = np.empty(len(self))
        for number, met in enumerate(self.met):
            genomes = np.flatnonzero(self.reached == number)
            with np.errstate(invalid="ignore"):  # infinities of both signs: such a genome is ranked last
                found[genomes] = statistic(np.ascontiguousarray(self.values[genomes][:, met]))
        return found
