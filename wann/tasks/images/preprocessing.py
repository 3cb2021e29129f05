"""Images as networks see them: resized and deskewed as published, whole arrays at once.

The steps are those of the published preprocessing (Gaier & Ha 2019, published code): a bilinear
resize without antialiasing, then a shear about the middle row that makes the principal axis upright.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["deskew", "resize"]

FloatArray = NDArray[np.float32]
_UPRIGHT: Final = 0.01  # with a smaller second moment the slant is undefined
_AT_ONCE: Final = 4096  # images, so that intermediate arrays stay small


def resize(images: FloatArray, size: int) -> FloatArray:
    """Bilinear resize of float32[images, height, width] to ``size`` square, without antialiasing.

    Pixel i of the result reads at ``(i + 0.5) * width / size - 0.5``, clamped to the image.
    """
    rows, lower, part = _neighbours(images.shape[1], size)
    images = images[:, rows] * (1 - part)[:, None] + images[:, lower] * part[:, None]
    columns, right, part = _neighbours(images.shape[2], size)
    return np.asarray(images[:, :, columns] * (1 - part) + images[:, :, right] * part, np.float32)


def _neighbours(old: int, new: int) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
    """The two old pixels on either side of each new one, and its distance from the first."""
    position = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    first = np.minimum(position.astype(np.int64), old - 2)
    return first, first + 1, (position - first).astype(np.float32)


def deskew(images: FloatArray) -> FloatArray:
    """Shear each of float32[images, size, size] upright.

    With the central moments mu of an image, ``skew = mu11 / mu02``; row y of the result reads at
    ``x + skew * (y - size / 2)``, bilinear, zero outside. An image with ``|mu02| < 0.01`` stays.
    """
    parts = [_deskew(images[begin : begin + _AT_ONCE]) for begin in range(0, len(images), _AT_ONCE)]
    return np.concatenate(parts) if parts else images


def _deskew(images: FloatArray) -> FloatArray:
    count, size = images.shape[:2]
    line = np.arange(size, dtype=np.float64)
    wide = images.astype(np.float64)
    by_row, by_column = wide.sum(axis=2), wide.sum(axis=1)
    mass = np.maximum(by_row.sum(axis=1), np.finfo(np.float64).tiny)
    y, x = by_row @ line / mass, by_column @ line / mass
    mu02 = by_row @ line**2 - mass * y * y
    mu11 = np.einsum("nyx,y,x->n", wide, line, line, optimize=True) - mass * x * y
    slanted = np.abs(mu02) >= _UPRIGHT
    skew = np.divide(mu11, mu02, out=np.zeros(count), where=slanted)
    shift = skew[:, None] * (line - size / 2)
    # Zeros on either side, so that pixels outside need no special case.
    source = np.clip(line + shift[:, :, None], -1.0, float(size)) + 1.0
    first = np.minimum(source.astype(np.int64), size)
    part = source - first
    padded = np.pad(wide, ((0, 0), (0, 0), (1, 1)))
    left = np.take_along_axis(padded, first, axis=2)
    right = np.take_along_axis(padded, first + 1, axis=2)
    return np.asarray(left * (1 - part) + right * part, np.float32)
