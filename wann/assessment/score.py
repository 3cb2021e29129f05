"""Scores: statistics of returns or of classified images, with what they were computed from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from .tables import as_html, as_text

__all__ = ["CONTROL_CONDITIONS", "IMAGE_CONDITIONS", "AnyScore", "ImageScore", "Score", "Scores"]

CONTROL_CONDITIONS = ("stored", "random", "shared", "tuned-shared", "tuned")
"""The conditions of an environment; see the methods of ``ControlAssessor``."""
IMAGE_CONDITIONS = ("stored", "random", "shared", "tuned-shared", "ensemble", "tuned")
"""The conditions of a set of images; see the methods of ``ImageAssessor``."""


@dataclass(frozen=True, repr=False)
class Score:
    """The return of a network under one condition.

    Attributes:
        condition: one of CONTROL_CONDITIONS, or ``weight`` for a single shared weight.
        weights: description of the weights.
        weight: the shared weight; None if there are several, or one for each connection.
        episodes: number of episodes.
        seed: from which episodes and weights derive.
        mean: mean return; with several fixed weights the mean of their mean returns.
        std: standard deviation of the returns over all episodes.
        weight_std: standard deviation of the mean returns over the weights; None for a single weight, and
            where each episode draws its own.
        standard_error: of ``mean``, over draws of the episodes (and of the weights, where these are
            drawn); None if undefined, as after a single episode.
        quartiles: first quartile, median and third quartile of the returns.
        minimum: the lowest return.
        maximum: the highest return.
        threshold: the return from which on an episode counts as a success; None if undefined.
        success: fraction of successful episodes; None without a threshold.
        stepping: what computed the environment; other libraries have other episodes for the same seed.
        failed: episodes whose return is not finite; the statistics leave them out.
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
        """Summarise returns float64[weights, episodes] of independently drawn episodes.

        The rows are strata: fixed weights, each with separate episodes. Differences between their means are
        not noise, so the variance of the overall mean is ``sum(s_w^2 / n_w) / weights^2`` (stratified
        sampling; Cochran 1977, section 5.3). Where weights are drawn with the episodes there is one row.

        Raises:
            BadInput: no episode has a finite return.
        """
        finite = np.isfinite(returns)
        valid = returns[finite]
        if not valid.size:
            raise BadInput(f"condition {condition}: no episode of {returns.size:,} has a finite return")
        strata = [row[np.isfinite(row)] for row in returns[finite.any(axis=1)]]
        means = np.array([stratum.mean() for stratum in strata])
        first, median, third = np.percentile(valid, [25, 50, 75]).tolist()
        return cls(
            condition,
            weights,
            weight,
            returns.size,
            seed,
            float(means.mean()),
            float(valid.std(ddof=1)) if len(valid) > 1 else 0.0,
            float(means.std(ddof=1)) if len(means) > 1 else None,
            _stratified_error(strata),
            (first, median, third),
            float(valid.min()),
            float(valid.max()),
            threshold,
            None if threshold is None else float((valid >= threshold).mean()),
            stepping,
            int((~finite).sum()),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without those that are undefined or not finite."""
        return _document(self)

    def __repr__(self) -> str:
        error = "" if self.standard_error is None else f" ± {self.standard_error:.2g}"
        return (
            f"Score({self.condition}: {self.mean:.5g}{error} over {self.episodes:,} episodes, {self.weights})"
        )

    def _repr_html_(self) -> str:
        return as_html([self.cells()])

    def cells(self) -> dict[str, str]:
        """Cells of a table by their headings."""
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


@dataclass(frozen=True, repr=False)
class ImageScore:
    """The accuracy of a network on the test images under one condition.

    Attributes:
        condition: one of IMAGE_CONDITIONS, or ``weight`` for a single shared weight.
        weights: description of the weights.
        weight: the shared weight; None if there are several, or one for each connection.
        episodes: number of classified images, each counted once for each weight.
        seed: from which random weights and training derive.
        mean: mean log-probability of the true class: minus the cross-entropy.
        std: standard deviation of it over the images, or over the means of several weights.
        accuracy: fraction of images whose true class has the highest output.
        accuracy_std: standard deviation of the accuracy over several weights; None for a single one.
        accuracy_standard_error: of ``accuracy``, over draws of the test images, and of the weights where
            these are drawn.
        averaged: for ``ensemble``, the accuracy of the averaged probabilities.
        confusion: images of each class (row) by their predicted class (column), over all weights.
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
        predicted: NDArray[np.integer[Any]],
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
        """Summarise predicted classes int[weights, images] of images with ``labels`` int[images].

        The images are a random sample: the variance of the accuracy is that of an image's fraction of
        correct predictions, divided by the number of images. Where the weights are ``drawn`` at random they
        are a second sample, crossed with the images, and their variance is added.

        Args:
            condition: its name.
            predicted: the predicted classes.
            labels: the true classes.
            classes: number of classes.
            returns: mean log-probabilities, of the images under a single weight, or of several weights.
            weights: description of the weights.
            seed: from which random weights derive.
            weight: the shared weight, if there is only one.
            averaged: see the class.
            drawn: whether the weights were drawn at random.
        """
        correct = predicted == labels
        by_weight, by_image = correct.mean(axis=1), correct.mean(axis=0)
        several = len(correct) > 1
        variance = by_image.var(ddof=1) / len(by_image) if len(by_image) > 1 else 0.0
        if drawn and several:
            variance += by_weight.var(ddof=1) / len(by_weight)
        pairs = np.bincount((labels.astype(np.int64) * classes + predicted).reshape(-1), minlength=classes**2)
        with np.errstate(invalid="ignore"):
            mean, std = float(returns.mean()), float(returns.std(ddof=1)) if len(returns) > 1 else 0.0
        return cls(
            condition,
            weights,
            weight,
            correct.size,
            seed,
            mean,
            std,
            float(correct.mean()),
            float(by_weight.std(ddof=1)) if several else None,
            math.sqrt(variance),
            averaged,
            tuple(tuple(row) for row in pairs.reshape(classes, classes).tolist()),
        )

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without those that are undefined or not finite."""
        return _document(self)

    def __repr__(self) -> str:
        return (
            f"ImageScore({self.condition}: {self.accuracy:.2%} ± {self.accuracy_standard_error:.2%} of "
            f"{self.episodes:,} right, {self.weights})"
        )

    def _repr_html_(self) -> str:
        return as_html([self.cells()])

    def cells(self) -> dict[str, str]:
        """Cells of a table by their headings."""
        averaged = "" if self.averaged is None else f" ({self.averaged:.2%} by averaged probabilities)"
        return {
            "condition": self.condition,
            "accuracy": f"{self.accuracy:.2%}",
            "standard error": f"{self.accuracy_standard_error:.2%}",
            "std over weights": "" if self.accuracy_std is None else f"{self.accuracy_std:.2%}",
            "cross-entropy": f"{-self.mean:.3f}",
            "examples": f"{self.episodes:,}",
            "weights": f"{self.weights}{averaged}",
        }


AnyScore = Score | ImageScore


class Scores(list[AnyScore]):
    """Scores of one network, one for each condition; printed, and in notebooks, they are a table."""

    def __repr__(self) -> str:
        return as_text([score.cells() for score in self])

    def _repr_html_(self) -> str:
        return as_html([score.cells() for score in self])


def _stratified_error(strata: Sequence[NDArray[np.float64]]) -> float | None:
    """Standard error of the mean of the strata's means; None if no stratum has two values.

    A stratum with a single value (its other episodes failed) is given the mean variance of the others.
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
    return {key: value for key, value in values.items() if _defined(value)}


def _defined(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(map(_defined, value))
    return value is not None and (not isinstance(value, float) or math.isfinite(value))
