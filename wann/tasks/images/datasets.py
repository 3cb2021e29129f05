"""Labelled images: read or downloaded, verified, and split so that each part has one purpose.

A search uses the training part, champions and weights are chosen on the validation part, and the
test part is only used for reports.
"""

from __future__ import annotations

import hashlib
import os
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from ...errors import BadInput, Failure
from ...files import array_of, make_folder, npz_bytes, read_npz, write_atomically
from .idx import LARGEST_IDX, parse_idx, read_idx, unpack_idx
from .preprocessing import deskew, resize

__all__ = ["DATA_SETS", "DataSet", "ImageSet"]

DIGITS: Final = tuple("0123456789")
_CLOTHES: Final = (
    "T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot",
)  # fmt: skip
_VALIDATION: Final = 5000  # the last of the training images, as the definition of the conditions requires
_SIDE: Final = 28
_LARGEST_KEPT: Final = 2**26  # bytes; 60,000 images of 16 x 16 numbers take 61 million
_BLOCK: Final = 1 << 16
_PATIENCE: Final = 30.0  # seconds


@dataclass(frozen=True)
class ImageSet:
    """Images with their labels.

    Attributes:
        images: float32[images, pixels], brightness from 0 to 1, or uint8, brightness times 255.
        labels: int64[images], classes from 0.
    """

    images: NDArray[np.float32] | NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, part: slice) -> ImageSet:
        return ImageSet(self.images[part], self.labels[part])

    def pixels(self, chosen: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.float32]:
        """Brightness of the chosen images, float32[images, pixels]."""
        images = self.images[chosen]
        if images.dtype == np.uint8:
            return images.astype(np.float32) / np.float32(255)
        return np.asarray(images, np.float32)


@dataclass(frozen=True)
class DataSet:
    """A set of images by its name.

    Attributes:
        name: as in configurations.
        side: pixels in a row and in a column.
        classes: names of the labels.
        load: reads ``train`` or ``test`` from a folder of data sets, or from the default one if None.
        validation: number of training images, the last ones, that form the validation part.
    """

    name: str
    side: int
    classes: tuple[str, ...]
    load: Callable[[str, Path | None], ImageSet]
    validation: int

    @property
    def pixel_names(self) -> tuple[str, ...]:
        """Row and column of each pixel, from the upper left."""
        return tuple(f"{row},{column}" for row in range(self.side) for column in range(self.side))


@dataclass(frozen=True)
class _Source:
    """Four IDX files as distributed.

    Attributes:
        name: of their folder.
        mirrors: base addresses of the gzipped files.
        digests: md5 of each file's content.
    """

    name: str
    mirrors: tuple[str, ...]
    digests: dict[str, str]

    def read(self, part: str, given: Path | None) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Images uint8[images, 28, 28] and labels int64[images] of ``train`` or ``test``.

        Raises:
            BadInput: a file is missing, damaged, cut short, or another file than its name says.
        """
        prefix = {"train": "train", "test": "t10k"}[part]
        pictures, classes = f"{prefix}-images-idx3-ubyte", f"{prefix}-labels-idx1-ubyte"
        path, content = self._content(pictures, given)
        images = parse_idx(content, 3, path)
        if images.shape[1:] != (_SIDE, _SIDE):
            raise BadInput(f"{path}: images of {images.shape[1]} x {images.shape[2]}, not 28 x 28 pixels")
        other, content_of_labels = self._content(classes, given)
        labels = parse_idx(content_of_labels, 1, other)
        if len(labels) != len(images):
            raise BadInput(f"{other}: {len(labels):,} labels for {len(images):,} images in {path}")
        outside = np.flatnonzero(labels > 9)
        if len(outside):
            raise BadInput(f"{other}: label {labels[outside[0]]} of image {outside[0]}; classes are 0 to 9")
        self._check(pictures, path, content)
        self._check(classes, other, content_of_labels)
        return images, labels.astype(np.int64)

    def _content(self, name: str, given: Path | None) -> tuple[Path, bytes]:
        folder = (given or user_cache_path("wann") / "data") / self.name
        for path in (folder / f"{name}.gz", folder / name):
            if path.is_file():
                return path, read_idx(path)
        if given is not None:
            raise BadInput(
                f"{folder}: contains neither {name}.gz nor {name}; WANN_DATA and task.data name a folder "
                "with mnist/ and fashion-mnist/"
            )
        path = folder / f"{name}.gz"
        _download([f"{mirror}{name}.gz" for mirror in self.mirrors], path)
        return path, read_idx(path)

    def _check(self, name: str, path: Path, content: bytes) -> None:
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if md5 == self.digests[name]:
            return
        for source in (_MNIST, _FASHION):
            for other, digest in source.digests.items():
                if digest == md5:
                    raise BadInput(f"{path}: contains {other} of {source.name}; the files are swapped")
        raise BadInput(
            f"{path}: not {name} of {self.name} as distributed (md5 {md5}, expected {self.digests[name]}); "
            "delete it to download it again, or replace it"
        )

    def load_raw(self, part: str, given: Path | None) -> ImageSet:
        """Images as distributed."""
        images, labels = self.read(part, _folder(given))
        return ImageSet(images.reshape(len(images), -1), labels)

    def load_small(self, part: str, given: Path | None) -> ImageSet:
        """Images resized to 16 x 16 pixels and deskewed; computed once, then kept in the user's cache."""
        images, labels = self.read(part, _folder(given))
        kept = user_cache_path("wann") / "prepared" / f"{self.name}-16-{part}-1.npz"
        small = _kept(kept, (len(images), 256))
        if small is None:
            small = deskew(resize(images.astype(np.float32) / np.float32(255), 16)).reshape(len(images), 256)
            _keep(kept, small)
        return ImageSet(small, labels)


