"""Data are found, downloaded and checked; what is wrong with a file is said by its name."""

from __future__ import annotations

import gzip
import http.server
import json
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from wann.errors import BadInput
from wann.tasks import DATA_SETS, make_task, task_settings
from wann.tasks.images import datasets as module
from wann.tasks.images.datasets import ImageSet
from wann.tasks.images.idx import parse_idx

DATA = Path(__file__).parents[2] / "../shared/data"
GOLDEN = Path(__file__).parents[1] / "golden/digit.json"
real = pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def idx(array: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """MNIST by links, to be damaged one file at a time."""
    (tmp_path / "mnist").mkdir()
    for path in (DATA / "mnist").glob("*.gz"):
        (tmp_path / "mnist" / path.name).symlink_to(path)
    return tmp_path


def replace(folder: Path, name: str, content: bytes) -> Path:
    path = folder / "mnist" / f"{name}.gz"
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    return path


@cache
def whole(name: str) -> tuple[ImageSet, ImageSet]:
    return DATA_SETS[name].load("train", DATA), DATA_SETS[name].load("test", DATA)


@real
@pytest.mark.parametrize("name", [name for name in DATA_SETS if name != "digits"])
def test_every_set_is_read_whole(name: str) -> None:
    train, test = whole(name)
    assert (len(train), len(test)) == (60_000, 10_000)
    pixels = test.pixels(np.arange(100))
    assert pixels.shape == (100, DATA_SETS[name].side ** 2)
    assert pixels.dtype == np.float32
    assert 0.0 <= pixels.min() < pixels.max() <= 1.0
    assert set(test.labels.tolist()) == set(range(10))


@real
def test_the_first_digit_is_what_it_always_was() -> None:
    first = whole("mnist-16")[0].images[0]
    np.testing.assert_allclose(first, json.loads(GOLDEN.read_text()), rtol=0, atol=1e-6)


def test_the_digits_of_scikit_learn_are_always_there() -> None:
    train, test = DATA_SETS["digits"].load("train", None), DATA_SETS["digits"].load("test", None)
    assert (len(train), len(test)) == (1497, 300)
    assert train.images.max() == 1.0


@real
@pytest.mark.parametrize("given", ["setting", "variable", "variable and gunzipped"])
def test_a_folder_is_given_by_setting_or_variable(
    given: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if given.endswith("gunzipped"):
        for path in (folder / "mnist").glob("*.gz"):
            path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
            path.unlink()
    if given == "setting":
        monkeypatch.setenv("WANN_DATA", "/nowhere")
    else:
        monkeypatch.setenv("WANN_DATA", str(folder))
    task = make_task(task_settings("mnist", data=folder if given == "setting" else None))
    assert (task.inputs, task.outputs) == (784, 10)


def refused(folder: Path, *says: str) -> None:
    with pytest.raises(BadInput) as caught:
        DATA_SETS["mnist"].load("train", folder)
    for part in says:
        assert part in str(caught.value), str(caught.value)


@real
def test_missing_files_are_named(folder: Path) -> None:
    (folder / "mnist" / f"{LABELS}.gz").unlink()
    refused(folder, f"neither {LABELS}.gz nor {LABELS}", "WANN_DATA")


@real
def test_a_file_cut_short_is_refused(folder: Path) -> None:
    packed = (DATA / "mnist" / f"{IMAGES}.gz").read_bytes()
    path = replace(folder, IMAGES, packed[:100_000])
    refused(folder, str(path), "cut short")
    whole = gzip.decompress(packed)
    replace(folder, IMAGES, gzip.compress(whole[:-1], 0))
    refused(folder, str(path), "cut short", "47,040,000", "47,039,999")


@real
def test_a_damaged_file_is_refused(folder: Path) -> None:
    packed = bytearray((DATA / "mnist" / f"{IMAGES}.gz").read_bytes())
    packed[5000] ^= 255
    path = replace(folder, IMAGES, bytes(packed))
    refused(folder, str(path))
    whole = bytearray(gzip.decompress((DATA / "mnist" / f"{IMAGES}.gz").read_bytes()))
    whole[1_000_000] ^= 1
    replace(folder, IMAGES, gzip.compress(bytes(whole), 0))
    refused(folder, str(path), "not train-images-idx3-ubyte of mnist as distributed")


@real
def test_swapped_files_are_refused(folder: Path) -> None:
    images, labels = (DATA / "mnist" / f"{name}.gz" for name in (IMAGES, LABELS))
    path = replace(folder, IMAGES, labels.read_bytes())
    refused(folder, str(path), "contains labels where images are expected")
    replace(folder, IMAGES, images.read_bytes())
    path = replace(folder, LABELS, images.read_bytes())
    refused(folder, str(path), "contains images where labels are expected")
    replace(folder, LABELS, labels.read_bytes())
    path = replace(folder, IMAGES, (DATA / "fashion-mnist" / f"{IMAGES}.gz").read_bytes())
    refused(folder, str(path), "contains train-images-idx3-ubyte of fashion-mnist", "swapped")
    replace(folder, IMAGES, images.read_bytes())
    path = replace(folder, LABELS, (DATA / "mnist/t10k-labels-idx1-ubyte.gz").read_bytes())
    refused(folder, str(path), "10,000 labels for 60,000 images")


@real
def test_a_label_outside_the_classes_is_refused(folder: Path) -> None:
    labels = np.frombuffer(
        gzip.decompress((DATA / "mnist" / f"{LABELS}.gz").read_bytes()), np.uint8, offset=8
    )
    wrong = labels.copy()
    wrong[17] = 11
    path = replace(folder, LABELS, gzip.compress(idx(wrong)))
    refused(folder, str(path), "label 11 of image 17", "0 to 9")


@real
def test_images_of_another_size_are_refused(folder: Path) -> None:
    replace(folder, IMAGES, gzip.compress(idx(np.zeros((60_000, 8, 8), np.uint8)), 0))
    refused(folder, "8 x 8", "28 x 28")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not an IDX file"),
        (b"\x00\x00\x0d\x03" + b"\x00" * 12, "not an IDX file"),
        (b"<!DOCTYPE html>...............", "not an IDX file"),
        (bytes([0, 0, 8, 2]) + bytes(20), "2 dimensions"),
        (bytes([0, 0, 8, 3]) + b"\xff" * 12, "cut short"),
    ],
)
def test_what_is_no_idx_file_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        parse_idx(content, 3, Path("some-file"))


