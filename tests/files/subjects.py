"""Every kind of file that is read: a whole one, how it is damaged, and the command that meets it."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from unittest import mock

import numpy as np
from gymnasium import spaces

from tests.encoding.samples import random_encoder
from tests.files.mutations import bombs, in_bytes, in_checkpoint, in_json, in_npz, in_table, in_toml, sealed
from wann import api
from wann.comparison import frontier as comparison
from wann.encoding import encoder_bytes, load_encoder
from wann.errors import BadInput, Failure
from wann.experiment import parse_config
from wann.experiment import run as wiring
from wann.files import npz_bytes
from wann.network import Network
from wann.reporting import _style, run_report
from wann.runs import Checkpoint, save_checkpoint
from wann.tasks import DATA_SETS, TableSettings, make_table_task, npz_of
from wann.tasks.images import datasets
from wann.training import TuningProgress

__all__ = ["KINDS", "Outcome", "Subject", "light", "make_subjects", "meet"]

_PRUNING: Final = """\
kind = "prune"
[data]
name = "digits"
[model]
hidden = [6, 4]
[training]
rate = 0.01
batch = 400
iterations = 6
measure_every = 2
[pruning]
rate = 0.4
rounds = 3
rewind = "step"
step = 2
"""
_SEARCH: Final[dict[str, Any]] = {
    "task": {"id": "wann/CartPoleSwingUp-v0", "episodes": 1, "episode_limit": 10},
    "search": {"population": 16, "generations": 20, "tournament": 2, "champion_episodes": 1},
    "backend": {"workers": 1},
}
_BOMB: Final = 300_000_000
Damage = Callable[[random.Random, bytes], bytes]


@dataclass(frozen=True)
class Subject:
    """A kind of file.

    Attributes:
        path: the file.
        content: the whole one.
        damage: makes another from it.
        read: the command that meets it.
        hostile: further contents, the same each time.
        named: what a refusal may name instead of the file.
    """

    path: Path
    content: bytes
    damage: Damage
    read: Callable[[], object]
    hostile: tuple[bytes, ...] = ()
    named: tuple[str, ...] = ()


@dataclass
class Outcome:
    """What became of the cases of a kind."""

    read: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)
    said: str = ""


def meet(subject: Subject, cases: Iterator[tuple[str, bytes]]) -> Outcome:
    """Read damaged files, one after the other; whatever else was changed is put back."""
    outcome = Outcome()
    folder = subject.path.parent if subject.path.parent.name != "checkpoints" else subject.path.parents[1]
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for name, content in cases:
        subject.path.write_bytes(content)
        try:
            subject.read()
            outcome.read += 1
        except (BadInput, Failure) as error:
            outcome.refused += 1
            outcome.said = str(error)
            if not any(name in str(error) for name in (subject.path.name, *subject.named)):
                outcome.failures.append(f"{name}: does not name the file: {error}"[:300])
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            outcome.failures.append(f"{name}: {type(error).__name__}: {error}"[:300])
        for path in folder.rglob("*"):
            if path.is_file() and path not in before:
                path.unlink()
        for path, whole in before.items():
            if path != subject.path and (not path.is_file() or path.read_bytes() != whole):
                path.write_bytes(whole)
    subject.path.write_bytes(subject.content)
    return outcome


def picture(*arguments: object, **_: object) -> None:
    """Draw nothing."""
    (path,) = (argument for argument in arguments if isinstance(argument, Path))
    path.write_bytes(b"<svg")


@contextmanager
def light() -> Iterator[None]:
    """Without what takes its time and reads nothing: pictures on the disk, versions of packages."""
    images = DATA_SETS["digits"]
    kept = {part: images.load(part, None) for part in ("train", "test")}
    quick = replace(images, load=lambda part, _: kept[part])
    with (
        mock.patch.object(_style, "_render", lambda *_: b"<svg"),  # noqa: PT008 - a Mock keeps every figure
        mock.patch.object(run_report, "draw_topology", picture),
        mock.patch.object(wiring, "manifest", lambda **facts: facts),
        mock.patch.dict(DATA_SETS, {"digits": quick}),
        mock.patch.dict(os.environ),
    ):
        yield


def _after(checks: int) -> Callable[[], bool]:
    asked = iter(range(10**6))
    return lambda: next(asked) >= checks


def _play(network: Network) -> None:
    network.policy(1.0).outputs(np.zeros((3, network.inputs)))


def _searched(folder: Path) -> dict[str, Subject]:
    """A search of three generations, and its files."""
    run = folder / "search"
    api.search(parse_config(_SEARCH), run=run, stop=_after(3))
    checkpoint = _newest(run)
    (run / "front").mkdir(exist_ok=True)
    (run / "front" / "front.csv").write_text("connections,mean\n2,1.5\n5,2.5\n")

    def subject(name: str, damage: Damage, read: Callable[[], object]) -> Subject:
        return Subject(run / name, (run / name).read_bytes(), damage, read, named=("task.", "/checkpoints"))

    def report() -> None:
        api.report(run)

    def report_numbers() -> None:
        with (
            mock.patch.object(run_report, "draw_learning", picture),
            mock.patch.object(run_report, "draw_front", picture),
        ):
            api.report(run)

    def resume() -> None:
        api.resume(run, stop=_after(1))

    packed = bombs(_BOMB)
    return {
        "search config.toml": subject("config.toml", in_toml, lambda: api.resume(run, stop=_after(0))),
        "search checkpoint": Subject(
            checkpoint,
            checkpoint.read_bytes(),
            in_checkpoint,
            resume,
            (sealed(packed["npz"]), sealed(packed["npz that lies"])),
            ("/checkpoints", "/metrics.csv", "generations are done already"),
        ),
        "manifest.json, resumed": subject("manifest.json", in_json, lambda: api.resume(run, stop=_after(0))),
        "manifest.json, reported": subject("manifest.json", in_json, report_numbers),
        "metrics.csv": subject("metrics.csv", in_table, report),
        "front.csv": subject("front/front.csv", in_table, report),
        "champion.json": subject("champion.json", in_json, report_numbers),
        "ancestor.json": _begun_from(folder, run / "champion.json"),
    }


def _begun_from(folder: Path, network: Path) -> Subject:
    """What a search that started from a network keeps of it, met before the first checkpoint."""
    run = folder / "descendants"
    search = {**_SEARCH["search"], "seed_from": str(network)}
    api.search(parse_config({**_SEARCH, "search": search}), run=run, stop=_after(0))
    _newest(run).unlink()
    copy = run / "ancestor.json"
    return Subject(copy, copy.read_bytes(), in_json, lambda: api.resume(run, stop=_after(0)))


def _newest(run: Path) -> Path:
    """The newest checkpoint, alone: nothing stands in for it when it is damaged."""
    *older, newest = sorted((run / "checkpoints").glob("*.npz"))
    for path in older:
        path.unlink()
    return newest


def _pruned(folder: Path) -> dict[str, Subject]:
    """A pruning run after its first rounds, and its files."""
    from wann.pruning import Mask  # noqa: PLC0415 - an extra

    run, config = folder / "pruned", folder / "prune.toml"
    config.write_text(_PRUNING)
    api.prune(config, run=run, stop=_after(7))
    newest = _newest(run)
    mask = run / "rounds" / "01-pruned" / "mask.npz"
    alone = folder / "mask" / "mask.npz"
    alone.parent.mkdir()
    shutil.copy(mask, alone)
    shutil.rmtree(run / "rounds")
    (run / "rounds").mkdir()

    def resume() -> None:
        api.resume(run, stop=_after(0))

    def compare_undrawn() -> None:
        with mock.patch.object(comparison, "draw_frontier", picture):
            api.prunes(run)
            compare()

    def compare() -> None:
        api.frontier([run], folder / "frontier", logistic=False, trained=False)

    def subject(name: str, damage: Damage, read: Callable[[], object]) -> Subject:
        return Subject(run / name, (run / name).read_bytes(), damage, read, named=("/pruned",))

    packed = bombs(_BOMB)
    return {
        "pruning config.toml": subject("config.toml", in_toml, compare_undrawn),
        "pruning checkpoint": Subject(
            newest,
            newest.read_bytes(),
            in_checkpoint,
            resume,
            (sealed(packed["npz"]),),
            ("/checkpoints", "/metrics.csv", "training diverged"),
        ),
        "mask.npz": Subject(
            alone,
            alone.read_bytes(),
            in_npz,
            lambda: Mask.load(alone),
            (packed["npz"], packed["npz that lies"]),
        ),
        "pruning metrics.csv": subject("metrics.csv", in_table, compare),
        "pruning timing.csv": subject("timing.csv", in_table, compare),
        "pruning metrics.csv, resumed": subject("metrics.csv", in_table, resume),
        "learning.csv": subject("learning.csv", in_table, resume),
    }


def _networks(folder: Path) -> dict[str, Subject]:
    """Networks in both formats, and published weights."""
    evolved = api.load(folder / "search")
    places = folder / "network"
    places.mkdir()
    network = evolved.with_weights(np.linspace(-1, 1, evolved.connections), 0.5)
    path, table = places / "n.json", places / "n.out"
    api.save(network, path)
    api.export(network, table, "out")
    weights = table.with_suffix(".wann.json")

    def load() -> None:
        loaded = api.load(path)
        _play(loaded)
        api.export(loaded, places / "again.out", "out")

    def import_out() -> None:
        _play(api.import_out(table, network.inputs, network.outputs, weights=weights))

    return {
        "network.json": Subject(path, path.read_bytes(), in_json, load),
        "network.out": Subject(
            table, table.read_bytes(), in_table_or_bytes, import_out, named=("n.wann.json",)
        ),
        "network.wann.json": Subject(weights, weights.read_bytes(), in_json, import_out),
    }


def _encoders(folder: Path) -> dict[str, Subject]:
    """An encoder, given by hand, and as it lies beside a network."""
    space = spaces.Box(0, 255, (12, 12, 3), np.uint8)
    packed = bombs(_BOMB)
    (folder / "encoders").mkdir()
    path = folder / "encoders" / "e.npz"
    content = encoder_bytes(random_encoder())

    def read() -> None:
        load_encoder(path).encode(np.zeros((1, 432), np.uint8), space)

    return {"encoder.npz": Subject(path, content, in_npz, read, (packed["npz"], packed["npz that lies"]))}


def in_table_or_bytes(rng: random.Random, content: bytes) -> bytes:
    """A table whose rows are all alike in length, or its bytes."""
    return in_table(rng, content) if rng.randrange(2) else in_bytes(rng, content)


def _data(folder: Path) -> dict[str, Subject]:
    """Images as they are distributed, images that were prepared, and the progress of a tuning."""
    (folder / "data" / "mnist").mkdir(parents=True)
    images = folder / "data" / "mnist" / "t10k-images-idx3-ubyte"
    content = bytes([0, 0, 8, 3]) + b"".join(n.to_bytes(4, "big") for n in (4, 28, 28)) + bytes(4 * 28 * 28)
    labels = bytes([0, 0, 8, 1]) + (4).to_bytes(4, "big") + bytes([1, 2, 3, 4])
    (folder / "data" / "mnist" / "t10k-labels-idx1-ubyte").write_bytes(labels)
    (folder / "kept").mkdir()
    kept = folder / "kept" / "prepared.npz"
    prepared = npz_bytes({"images": np.linspace(0, 1, 4 * 256, dtype=np.float32).reshape(4, 256)})
    (folder / "tuned").mkdir()
    progress = folder / "tuned" / "n.tuning"
    digest = np.arange(32, dtype=np.uint8)
    save_checkpoint(progress, Checkpoint(3, {"digest": digest, "means": np.ones((3, 7))}))

    packed = bombs(_BOMB)
    values, classes = np.random.default_rng(0).normal(size=(30, 2)), ["a", "b"] * 15
    rows = [f"{a!r},{b!r},{kind}" for (a, b), kind in zip(values.tolist(), classes, strict=True)]
    (folder / "own").mkdir()
    table, arrays = folder / "own" / "own.csv", folder / "own" / "own.npz"
    return {
        "own.csv": Subject(
            table, "\n".join(["x,y,label", *rows, ""]).encode(), in_table_or_bytes, lambda: _own(table)
        ),
        "own.npz": Subject(arrays, npz_of(values, [3, 7] * 15), in_npz, lambda: _own(arrays)),
        "images.idx": Subject(
            images,
            content,
            in_bytes,
            lambda: DATA_SETS["mnist"].load("test", folder / "data"),
            (packed["gzip"],),
        ),
        "prepared.npz": Subject(
            kept,
            prepared,
            in_npz,
            lambda: datasets._kept(kept, (4, 256)),
            (packed["npz"], packed["npz that lies"], packed["gzip"]),
        ),
        "n.tuning": Subject(
            progress,
            progress.read_bytes(),
            in_checkpoint,
            lambda: TuningProgress(progress, digest.tobytes(), 10),
            (sealed(packed["npz"]),),
        ),
    }


def _own(path: Path) -> object:
    return make_table_task(TableSettings(id="data", data=path))


def make_subjects(folder: Path) -> dict[str, Subject]:
    """A whole file of every kind in a folder."""
    found = _searched(folder)
    return found | _networks(folder) | _encoders(folder) | _data(folder) | _pruned(folder)


KINDS: Final = (
    *("search config.toml", "search checkpoint", "manifest.json, resumed", "manifest.json, reported"),
    *(
        "metrics.csv",
        "front.csv",
        "champion.json",
        "ancestor.json",
        "network.json",
        "network.out",
        "network.wann.json",
        "encoder.npz",
    ),
    *(
        "images.idx",
        "prepared.npz",
        "own.csv",
        "own.npz",
        "n.tuning",
        "pruning config.toml",
        "pruning checkpoint",
        "mask.npz",
    ),
    *("pruning metrics.csv", "pruning timing.csv", "pruning metrics.csv, resumed", "learning.csv"),
)
