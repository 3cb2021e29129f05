"""Encoders on the command line: trained, searched with, refused in a sentence."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from PIL import Image

import wann
from tests.cli.test_bad_input import GREETING, refused
from tests.encoding.samples import HERE, random_encoder
from tests.tasks.environments import here
from wann.cli import main
from wann.encoding import encoder_bytes, load_encoder
from wann.files import npz_bytes

pytestmark = pytest.mark.usefixtures("_forked")

SPOT: Final = here("Spot")
TRAIN: Final = f"encoder train --task {SPOT} -o spot.npz --set frames=60 --set epochs=2 --set latents=3"
CONFIG: Final = f"""\
[task]
id = "{SPOT}"
encoder = "e.npz"
[weights]
values = [1.0]
[search]
population = 8
generations = 2
tournament = 2
champion_episodes = 1
"""
WHOLE: Final = encoder_bytes(random_encoder())
MIDDLE: Final = len(WHOLE) // 2


def edited(**changes: Any) -> bytes:
    """An encoder's file with other arrays; None removes one."""
    with np.load(io.BytesIO(WHOLE)) as stored:
        arrays = {name: stored[name] for name in stored.files} | changes
    return npz_bytes({name: array for name, array in arrays.items() if array is not None})


FILES: Final[dict[str, tuple[bytes | None, tuple[str, ...]]]] = {
    "none": (None, ("e.npz: no such file", "wann encoder train")),
    "an empty one": (b"", ("e.npz: not an encoder",)),
    "no archive": (b"print(1)", ("e.npz: not an encoder",)),
    "cut short": (WHOLE[:-200], ("e.npz: not an encoder",)),
    "one bit changed": (
        WHOLE[:MIDDLE] + bytes([WHOLE[MIDDLE] ^ 1]) + WHOLE[MIDDLE + 1 :],
        ("e.npz: not an",),
    ),
    "of a checkpoint": (npz_bytes({"header": np.array([1, 2])}), ("its format is 'None'", "wann-encoder-1")),
    "a later version": (edited(format=np.array("wann-encoder-2")), ("'wann-encoder-2'", "wann-encoder-1")),
    "of no task": (edited(task=None), ("e.npz", "task is missing")),
    "a task that is a number": (edited(task=np.array(3)), ("task is missing, or no text",)),
    "without weights": (edited(**{"weights-1": None}), ("e.npz", "weights-1 is missing")),
    "weights of another type": (
        edited(**{"weights-1": np.zeros((4, 4, 5, 7))}),
        ("weights-1 is float64", "accepted is float32"),
    ),
    "weights of another shape": (
        edited(**{"weights-1": np.zeros((4, 4, 6, 7), np.float32)}),
        ("layer 2 has weights of shape (4, 4, 6, 7)", "7 x 7 x 5"),
    ),
    "weights that are not finite": (
        edited(**{"biases-0": np.full(5, np.nan, np.float32)}),
        ("layer 1 has numbers that are not finite",),
    ),
    "another architecture": (edited(strides=np.array([2, 2])), ("must end with one",)),
    "no stride": (edited(strides=np.array([2, 0, 1])), ("strides are [2, 0, 1]",)),
    "no side": (edited(side=np.array(0)), ("side is 0",)),
    "a huge side": (edited(side=np.array(2**40)), ("accepted are sides of 1 to 1024",)),
    "of another task": (
        encoder_bytes(random_encoder(task="CarRacing-v3")),
        ("task.encoder", "trained on frames of CarRacing-v3, not of", "Spot", "wann encoder train --task"),
    ),
    "of other images": (
        encoder_bytes(random_encoder(image=(96, 96, 3))),
        ("task.encoder", "96 x 96 x 3", "12 x 12 x 3"),
    ),
}


