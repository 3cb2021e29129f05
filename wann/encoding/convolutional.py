"""A trained stack of convolutions as an encoder (Ha & Schmidhuber 2018, the encoder of their autoencoder)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ..errors import BadInput
from ..kernels.convolution import convolved_means
from ..kernels.lanes import LANES
from .images import image_shape, images_of, scale_of

__all__ = ["ConvolutionalEncoder", "Layer", "canonical_name"]

_DIGITS: Final = 12  # of the digest in a file's name
_MOST_NUMBERS: Final = 2**23
"""The most numbers between two layers."""


def canonical_name(digest: str) -> str:
    """The name of an encoder's file in a run folder and beside a network."""
    return f"encoder-{digest[:_DIGITS]}.npz"


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution without padding.

    Attributes:
        weights: float32[side, side, channels in, channels out].
        biases: float32[channels out].
        stride: pixels from one position to the next.
    """

    weights: NDArray[np.float32]
    biases: NDArray[np.float32]
    stride: int

    def edge(self, before: int) -> int:
        """Pixels of an edge of its output, by those of its input."""
        side: int = self.weights.shape[0]
        return (before - side) // self.stride + 1


@dataclass(frozen=True, eq=False)
class ConvolutionalEncoder:
    """Convolutions with ReLUs between them, whose last output is one position: the means of the latents.

    Attributes:
        task: whose frames it was trained on.
        image: height, width and channels of those.
        side: of the squares that images are resized to first.
        layers: of which the last one has no ReLU.

    Raises:
        BadInput: layers that do not fit each other, or a number that is not finite.
    """

    task: str
    image: tuple[int, int, int]
    side: int
    layers: tuple[Layer, ...]
    label = "latent"

    def __post_init__(self) -> None:
        edge, channels = self.side, self.image[2]
        for number, layer in enumerate(self.layers, 1):
            height, width, inputs, outputs = layer.weights.shape
            if height != width or inputs != channels or layer.biases.shape != (outputs,) or edge < height:
                raise BadInput(
                    f"layer {number} has weights of shape {layer.weights.shape} and {layer.biases.size} "
                    f"biases for an input of {edge} x {edge} x {channels}"
                )
            if layer.edge(edge) ** 2 * outputs > _MOST_NUMBERS:
                raise BadInput(f"layer {number} makes more than {_MOST_NUMBERS:,} numbers, the most accepted")
            if not (np.isfinite(layer.weights).all() and np.isfinite(layer.biases).all()):
                raise BadInput(f"layer {number} has numbers that are not finite")
            edge, channels = layer.edge(edge), outputs
        if edge != 1 or not self.layers:
            raise BadInput(f"its layers end with {edge} x {edge} positions; they must end with one")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ConvolutionalEncoder) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def name(self) -> str:
        """Its file's name in a run folder."""
        return canonical_name(self.digest)

    @property
    def latents(self) -> int:
        """Numbers that it makes of an image."""
        return len(self.layers[-1].biases)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of all that it is made of."""
        digest = hashlib.sha256(repr((self.task, self.image, self.side)).encode())
        for layer in self.layers:
            digest.update(repr((layer.weights.shape, layer.stride)).encode())
            digest.update(np.ascontiguousarray(layer.weights, "<f4").tobytes())
            digest.update(np.ascontiguousarray(layer.biases, "<f4").tobytes())
        return digest.hexdigest()

    @cached_property
    def _table(self) -> NDArray[np.int64]:
        return np.array([(one.weights.shape[0], one.stride, *one.weights.shape[2:]) for one in self.layers])

    @cached_property
    def _parameters(self) -> NDArray[np.float32]:
        """Weights and biases of all layers, whose channels out are padded to whole lanes with zeros."""
        flat = []
        for layer in self.layers:
            missing = -layer.weights.shape[3] % LANES
            flat += [
                np.pad(layer.weights, ((0, 0), (0, 0), (0, 0), (0, missing))).ravel(),
                np.pad(layer.biases, (0, missing)),
            ]
        return np.concatenate(flat)

    def size(self, image: spaces.Box) -> int:
        """Numbers that it makes of such an image.

        Raises:
            BadInput: it was trained on images of another shape.
        """
        if image_shape(image) != self.image:
            known, found = (" x ".join(map(str, shape)) for shape in (self.image, image_shape(image)))
            raise BadInput(f"task.encoder: it encodes images of {known} ({self.task}); these are {found}")
        return self.latents

    def encode(self, rows: NDArray[Any], image: spaces.Box) -> NDArray[np.float32]:
        """The latents float32[rows, size] of images number[rows, pixels and channels]."""
        latents = np.empty((len(rows), self.latents), np.float32)
        images = images_of(rows, image)
        convolved_means(images, *scale_of(image), self.side, self._table, self._parameters, latents)
        return latents
