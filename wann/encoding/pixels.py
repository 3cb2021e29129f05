"""Down-sampling: the mean of each part of an image."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..errors import BadInput
from ..kernels.convolution import area_means
from .images import image_shape, images_of, scale_of

__all__ = ["PREFIX", "PixelEncoder"]

PREFIX: Final = "pixels:"
_FORM: Final = re.compile(r"pixels:([1-9]\d{0,2})x([1-9]\d{0,2})(?:x([1-9]\d{0,2}))?")


@dataclass(frozen=True)
class PixelEncoder:
    """Means over equal parts of an image, in [0, 1] where its values have bounds.

    Attributes:
        rows: parts from top to bottom.
        columns: parts from left to right.
        channels: that the image must have, each kept by itself; None for the mean of all.
    """

    rows: int
    columns: int
    channels: int | None = None
    label = "pixel"

    @classmethod
    def of(cls, name: str) -> PixelEncoder:
        """The encoder ``pixels:ROWSxCOLUMNS`` (grey) or ``pixels:ROWSxCOLUMNSxCHANNELS``.

        Raises:
            BadInput: another name.
        """
        found = _FORM.fullmatch(name)
        if found is None:
            raise BadInput(
                f"task.encoder: {name!r}; accepted are pixels:ROWSxCOLUMNS (grey) and "
                "pixels:ROWSxCOLUMNSxCHANNELS, such as pixels:8x8 and pixels:8x8x3"
            )
        rows, columns, channels = found.groups()
        return cls(int(rows), int(columns), None if channels is None else int(channels))

    @property
    def name(self) -> str:
        """As ``task.encoder`` names it."""
        channels = "" if self.channels is None else f"x{self.channels}"
        return f"{PREFIX}{self.rows}x{self.columns}{channels}"

    def size(self, image: spaces.Box) -> int:
        """Numbers that it makes of such an image.

        Raises:
            BadInput: the image has other channels.
        """
        _, _, channels = image_shape(image)
        if self.channels not in (None, channels):
            raise BadInput(
                f"task.encoder: {self.name} needs images of {self.channels} channels; these have {channels}: "
                f"pixels:{self.rows}x{self.columns}x{channels}, or pixels:{self.rows}x{self.columns} for grey"
            )
        return self.rows * self.columns * (self.channels or 1)

    def encode(self, rows: NDArray[Any], image: spaces.Box) -> NDArray[np.float32]:
        """The means float32[rows, size] of images number[rows, pixels and channels]."""
        images = images_of(rows, image)
        means = np.empty((len(images), self.rows, self.columns, images.shape[3]), np.float32)
        area_means(images, *scale_of(image), means)
        if self.channels is None:
            means = means.sum(axis=3) / np.float32(means.shape[3])
        return means.reshape(len(rows), -1)
