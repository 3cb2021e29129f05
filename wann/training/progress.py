"""The progress of a search by CMA-ES in a file, from which it can be resumed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..files import array_of
from ..runs import Checkpoint, load_checkpoint, save_checkpoint

__all__ = ["TuningProgress"]

_SAVE_SECONDS: Final = 2.0
_BEFORE: Final = "earned"
"""What earlier versions called the array of means."""


class TuningProgress:
    """Mean returns of all candidates so far, saved every few seconds.

    Args:
        path: the file; it may exist already.
        digest: identifies the search, so that the progress of another one is not used.
        iterations: length of the search; what the file holds beyond is ignored.

    Attributes:
        means: float64[candidates] of each iteration that the file held.

    Raises:
        BadInput: the file is damaged, or holds the progress of another search.
    """

    def __init__(self, path: Path, digest: bytes, iterations: int) -> None:
        self._path = path
        self._digest = np.frombuffer(digest, np.uint8)
        self._saved = time.perf_counter()
        self.means = self._read(iterations) if path.exists() else []

    def _read(self, iterations: int) -> list[NDArray[np.float64]]:
        arrays = load_checkpoint(self._path).arrays
        name = _BEFORE if _BEFORE in arrays else "means"
        try:
            digest = array_of(arrays, "digest", np.uint8, self._digest.shape)
            means = array_of(arrays, name, np.float64, (None, None))
        except BadInput as error:
            raise BadInput(f"{self._path}: not the progress of a tuning ({error}); remove the file") from None
        if not np.array_equal(digest, self._digest):
            raise BadInput(
                f"{self._path}: the progress of another tuning; finish that one, or remove the file"
            )
        if not np.isfinite(means).all():
            raise BadInput(
                f"{self._path}: not the progress of a tuning (a mean is not finite); remove the file"
            )
        return list(means[:iterations])

    def save(self, means: Sequence[NDArray[np.float64]]) -> None:
        """Write the means of all iterations so far, unless the last time was a moment ago."""
        if time.perf_counter() - self._saved < _SAVE_SECONDS:
            return
        arrays: dict[str, NDArray[np.generic]] = {"digest": self._digest, "means": np.array(means)}
        save_checkpoint(self._path, Checkpoint(len(means), arrays))
        self._saved = time.perf_counter()

    def remove(self) -> None:
        """Remove the file: the search is finished."""
        self._path.unlink(missing_ok=True)
