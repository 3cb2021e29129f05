"""Sizes of the parts of a topology's drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .layout import Layout

__all__ = ["Scale"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Scale:
    """Sizes of a drawing in points.

    Attributes:
        gap: between two layers.
        unit: between two nodes of a layer.
        diameter: of hidden nodes and outputs.
        dot: of the bias and inputs.
        line: width of a connection.
        alpha: opacity of a connection.
    """

    gap: float
    unit: float
    diameter: float
    dot: float
    line: float
    alpha: float

    @classmethod
    def of(cls, layout: Layout) -> Scale:
        """Sizes at which the drawing fits a page and remains legible."""
        count = max(len(layout.routes), 1)
        unit = float(np.clip(680.0 / max(layout.span, 1.0), 4.0, 32.0))
        width = max(620.0, 0.9 * unit * layout.span)
        gap = float(np.clip(width / (layout.layers - 1), 1.5 * unit, 110.0 if layout.span < 20 else 160.0))
        sources = np.sort(layout.positions[layout.positions[:, 0] == 0, 1])
        between = float(np.diff(sources).min(initial=1.0)) * unit
        return cls(
            gap=gap,
            unit=unit,
            diameter=0.78 * unit,
            dot=float(np.clip(0.62 * between, 1.6, 9.0)),
            line=float(np.clip(2.0 * count**-0.2, 0.4, 1.4)),
            alpha=float(np.clip(2.2 * count**-0.3, 0.2, 0.85)),
        )

    def to_page(self, points: FloatArray) -> FloatArray:
        """Points of the layout, float64[n, 2], in points of the page."""
        return points * (self.gap, self.unit)
