"""Small encoders, and functions that encode."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from wann.encoding import ConvolutionalEncoder, Layer

__all__ = ["HERE", "brightness", "failing", "halves", "quadrants", "random_encoder", "shapeless"]

HERE = __name__


def random_encoder(
    seed: int = 0,
    task: str = "tests/Spot-v0",
    image: tuple[int, int, int] = (12, 12, 3),
    channels: tuple[int, ...] = (5, 7),
    latents: int = 4,
    side: int = 16,
) -> ConvolutionalEncoder:
    """An encoder with random weights: kernels of 4 with stride 2, then one that covers what is left."""
    rng = np.random.default_rng(seed)
    layers, before, edge = [], image[2], side
    for after in channels:
        layers.append(_layer(rng, 4, before, after, 2))
        before, edge = after, layers[-1].edge(edge)
    layers.append(_layer(rng, edge, before, latents, 1))
    return ConvolutionalEncoder(task, image, side, tuple(layers))


def halves() -> ConvolutionalEncoder:
    """The sums of the red of an image's left half, and of its right."""
    weights = np.zeros((12, 12, 3, 2), np.float32)
    weights[:, :6, 0, 0] = weights[:, 6:, 0, 1] = 1.0
    return ConvolutionalEncoder(
        "tests/Spot-v0", (12, 12, 3), 12, (Layer(weights, np.zeros(2, np.float32), 1),)
    )


def _layer(rng: np.random.Generator, side: int, before: int, after: int, stride: int) -> Layer:
    std = np.sqrt(2 / (side * side * before))
    weights = (std * rng.normal(size=(side, side, before, after))).astype(np.float32)
    return Layer(weights, rng.normal(size=after).astype(np.float32), stride)


def brightness(image: NDArray[Any]) -> list[float]:
    """The mean of the image's left half, and of its right."""
    middle = image.shape[1] // 2
    return [float(image[:, :middle].mean()), float(image[:, middle:].mean())]


def quadrants(image: NDArray[Any]) -> NDArray[np.float64]:
    """A number for each channel."""
    return np.asarray(image.mean(axis=(0, 1)))


def failing(image: NDArray[Any]) -> NDArray[Any]:
    raise ZeroDivisionError("no light")


def shapeless(image: NDArray[Any]) -> NDArray[Any]:
    return image
