"""The sweep over shared weights that a tuning begins with, as a picture and as a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..files import write_atomically
from .curves import draw_weight_response

__all__ = ["draw_sweep"]


def draw_sweep(
    weights: NDArray[np.float64],
    returns: NDArray[np.float64],
    path: Path,
    *,
    title: str,
    chosen: float,
) -> None:
    """Draw the mean return against the shared weight, and write means and stds as csv beside the picture.

    Args:
        weights: float64[weights], in any order.
        returns: float64[weights, episodes]; a weight with one that is not finite is left out of the picture.
        path: an SVG, PNG or PDF file; the table has the suffix ``.csv``.
        title: a line above the picture; the number of episodes is added.
        chosen: the best shared weight, marked by a line.

    Raises:
        BadInput: an unknown suffix.
        Failure: a file cannot be written.
    """
    episodes = returns.shape[1]
    finite = np.where(np.isfinite(returns), returns, np.nan)
    mean, std = finite.mean(axis=1), finite.std(axis=1, ddof=1 if episodes > 1 else 0)
    title = f"{title}, {episodes} episodes a weight"
    draw_weight_response(weights, mean, std, path, title=title, trained=(), chosen=chosen)
    rows = [f"{weights[index]:g},{mean[index]},{std[index]},{episodes}\n" for index in np.argsort(weights)]
    write_atomically(path.with_suffix(".csv"), ("weight,mean,std,episodes\n" + "".join(rows)).encode())
