"""What the lanes met while each repeated one action."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["Stretch"]


@dataclass(frozen=True)
class Stretch:
    """The steps of one action in every lane; an episode that ended, ended with the last one.

    Attributes:
        before: float64[lanes], the sum of the rewards of all steps but the last.
        last: float64[lanes], the reward of the last one.
        terminated: bool[lanes].
        truncated: bool[lanes].
        steps: int32[lanes], how many there were.
    """

    before: NDArray[np.float64]
    last: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    steps: NDArray[np.int32]

    @classmethod
    def blank(cls, lanes: int) -> Self:
        """No step yet."""
        return cls(
            np.zeros(lanes),
            np.zeros(lanes),
            np.zeros(lanes, np.bool_),
            np.zeros(lanes, np.bool_),
            np.zeros(lanes, np.int32),
        )
