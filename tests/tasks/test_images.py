"""Resizing and deskewing do what the definition says, for whole arrays at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracles.images import deskewed, resized
from wann.tasks import DATA_SETS
from wann.tasks.images.preprocessing import deskew, resize

DATA = Path(__file__).parents[2] / "../shared/data"


def random_images(seed: int, side: int, ink: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    rng = np.random.default_rng(seed)
    return (rng.random((3, side, side)) * (rng.random((3, side, side)) < ink)).astype(np.float32)


@given(st.integers(0, 2**32), st.integers(2, 30), st.integers(2, 30), st.floats(0, 1))
def test_resizing_is_bilinear_without_antialiasing(seed: int, old: int, new: int, ink: float) -> None:
    images = random_images(seed, old, ink)
    found = resize(images, new)
    assert found.shape == (3, new, new)
    for image, result in zip(images, found, strict=True):
        np.testing.assert_allclose(result, resized(image.astype(np.float64), new), atol=2e-6)


@given(st.integers(0, 2**32), st.integers(2, 20), st.sampled_from([0.0, 0.01, 0.05, 0.3, 1.0]))
def test_deskewing_shears_about_the_middle_row(seed: int, side: int, ink: float) -> None:
    images = random_images(seed, side, ink)
    for image, result in zip(images, deskew(images), strict=True):
        np.testing.assert_allclose(result, deskewed(image.astype(np.float64)), atol=2e-5)


def test_deskewing_makes_a_slanted_stroke_upright() -> None:
    image = np.zeros((1, 16, 16), np.float32)
    for row in range(3, 13):
        image[0, row, row] = 1.0
    upright = deskew(image)[0]
    assert (upright.sum(axis=0) > 0.5).sum() == 1
    assert upright.sum() == pytest.approx(10.0, abs=1e-5)


def test_an_image_without_height_stays_as_it_is() -> None:
    image = np.zeros((2, 16, 16), np.float32)
    image[0, 5, 2:9] = 1.0  # a level line has no second moment
    np.testing.assert_array_equal(deskew(image), image)


def test_no_images_are_no_images() -> None:
    assert deskew(np.zeros((0, 16, 16), np.float32)).shape == (0, 16, 16)


@pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")
def test_real_digits_are_prepared_as_the_definition_says() -> None:
    raw = DATA_SETS["mnist"].load("test", DATA).pixels(np.arange(5)).reshape(5, 28, 28)
    small = DATA_SETS["mnist-16"].load("test", DATA).pixels(np.arange(5)).reshape(5, 16, 16)
    for image, result in zip(raw, small, strict=True):
        np.testing.assert_allclose(result, deskewed(resized(image.astype(np.float64), 16)), atol=1e-5)