@pytest.mark.parametrize(("content", "says"), FILES.values(), ids=FILES)
def test_a_file_that_is_no_encoder_for_it_is_refused(
    content: bytes | None,
    says: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.toml").write_text(CONFIG)
    if content is not None:
        Path("e.npz").write_bytes(content)
    refused(["search", "c.toml", "--run", "r"], capsys, *says)
    assert not Path("r").exists()


SETTINGS: Final = {
    "a word": ("task.encoder=vae", ("'vae'", "pixels:8x8", ".npz", "module:function")),
    "no pixels": ("task.encoder=pixels:0x3", ("'pixels:0x3'", "pixels:ROWSxCOLUMNS")),
    "other channels": ("task.encoder=pixels:2x2x4", ("4 channels", "these have 3", "pixels:2x2x3")),
    "too many pixels": ("task.encoder=pixels:99x99", ("9,801 numbers", "1 to 4,096")),
    "no such module": ("task.encoder=nowhere_at_all:f", ("nowhere_at_all:f cannot be used", "No module")),
    "no such function": (f"task.encoder={HERE}:nothing", ("nothing cannot be used", "AttributeError")),
    "a function that is none": (f"task.encoder={HERE}:HERE", ("is str; accepted is a function",)),
    "a function that fails": (f"task.encoder={HERE}:failing", ("fails (ZeroDivisionError: no light)",)),
    "a function that returns an image": (f"task.encoder={HERE}:shapeless", ("(12, 12, 3)", "a vector")),
    "no images": (
        ("task.id=CartPole-v1", "task.encoder=pixels:1x1"),
        ("task.encoder", "CartPole-v1", "nothing is an image"),
    ),
    "nothing but text": (
        (f"task.id={here('SpotText')}", "task.encoder=pixels:1x1"),
        ("task.encoder", "nothing is an image"),
    ),
    "a set of images": ("task.id=digits", ("task.encoder", "set of images", "an environment")),
    "no repeats": ("task.frame_skip=0", ("task.frame_skip", "greater than or equal to 1")),
    "an encoder in a kernel": ("task.stepping=fused", ("task.stepping", "offers no dynamics")),
}


@pytest.mark.parametrize(("given", "says"), SETTINGS.values(), ids=SETTINGS)
def test_a_setting_that_does_not_fit_is_refused(
    given: str | tuple[str, ...],
    says: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.toml").write_text(CONFIG)
    Path("e.npz").write_bytes(WHOLE)
    changes = [given] if isinstance(given, str) else given
    arguments = [word for change in changes for word in ("--set", change)]
    refused(["search", "c.toml", "--run", "r", *arguments], capsys, *says)


TRAINING: Final = {
    "no environment": (f"{TRAIN.replace(SPOT, 'Spoot-v0')}", ("no environment 'Spoot-v0'",)),
    "no image": (TRAIN.replace(SPOT, "CartPole-v1"), ("CartPole-v1", "nothing is an image")),
    "a set of images": (TRAIN.replace(SPOT, "digits"), ("digits", "no environment")),
    "no npz": (TRAIN.replace("spot.npz", "spot.pt"), ("spot.pt: an encoder is an .npz file",)),
    "an unknown key": (f"{TRAIN} --set epoch=3", ("--set", "epoch", "did you mean epochs")),
    "three layers": (f"{TRAIN} --set channels=[1,2,3]", ("--set", "channels", "at least 4 items")),
    "no frames": (f"{TRAIN} --set frames=0", ("--set", "frames", "greater than or equal to 10")),
    "no network": (f"{TRAIN} --network nobody.json", ("nobody.json: no such file",)),
}


@pytest.mark.parametrize(("arguments", "says"), TRAINING.values(), ids=TRAINING)
def test_what_nothing_can_be_trained_with_is_refused(
    arguments: str,
    says: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    refused(arguments.split(), capsys, *says)
    assert not list(tmp_path.iterdir())


ENCODERS: Final[dict[str, tuple[Any, tuple[str, ...]]]] = {
    "a list": ([], ("interface.encoder", "dictionary")),
    "a script": ({"name": GREETING}, ("interface: encoder", "none that a network can have")),
    "a file elsewhere": (
        {"name": "../../e.npz", "digest": "0" * 64},
        ("../../e.npz", "none that a network can have"),
    ),
    "a digest of something else": (
        {"name": "encoder-111111111111.npz", "digest": "0" * 64},
        ("none that a network can have",),
    ),
    "a short digest": ({"name": "e.npz", "digest": "00"}, ("interface.encoder.digest", "pattern")),
    "a file without digest": ({"name": random_encoder().name}, ("none that a network can have",)),
    "wrong pixels": ({"name": "pixels:9"}, ("pixels:9", "pixels:ROWSxCOLUMNS")),
    "too many pixels": ({"name": "pixels:3x1"}, ("3 numbers, which do not fit 2 inputs",)),
    "absent": (
        {"name": random_encoder().name, "digest": random_encoder().digest},
        (random_encoder().name, "is not in", "copy it there"),
    ),
    "a module": ({"name": f"{HERE}:brightness"}, ("--trust", HERE, "not a trusted module")),
}


@pytest.mark.parametrize(("encoder", "says"), ENCODERS.values(), ids=ENCODERS)
def test_an_encoder_that_a_network_cannot_have_is_refused(
    encoder: Any,
    says: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("n.json").write_text(json.dumps(_document(encoder)))
    refused(f"evaluate n.json --task {SPOT} --weight 1 --workers 1".split(), capsys, *says)


def _document(encoder: Any) -> dict[str, Any]:
    kinds = ("bias", "input", "input", "output")
    image = {"kind": "Box", "shape": [12, 12, 3], "dtype": "uint8", "low": 0.0, "high": 255.0}
    return {
        "format": "wann-network",
        "version": 1,
        "inputs": 2,
        "outputs": 1,
        "nodes": [{"id": at, "kind": kind, "activation": "linear"} for at, kind in enumerate(kinds)],
        "connections": [{"source": 1, "target": 3}],
        "interface": {"encoder": encoder, "observation": image},
        "task": SPOT,
    }


def _ends(arguments: str, code: int = 0) -> None:
    with pytest.raises(SystemExit) as ending:
        main(arguments.split())
    assert ending.value.code == code


def _bytes(folder: Path, make: Callable[[], None]) -> dict[str, bytes]:
    make()
    return {path.name: path.read_bytes() for path in sorted(folder.glob("spot*"))}


def test_an_encoder_is_trained_and_searched_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    first = _bytes(tmp_path, lambda: _ends(TRAIN))
    said = capsys.readouterr()
    assert "3 numbers of a frame" in said.out
    assert "Encoder:  spot.npz" in said.out
    assert "Picture:  spot.png" in said.out
    assert "training step 4/4" in said.err
    assert load_encoder(Path("spot.npz")).image == (12, 12, 3)
    with Image.open("spot.png") as picture:
        assert picture.size == (8 * 64 * 2, 2 * 64 * 2)  # frames above their reconstructions
    assert first == _bytes(tmp_path, lambda: _ends(TRAIN))
    assert first["spot.npz"] != _bytes(tmp_path, lambda: _ends(f"{TRAIN} --seed 1"))["spot.npz"]
    Path("c.toml").write_text(CONFIG.replace("e.npz", "spot.npz"))
    _ends("search c.toml --run r --workers 1")
    _ends(f"{TRAIN} --network r")
    assert wann.Run("r").champion.inputs == 3
    capsys.readouterr()
    _ends("evaluate r --weight 1 --episodes 2 --trust tests --json --workers 1")
    assert json.loads(capsys.readouterr().out)["conditions"][0]["episodes"] == 2
