"""What is said of a score: how many episodes, which weights, which seed, with its deviation."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
        mean: mean return; over the means of the weights, where there are several fixed ones.
        std: standard deviation of the returns over all episodes.
        weight_std: standard deviation of the mean returns over the weights; None for a single weight, and
            where each episode draws its own.
        standard_error: standard deviation of ``mean`` over draws of the episodes (and of the weights, where
            these are drawn); None if undefined, as after a single episode.
        quartiles: of the returns of all episodes: first, median, third.
        minimum: the lowest return.
        maximum: the highest return.
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
    weight_std: float | None
    standard_error: float | None
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
        returns: NDArray[np.float64],
        *,
        weights: str,
        seed: int,
        weight: float | None = None,
        threshold: float | None = None,
        stepping: str | None = None,
    ) -> Score:
        """Summarise returns float64[weights, episodes], in which every episode was drawn independently.

        The rows are strata: fixed weights, each with episodes of its own. What differs between their means
        is no noise, so the variance of the overall mean is ``sum(s_w^2 / n_w) / weights^2`` (stratified
        sampling; Cochran 1977, section 5.3). Where weights are drawn with the episodes there is one row.

        Raises:
            BadInput: no episode has a finite return.
        """
        finite = np.isfinite(returns)
        played = returns[finite]
        if not played.size:
            raise BadInput(f"condition {condition}: no episode of {returns.size:,} has a finite return")
        strata = [row[np.isfinite(row)] for row in returns[finite.any(axis=1)]]
        means = np.array([stratum.mean() for stratum in strata])
        first, median, third = np.percentile(played, [25, 50, 75]).tolist()
        return cls(
            condition,
            weights,
            weight,
            returns.size,
            seed,
            float(means.mean()),
            float(played.std(ddof=1)) if len(played) > 1 else 0.0,
            float(means.std(ddof=1)) if len(means) > 1 else None,
            _stratified_error(strata),
            (first, median, third),
            float(played.min()),
            float(played.max()),
            threshold,
            None if threshold is None else float((played >= threshold).mean()),
            stepping,
            int((~finite).sum()),
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
            "standard error": "" if self.standard_error is None else f"{self.standard_error:.1f}",
            "std": f"{self.std:.1f}",
            "std over weights": "" if self.weight_std is None else f"{self.weight_std:.1f}",
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
        accuracy_std: standard deviation of the accuracy over several weights; None for a single one.
        accuracy_standard_error: standard deviation of ``accuracy`` over draws of the test images, and of the
            weights where these are drawn.
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
        chosen: NDArray[np.integer[Any]],
        labels: NDArray[np.integer[Any]],
        classes: int,
        returns: NDArray[np.float64],
        *,
        weights: str,
        seed: int,
        weight: float | None = None,
        averaged: float | None = None,
        drawn: bool = False,
    ) -> ImageScore:
        """Summarise classes chosen int[weights, images] for images with ``labels`` int[images].

        The images are a sample whatever the weights are: the variance of the accuracy is that of an image's
        share of right answers, over the number of images. Where the weights are ``drawn`` at random they are
        a sample too, crossed with the images, and their variance comes on top of it.

        Args:
            condition: its name.
            chosen: the classes.
            labels: the right ones.
            classes: how many classes there are.
            returns: mean log-probabilities, of the images under a single weight, or of several weights.
            weights: which weights, in words.
            seed: what was drawn derives from.
            weight: the shared value, where there is one.
            averaged: see the class.
            drawn: whether the weights were drawn at random.
        """
        right = chosen == labels
        by_weight, by_image = right.mean(axis=1), right.mean(axis=0)
        several = len(right) > 1
        variance = by_image.var(ddof=1) / len(by_image) if len(by_image) > 1 else 0.0
        if drawn and several:
            variance += by_weight.var(ddof=1) / len(by_weight)
        pairs = np.bincount((labels.astype(np.int64) * classes + chosen).reshape(-1), minlength=classes**2)
        with np.errstate(invalid="ignore"):
            mean, std = float(returns.mean()), float(returns.std(ddof=1)) if len(returns) > 1 else 0.0
        return cls(
            condition,
            weights,
            weight,
            right.size,
            seed,
            mean,
            std,
            float(right.mean()),
            float(by_weight.std(ddof=1)) if several else None,
            math.sqrt(variance),
            averaged,
            tuple(tuple(row) for row in pairs.reshape(classes, classes).tolist()),
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
            "standard error": f"{self.accuracy_standard_error:.2%}",
            "std over weights": "" if self.accuracy_std is None else f"{self.accuracy_std:.2%}",
            "cross-entropy": f"{-self.mean:.3f}",
            "images": f"{self.episodes:,}",
            "weights": f"{self.weights}{averaged}",
        }


def _stratified_error(strata: Sequence[NDArray[np.float64]]) -> float | None:
    """Standard error of the mean of the strata's means; None if no stratum has two values.

    A stratum of a single value (others of its episodes failed) is given the mean variance of the rest.
    """
    counts = np.array([len(stratum) for stratum in strata])
    several = counts > 1
    if not several.any():
        return None
    variances = np.array([stratum.var(ddof=1) if len(stratum) > 1 else np.nan for stratum in strata])
    variances[~several] = variances[several].mean()
    return float(np.sqrt((variances / counts).sum())) / len(strata)


def _document(score: Any) -> dict[str, Any]:
    values = {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(score).items()}
    return {key: value for key, value in values.items() if _said(value)}


def _said(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_said, value))
    return value is not None and (not isinstance(value, float) or math.isfinite(value))