def _folder(given: Path | None) -> Path | None:
    if given is None and os.environ.get("WANN_DATA"):
        return Path(os.environ["WANN_DATA"])
    return given


def _kept(path: Path, shape: tuple[int, int]) -> NDArray[np.float32] | None:
    """Prepared images float32[shape] from the cache; None if missing or damaged."""
    try:
        images = array_of(read_npz(path, _LARGEST_KEPT, "prepared images"), "images", np.float32, shape)
    except BadInput:
        return None
    # Interpolated brightness may exceed [0, 1] by a rounding error.
    return images if bool((np.abs(images - 0.5) < 0.51).all()) else None


def _keep(path: Path, images: NDArray[np.float32]) -> None:
    """Keep prepared images in the cache, if it can be written."""
    with suppress(BadInput, Failure):
        make_folder(path.parent)
        write_atomically(path, npz_bytes({"images": images}))


def _download(addresses: list[str], path: Path) -> None:
    """Download a file from the first address that works, with a progress bar."""
    from rich.console import Console  # noqa: PLC0415 - only a download shows anything
    from rich.progress import Progress  # noqa: PLC0415

    reasons, content = [], bytearray()
    try:
        make_folder(path.parent)
    except Failure as error:
        raise Failure(f"{error}; WANN_DATA can name another folder") from None
    for address in addresses:
        content.clear()
        try:
            with (
                urllib.request.urlopen(address, timeout=_PATIENCE) as answer,  # noqa: S310
                Progress(console=Console(stderr=True), transient=True) as progress,
            ):
                bar = progress.add_task(path.name, total=answer.length)
                while len(content) <= LARGEST_IDX and (block := answer.read(_BLOCK)):
                    content += block
                    progress.advance(bar, len(block))
            unpack_idx(path, bytes(content))
        except (OSError, HTTPException, BadInput) as error:
            reasons.append(f"{address.split('/')[2]}: {getattr(error, 'reason', error)}")
            continue
        write_atomically(path, content)
        return
    raise BadInput(
        f"{path.name} cannot be downloaded ({'; '.join(reasons)}); put it into {path.parent}, or let "
        f"WANN_DATA name a folder that contains {path.parent.name}/"
    )


def _load_digits(part: str, _: Path | None) -> ImageSet:
    """The 1,797 images of 8 x 8 pixels that come with scikit-learn; the last 300 are the test part."""
    from sklearn.datasets import load_digits  # noqa: PLC0415 - slow to import

    digits: Any = load_digits()
    whole = ImageSet((digits.data / 16).astype(np.float32), digits.target.astype(np.int64))
    return whole[:1497] if part == "train" else whole[1497:]


_MNIST: Final = _Source(
    "mnist",
    (
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
)
_FASHION: Final = _Source(
    "fashion-mnist",
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    {
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    },
)

DATA_SETS: Final = {
    entry.name: entry
    for entry in (
        DataSet("digits", 8, DIGITS, _load_digits, 300),
        DataSet("mnist", _SIDE, DIGITS, _MNIST.load_raw, _VALIDATION),
        DataSet("mnist-16", 16, DIGITS, _MNIST.load_small, _VALIDATION),
        DataSet("fashion-mnist", _SIDE, _CLOTHES, _FASHION.load_raw, _VALIDATION),
        DataSet("fashion-mnist-16", 16, _CLOTHES, _FASHION.load_small, _VALIDATION),
    )
}
"""All sets of images, by name."""
