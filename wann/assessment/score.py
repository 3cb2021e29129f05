"""What is said of a score: how many episodes, which weights, which seed, with its deviation."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["CONDITIONS", "Score"]

CONDITIONS = ("stored", "random", "shared", "tuned-shared", "tuned")
"""The conditions of a control task; ``wann.assessment.conditions`` says what each is."""


@dataclass(frozen=True)
class Score:
    """The return of a network under one condition.

    Attributes:
        condition: one of CONDITIONS, or ``weight`` for a single shared value.
        weights: which weights, in words.
        weight: the shared value, where there is one.
        episodes: episodes in all.
        seed: what the episodes and weights derive from.
        mean: mean return over the episodes.
        std: deviation; over episodes, or for ``shared`` over the means of the weights.
        standard_error: deviation of the mean.
        quartiles: of the same values as ``std``: first, median, third.
        minimum: the worst of them.
        maximum: the best of them.
        failed: episodes with a return that is not finite; they are left out of the rest.
    """

    condition: str
    weights: str
    weight: float | None
    episodes: int
    seed: int
    mean: float
    std: float
    standard_error: float
    quartiles: tuple[float, float, float]
    minimum: float
    maximum: float
    failed: int

    @classmethod
    def of(
        cls,
        condition: str,
        values: NDArray[np.float64],
        *,
        weights: str,
        seed: int,
        episodes: int,
        weight: float | None = None,
        failed: int = 0,
    ) -> Score:
        """Summarise ``values`` float64[n]: returns of episodes, or means of weights."""
        sound = values[np.isfinite(values)]
        if not sound.size:
            sound = np.array([-np.inf])
        with np.errstate(invalid="ignore"):
            std = float(sound.std(ddof=1)) if len(sound) > 1 else 0.0
        first, median, third = np.percentile(sound, [25, 50, 75]).tolist()
        return cls(
            condition,
            weights,
            weight,
            episodes,
            seed,
            float(sound.mean()),
            std,
            std / float(np.sqrt(len(sound))),
            (first, median, third),
            float(sound.min()),
            float(sound.max()),
            failed,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; what does not exist, or is not finite, is left out."""
        document = asdict(self)
        document["quartiles"] = list(self.quartiles)
        return {key: value for key, value in document.items() if _said(value)}


def _said(value: object) -> bool:
    if isinstance(value, list):
        return all(map(_said, value))
    return value is not None and (not isinstance(value, float) or math.isfinite(value))