class Mirror(http.server.BaseHTTPRequestHandler):
    """Serves the real files under /good/, and nothing of use elsewhere."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path.startswith("/good/"):
            content = (DATA / "mnist" / Path(self.path).name).read_bytes()
        elif self.path.startswith("/half/"):
            content = (DATA / "mnist" / Path(self.path).name).read_bytes()[:1000]
        else:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def mirror() -> Iterator[str]:
    Mirror.asked = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def mirrors(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    source = module._Source("mnist", addresses, module._MNIST.digests)
    entry = module.DataSet("mnist", 28, module.DIGITS, source.load_raw, 5000)
    monkeypatch.setitem(DATA_SETS, "mnist", entry)


@real
def test_files_are_downloaded_once_from_the_first_mirror_that_has_them(
    mirror: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mirrors(monkeypatch, f"{mirror}/bad/", f"{mirror}/half/", f"{mirror}/good/")
    assert len(DATA_SETS["mnist"].load("test", None)) == 10_000
    kept = tmp_path / "cache/wann/data/mnist"
    assert sorted(path.name for path in kept.iterdir()) == [
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    ]
    assert len(Mirror.asked) == 6
    DATA_SETS["mnist"].load("test", None)
    assert len(Mirror.asked) == 6


@real
def test_what_cannot_be_downloaded_is_said_with_the_way_out(
    mirror: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mirrors(monkeypatch, f"{mirror}/bad/", f"{mirror}/half/", "http://127.0.0.1:9/")
    with pytest.raises(BadInput) as caught:
        DATA_SETS["mnist"].load("test", None)
    for part in ("t10k-images-idx3-ubyte.gz cannot be downloaded", "Not Found", "cut short", "WANN_DATA"):
        assert part in str(caught.value)
    assert not list((tmp_path / "cache/wann/data/mnist").iterdir())


@real
def test_prepared_images_are_kept_and_a_damaged_copy_is_made_again(tmp_path: Path) -> None:
    first = DATA_SETS["mnist-16"].load("test", DATA)
    (kept,) = (tmp_path / "cache/wann/prepared").iterdir()
    again = DATA_SETS["mnist-16"].load("test", DATA)
    np.testing.assert_array_equal(first.images, again.images)
    content = bytearray(kept.read_bytes())
    content[len(content) // 2] ^= 1
    for wrong in (bytes(content), b"nothing of the kind", b""):
        kept.write_bytes(wrong)
        np.testing.assert_array_equal(DATA_SETS["mnist-16"].load("test", DATA).images, first.images)


@real
def test_a_cache_that_cannot_be_written_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    assert len(DATA_SETS["mnist-16"].load("test", DATA)) == 10_000
