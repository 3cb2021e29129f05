"""What is said of a score: how many episodes, which weights, which seed, with its deviation."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput

__all__ = ["CONDITIONS", "ImageScore", "Score"]

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
        threshold: the return from which on an episode is a success, where there is one.
        success: share of the episodes that are.
        stepping: what computed the environment; its episodes are others with another library.
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
    threshold: float | None
    success: float | None
    stepping: str | None
    failed: int

    @classmethod
    def of(
        cls,
        condition: str,
        values: NDArray[np.float64],
        *,
        returns: NDArray[np.float64],
        weights: str,
        seed: int,
        weight: float | None = None,
        threshold: float | None = None,
        stepping: str | None = None,
    ) -> Score:
        """Summarise ``values`` float64[n], returns of episodes or means of weights.

        ``returns`` float64[episodes] are those of all episodes.

        Raises:
            BadInput: no episode has a finite return.
        """
        played, sound = np.isfinite(returns), values[np.isfinite(values)]
        if not sound.size:
            raise BadInput(f"condition {condition}: no episode of {returns.size:,} has a finite return")
        std = float(sound.std(ddof=1)) if len(sound) > 1 else 0.0
        first, median, third = np.percentile(sound, [25, 50, 75]).tolist()
        return cls(
            condition,
            weights,
            weight,
            returns.size,
            seed,
            float(sound.mean()),
            std,
            std / float(np.sqrt(len(sound))),
            (first, median, third),
            float(sound.min()),
            float(sound.max()),
            threshold,
            None if threshold is None else float((returns[played] >= threshold).mean()),
            stepping,
            int((~played).sum()),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; what does not exist, or is not finite, is left out."""
        return _document(self)

    def cells(self) -> dict[str, str]:
        """What a table says of it: headings and texts."""
        failed = f" ({self.failed} failed)" if self.failed else ""
        first, median, third = self.quartiles
        success = {} if self.success is None else {f"success (>= {self.threshold:g})": f"{self.success:.1%}"}
        return {
            "condition": self.condition,
            "mean": f"{self.mean:.1f}",
            "deviation": f"{self.std:.1f}",
            "standard error": f"{self.standard_error:.1f}",
            "quartiles": f"{first:.1f} {median:.1f} {third:.1f}",
            **success,
            "episodes": f"{self.episodes:,}{failed}",
            "weights": self.weights,
        }


@dataclass(frozen=True)
class ImageScore:
    """How a network does on test images under one condition.

    Attributes:
        condition: one of ``wann.assessment.images.IMAGE_CONDITIONS``, or ``weight``.
        weights: which weights, in words.
        weight: the shared value, where there is one.
        episodes: images shown in all, each under each weight.
        seed: what random weights and training derive from.
        mean: mean of the log-probability of the right class: minus the cross-entropy.
        std: its deviation; over images, or over the means of several weights.
        accuracy: share of images whose right class has the highest output.
        accuracy_std: its deviation over several weights.
        accuracy_standard_error: deviation of the accuracy, over images or over weights.
        averaged: for ``ensemble``, the accuracy of the averaged probabilities.
        confusion: how often each class (row) was taken for each (column), over all weights.
    """

    condition: str
    weights: str
    weight: float | None
    episodes: int
    seed: int
    mean: float
    std: float
    accuracy: float
    accuracy_std: float | None
    accuracy_standard_error: float
    averaged: float | None
    confusion: tuple[tuple[int, ...], ...]

    @classmethod
    def of(
        cls,
        condition: str,
        confusion: NDArray[np.int64],
        returns: NDArray[np.float64],
        *,
        weights: str,
        seed: int,
        weight: float | None = None,
        averaged: float | None = None,
    ) -> ImageScore:
        """Summarise confusion int64[weights, classes, classes] and ``returns`` of images or of weights."""
        shown = confusion.sum(axis=(1, 2))
        right = np.trace(confusion, axis1=1, axis2=2) / shown
        accuracy, count = float(right.mean()), len(right)
        spread = float(right.std(ddof=1)) if count > 1 else None
        variance, size = (accuracy * (1 - accuracy), shown[0]) if spread is None else (spread**2, count)
        with np.errstate(invalid="ignore"):
            mean, std = float(returns.mean()), float(returns.std(ddof=1)) if len(returns) > 1 else 0.0
        return cls(
            condition,
            weights,
            weight,
            int(shown.sum()),
            seed,
            mean,
            std,
            accuracy,
            spread,
            math.sqrt(variance / size),
            averaged,
            tuple(tuple(row) for row in confusion.sum(axis=0).tolist()),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; what does not exist, or is not finite, is left out."""
        return _document(self)

    def cells(self) -> dict[str, str]:
        """What a table says of it: headings and texts."""
        averaged = "" if self.averaged is None else f" ({self.averaged:.2%} by averaged probabilities)"
        return {
            "condition": self.condition,
            "accuracy": f"{self.accuracy:.2%}",
            "deviation": "" if self.accuracy_std is None else f"{self.accuracy_std:.2%}",
            "standard error": f"{self.accuracy_standard_error:.2%}",
            "cross-entropy": f"{-self.mean:.3f}",
            "images": f"{self.episodes:,}",
            "weights": f"{self.weights}{averaged}",
        }


def _document(score: Any) -> dict[str, Any]:
    values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(score).items()}
    return {key: value for key, value in values.items() if _said(value)}


def _said(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_said, value))
    return value is not None and (not isinstance(value, float) or math.isfinite(value))
