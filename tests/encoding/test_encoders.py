"""Encoders compute what their definitions say, of each image alone, and their files hold all of it."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.encoding.samples import HERE, random_encoder
from tests.oracles.encoders import area_mean, convolved
from wann.encoding import (
    ConvolutionalEncoder,
    Encoder,
    Layer,
    encoder_bytes,
    find_encoder,
    image_shape,
    is_image,
    load_encoder,
    made_encoder,
)
from wann.encoding.images import images_of, scale_of
from wann.errors import BadInput
from wann.kernels.convolution import area_means
from wann.trust import BY_HAND

IMAGE = spaces.Box(0, 255, (12, 12, 3), np.uint8)


def frames(count: int, seed: int = 0, space: spaces.Box = IMAGE) -> NDArray[Any]:
    """Random images, flat."""
    numbers = np.random.default_rng(seed).integers(0, 256, (count, *space.shape))
    return numbers.astype(space.dtype).reshape(count, -1)


@settings(max_examples=25)
@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 3)),
    st.integers(1, 7),
    st.integers(1, 7),
    st.integers(0, 99),
)
def test_a_mean_is_that_of_the_part_which_it_covers(
    shape: tuple[int, int, int], rows: int, columns: int, seed: int
) -> None:
    image = np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)
    found = np.empty((1, rows, columns, shape[2]), np.float32)
    area_means(image[None], 1.0, 0.0, found)
    np.testing.assert_allclose(found[0], area_mean(image, rows, columns), rtol=1e-6)


@pytest.mark.parametrize("channels", [(5, 7), (24, 3), (25, 48)])
def test_convolutions_are_those_of_the_definition(channels: tuple[int, ...]) -> None:
    encoder = random_encoder(channels=channels)
    rows = frames(3)
    layers = [(layer.weights, layer.biases, layer.stride) for layer in encoder.layers]
    for row, found in zip(rows, encoder.encode(rows, IMAGE), strict=True):
        wanted = convolved(area_mean(row.reshape(12, 12, 3), 16, 16) / 255, layers)
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def every_kind() -> list[Encoder]:
    functions = (made_encoder(f"{HERE}:{name}", BY_HAND) for name in ("brightness", "quadrants"))
    pixels = (made_encoder(name) for name in ("pixels:5x4", "pixels:3x3x3"))
    return [random_encoder(), random_encoder(image=(12, 12, 3), channels=(30,)), *pixels, *functions]


@pytest.mark.parametrize("encoder", every_kind(), ids=lambda encoder: encoder.name)
def test_an_image_has_the_same_bits_alone_and_among_others(encoder: Encoder) -> None:
    rows = frames(33)
    together = encoder.encode(rows, IMAGE)
    assert together.shape == (33, encoder.size(IMAGE))
    assert together.dtype == np.float32
    assert len(np.unique(together, axis=0)) == 33
    for size in (1, 2, 7, 32):
        parts = [encoder.encode(rows[at : at + size], IMAGE) for at in range(0, 33, size)]
        assert np.concatenate(parts).tobytes() == together.tobytes()
    kept: list[bytes] = []
    threads = [Thread(target=lambda: kept.append(encoder.encode(rows, IMAGE).tobytes())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept == [together.tobytes()] * 3


LAYOUTS = {
    "channels last": ((6, 5, 3), (6, 5, 3), lambda image: image),
    "channels first": ((4, 9, 7), (9, 7, 4), lambda image: image.transpose(1, 2, 0)),
    "grey": ((9, 7), (9, 7, 1), lambda image: image[..., None]),
    "many channels": ((10, 10, 10), (10, 10, 10), lambda image: image),
    "stacked frames": ((2, 6, 5, 3), (6, 5, 6), lambda image: image.transpose(1, 2, 3, 0).reshape(6, 5, 6)),
}


@pytest.mark.parametrize(("shape", "canonical", "turned"), LAYOUTS.values(), ids=LAYOUTS)
def test_images_are_turned_so_that_channels_come_last(
    shape: tuple[int, ...], canonical: tuple[int, ...], turned: Any
) -> None:
    space = spaces.Box(0, 255, shape, np.uint8)
    rows = frames(2, space=space)
    assert is_image(space)
    assert image_shape(space) == canonical
    found = images_of(rows, space)
    for image, row in zip(found, rows, strict=True):
        np.testing.assert_array_equal(image, turned(row.reshape(shape)))


def test_values_are_scaled_by_their_bounds() -> None:
    assert scale_of(IMAGE) == (1 / 255, 0.0)
    assert scale_of(spaces.Box(-1, 3, (2, 2, 3))) == (0.25, 0.25)
    assert scale_of(spaces.Box(-np.inf, 3, (2, 2, 3))) == (1.0, 0.0)
    floats = spaces.Box(0, 1, (12, 12, 3))
    for encoder in (random_encoder(), made_encoder("pixels:2x2")):
        whole = frames(2)
        scaled = (whole / 255).astype(np.float32)
        np.testing.assert_allclose(encoder.encode(scaled, floats), encoder.encode(whole, IMAGE), atol=1e-5)


def test_vectors_and_boards_are_no_images() -> None:
    assert not is_image(spaces.Box(0, 255, (12,), np.uint8))
    assert not is_image(spaces.Box(-1, 1, (3, 3)))
    assert not is_image(spaces.Discrete(3))


def test_a_file_holds_the_encoder_and_equal_encoders_have_equal_files(tmp_path: Path) -> None:
    encoder = random_encoder()
    path = tmp_path / "e.npz"
    path.write_bytes(encoder_bytes(encoder))
    again = load_encoder(path)
    assert again == encoder
    assert again.digest == encoder.digest
    assert again.encode(frames(4), IMAGE).tobytes() == encoder.encode(frames(4), IMAGE).tobytes()
    assert encoder_bytes(again) == encoder_bytes(random_encoder()) == path.read_bytes()
    others = (random_encoder(1), random_encoder(task="x"), random_encoder(side=18))
    assert len({encoder.digest, *(other.digest for other in others)}) == 4


def test_an_encoder_is_found_by_its_digest(tmp_path: Path) -> None:
    encoder, other = random_encoder(), random_encoder(1)
    with pytest.raises(BadInput, match=f"{encoder.name}, is not in {tmp_path}"):
        find_encoder(encoder.digest, (tmp_path,))
    (tmp_path / encoder.name).write_bytes(encoder_bytes(encoder))
    assert find_encoder(encoder.digest, (tmp_path / "front", tmp_path)) == encoder
    (tmp_path / encoder.name).write_bytes(encoder_bytes(other))
    with pytest.raises(BadInput, match=f"{encoder.name}: an encoder with the digest {other.digest[:12]}"):
        find_encoder(encoder.digest, (tmp_path,))


def layer(*shape: int, stride: int = 1, biases: int | None = None, fill: float = 0.0) -> Layer:
    found = np.full(shape, fill, np.float32)
    return Layer(found, np.zeros(shape[3] if biases is None else biases, np.float32), stride)


LAYERS = {
    "none": ((), "end with 4 x 4 positions"),
    "more than one position": ((layer(2, 2, 3, 5),), "end with 3 x 3 positions"),
    "other channels": ((layer(4, 4, 2, 5),), "for an input of 4 x 4 x 3"),
    "not square": ((layer(4, 3, 3, 5),), "layer 1"),
    "larger than the image": ((layer(5, 5, 3, 5),), "for an input of 4 x 4 x 3"),
    "too few biases": ((layer(4, 4, 3, 5, biases=4),), "4 biases"),
    "not a number": ((layer(4, 4, 3, 5, fill=np.nan),), "layer 1 has numbers that are not finite"),
    "more than memory holds": ((layer(1, 1, 3, 600_000),), "makes more than 8,388,608 numbers"),
    "channels of the next": ((layer(2, 2, 3, 5, stride=2), layer(2, 2, 4, 5)), "layer 2"),
}


@pytest.mark.parametrize(("layers", "says"), LAYERS.values(), ids=LAYERS)
def test_layers_that_do_not_fit_are_refused(layers: tuple[Layer, ...], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        ConvolutionalEncoder("x", (8, 8, 3), 4, layers)
