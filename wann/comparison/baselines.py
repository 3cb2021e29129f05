"""Models from outside the project that a comparison is measured against."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..tasks import ClassificationTask
from .entries import Entry, Family

__all__ = ["logistic_regressions"]

_STRENGTHS: Final = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1)  # scikit-learn's C, the inverse of the penalty


def logistic_regressions(task: ClassificationTask, seed: int) -> Iterator[Entry]:
    """Multinomial logistic regression with an L1 penalty of several strengths (scikit-learn's SAGA)."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - slow to import

    images, labels = task.train.pixels(), task.train.labels
    for strength in _STRENGTHS:
        began = time.process_time()
        model = LogisticRegression(
            l1_ratio=1.0,
            C=strength,
            solver="saga",
            tol=1e-3,  # ten times as large a one leaves weights that are zero at the optimum
            max_iter=1000,
            random_state=seed % 2**32,  # scikit-learn takes 32 bits
        )
        model.fit(images, labels)
        weights: NDArray[np.float64] = np.asarray(model.coef_)
        used = int((weights != 0).sum())
        correct = model.predict(task.test.pixels()) == task.test.labels
        if used:
            yield Entry(
                task=task.id,
                family=Family("logistic"),
                step=f"C {strength:g}",
                connections=used,
                biases=float((np.asarray(model.intercept_) != 0).sum()),
                accuracy=float(correct.mean()),
                weight_values=used,
                multiply_adds=used,
                bytes=6 * used,  # a weight in 32 bits and its input in 16
                seconds=time.process_time() - began,
            )
