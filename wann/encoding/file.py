"""The file of a trained encoder, and where a network finds it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..files import array_of, npz_bytes, parse_npz, read_bytes
from .convolutional import ConvolutionalEncoder, Layer, canonical_name

__all__ = [
    "FILE_NAME",
    "LARGEST_FILE",
    "SUFFIX",
    "canonical_name",
    "encoder_bytes",
    "find_encoder",
    "load_encoder",
]

FILE_NAME: Final = re.compile(r"encoder-[0-9a-f]{12}\.npz")
"""Names of encoders in run folders and beside networks."""
LARGEST_FILE: Final = 64 * 2**20
"""The most bytes of an encoder that are read."""
SUFFIX: Final = ".npz"
_FORMAT: Final = "wann-encoder-1"
_MOST_LAYERS: Final = 32
_LARGEST_SIDE: Final = 1024


def encoder_bytes(encoder: ConvolutionalEncoder) -> bytes:
    """The bytes of the file of an encoder; equal encoders give equal bytes."""
    arrays: dict[str, NDArray[Any]] = {
        "format": np.array(_FORMAT),
        "task": np.array(encoder.task),
        "image": np.array(encoder.image, np.int64),
        "side": np.array(encoder.side, np.int64),
        "strides": np.array([layer.stride for layer in encoder.layers], np.int64),
    }
    for number, layer in enumerate(encoder.layers):
        arrays |= {f"weights-{number}": layer.weights, f"biases-{number}": layer.biases}
    return npz_bytes(arrays)


def load_encoder(path: Path) -> ConvolutionalEncoder:
    """Read the file of an encoder.

    Raises:
        BadInput: there is none, or it is damaged.
    """
    content = read_bytes(path, LARGEST_FILE)
    arrays = parse_npz(path, content, LARGEST_FILE, "an encoder", texts=True)
    try:
        return _encoder(arrays)
    except BadInput as error:
        raise BadInput(f"{path}: not an encoder ({error})") from None


def _encoder(arrays: Mapping[str, NDArray[Any]]) -> ConvolutionalEncoder:
    if str(arrays.get("format")) != _FORMAT:
        raise BadInput(f"its format is {str(arrays.get('format'))[:40]!r}; this program reads {_FORMAT}")
    task = arrays.get("task")
    if task is None or task.ndim or task.dtype.kind != "U":
        raise BadInput("task is missing, or no text")
    image = array_of(arrays, "image", np.int64, (3,))
    side = array_of(arrays, "side", np.int64, ())
    strides = array_of(arrays, "strides", np.int64, (None,))
    if not 1 <= len(strides) <= _MOST_LAYERS or strides.min() < 1:
        raise BadInput(f"strides are {strides.tolist()[:8]}; accepted are 1 to {_MOST_LAYERS} from 1 on")
    if not 1 <= side <= _LARGEST_SIDE or image.min() < 1:
        raise BadInput(f"side is {side}, image {image.tolist()}; accepted are sides of 1 to {_LARGEST_SIDE}")
    layers = [
        Layer(
            array_of(arrays, f"weights-{number}", np.float32, (None,) * 4),
            array_of(arrays, f"biases-{number}", np.float32, (None,)),
            int(stride),
        )
        for number, stride in enumerate(strides.tolist())
    ]
    height, width, channels = image.tolist()
    return ConvolutionalEncoder(str(task), (height, width, channels), int(side), tuple(layers))


def find_encoder(digest: str, folders: Sequence[Path]) -> ConvolutionalEncoder:
    """The encoder with this digest, by its name in one of these folders.

    Raises:
        BadInput: none of them has it, or it is damaged or another one.
    """
    name = canonical_name(digest)
    for folder in folders:
        if (folder / name).is_file():
            encoder = load_encoder(folder / name)
            if encoder.digest != digest:
                raise BadInput(
                    f"{folder / name}: an encoder with the digest {encoder.digest[:12]}..., but the network "
                    f"was grown with {digest[:12]}...; copy the right one there"
                )
            return encoder
    places = " or ".join(dict.fromkeys(map(str, folders))) or "any folder"
    raise BadInput(f"the network's encoder, {name}, is not in {places}; copy it there, from the run folder")
