"""Which observations are images, and how their numbers are arranged."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

__all__ = ["image_shape", "images_of", "is_image", "scale_of"]


def is_image(space: spaces.Space[Any]) -> bool:
    """Whether a space is a Box of three axes or more, or of two axes of bytes."""
    return isinstance(space, spaces.Box) and (
        len(space.shape) > 2 or (len(space.shape) == 2 and space.dtype == np.uint8)
    )


def _channels_first(shape: tuple[int, ...]) -> bool:
    """The shorter of the first and the last axis holds the channels, the last one on a tie."""
    return len(shape) == 3 and shape[0] < shape[2]


def image_shape(space: spaces.Box) -> tuple[int, int, int]:
    """Height, width and channels of an image; axes before these three are more channels (stacked frames)."""
    shape = space.shape
    if len(shape) == 2:
        return shape[0], shape[1], 1
    if _channels_first(shape):
        return shape[1], shape[2], shape[0]
    return shape[-3], shape[-2], shape[-1] * math.prod(shape[:-3])


def images_of(rows: NDArray[Any], space: spaces.Box) -> NDArray[Any]:
    """Images [rows, height, width, channels], bytes or float32, of their numbers [rows, numbers]."""
    images = rows.reshape(len(rows), *space.shape)
    if _channels_first(space.shape):
        images = np.moveaxis(images, 1, -1)
    elif len(space.shape) > 3:
        stacked = images.reshape(len(rows), -1, *space.shape[-3:])
        images = np.moveaxis(stacked, 1, -1)
    images = images.reshape(len(rows), *image_shape(space))
    return np.ascontiguousarray(images, np.uint8 if images.dtype == np.uint8 else np.float32)


def scale_of(space: spaces.Box) -> tuple[float, float]:
    """Factor and summand that map the values of an image to [0, 1]; 1 and 0 where they have no bounds."""
    low, high = float(space.low.min()), float(space.high.max())
    if not (math.isfinite(low) and math.isfinite(high) and high > low):
        return 1.0, 0.0
    return 1.0 / (high - low), -low / (high - low)
