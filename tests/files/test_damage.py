"""Whatever is wrong with a file: it is refused in a sentence, or read; nothing else, and in little memory."""

from __future__ import annotations

import importlib.util
import io
import json
import random
import resource
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.files.mutations import sealed, zipped
from tests.files.subjects import KINDS, Subject, light, make_subjects, meet
from wann import api
from wann.comparison import frontier as comparison
from wann.errors import BadInput
from wann.files import npz_bytes
from wann.network import Network
from wann.tasks import DATA_SETS, ClassificationTask, TaskSettings, make_task
from wann.tasks.images import datasets

CASES = 100
MEMORY = 300 * 2**20


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Subject]]:
    with light():
        yield make_subjects(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs the extra torch")
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_read_or_refused(kind: str, subjects: dict[str, Subject]) -> None:
    subject = subjects[kind]
    whole = meet(subject, iter([("whole", subject.content)]))
    assert whole.failures == []
    assert whole.read or kind == "images.idx"  # four images are not what MNIST has
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def cases() -> Iterator[tuple[str, bytes]]:
        for number in range(CASES):
            yield f"{kind} {number}", subject.damage(random.Random(f"{kind} {number}"), subject.content)  # noqa: S311
        yield from ((f"{kind} hostile {number}", content) for number, content in enumerate(subject.hostile))

    outcome = meet(subject, cases())
    assert outcome.failures == []
    assert outcome.refused >= CASES // 10 or kind == "prepared.npz"  # those are prepared again
    used = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak)
    assert used < MEMORY


# What was met before, one by one.


def damaged(subject: Subject, content: bytes) -> str:
    """What is said of a file with this content."""
    outcome = meet(subject, iter([("case", content)]))
    assert outcome.failures == []
    assert outcome.refused == 1
    return outcome.said


MANIFESTS = {
    "a list": b"[]",
    "nothing": b"",
    "cut short": b'{"wall_seconds": 1',
    "a list of seconds": b'{"wall_seconds": [1]}',
    "null": b"null",
    "seconds in words": b'{"processor_seconds": "9"}',
    "seconds below zero": b'{"wall_seconds": -1}',
    "endless seconds": b'{"wall_seconds": Infinity}',
    "a machine in words": b'{"machine": "mine"}',
}


@pytest.mark.parametrize("content", MANIFESTS.values(), ids=MANIFESTS)
def test_a_damaged_manifest_is_refused_before_the_search_goes_on(
    content: bytes, subjects: dict[str, Subject]
) -> None:
    subject = subjects["manifest.json, resumed"]
    metrics = subject.path.parent / "metrics.csv"
    before = metrics.read_bytes()
    said = damaged(subject, content)
    assert said.startswith(f"{subject.path}: ")
    assert said.endswith("remove it: the run can be resumed without it, and its times start from zero")
    assert metrics.read_bytes() == before
    assert damaged(subjects["manifest.json, reported"], content) == said


def test_without_a_manifest_a_search_goes_on_and_times_are_counted_anew(subjects: dict[str, Subject]) -> None:
    subject = subjects["manifest.json, resumed"]
    subject.path.unlink()
    subject.read()
    assert 0 <= json.loads(subject.path.read_bytes())["wall_seconds"] < 60
    subject.path.write_bytes(subject.content)


def test_times_add_to_those_of_an_interrupted_part(subjects: dict[str, Subject]) -> None:
    subject = subjects["manifest.json, resumed"]
    subject.path.write_bytes(b'{"wall_seconds": 1000.5, "processor_seconds": 10}')
    subject.read()
    assert 1000.5 <= json.loads(subject.path.read_bytes())["wall_seconds"] < 1100
    subject.path.write_bytes(subject.content)


@pytest.mark.parametrize("value", [None, "many", [1], {"a": 1}, True, 1e300])
def test_a_report_needs_no_numbers_in_the_provenance(value: object, subjects: dict[str, Subject]) -> None:
    subject = subjects["champion.json"]
    document = json.loads(subject.content)
    document["provenance"] = dict.fromkeys(document["provenance"], value)
    subject.path.write_text(json.dumps(document))
    subject.read()
    shown = (subject.path.parent / "report.html").read_text()
    assert ("found in generation unknown" in shown) == (value != 1e300)
    subject.path.write_bytes(subject.content)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("front.csv", b"connections,mean\nmany,1\n"),
        ("front.csv", b"connections,mean\nnan,1\n"),
        ("front.csv", b"connections,mean\n1e300,1\n"),
        ("front.csv", b"connections\n1\n"),
        ("front.csv", b"connections,mean\n1," + b"1" * 140_000 + b"\n"),
        ("metrics.csv", b"generation\n0\n"),
        ("metrics.csv", b"x" * 140_000),
        ("learning.csv", b"round,variant\nthird,pruned\n"),
        ("pruning metrics.csv, resumed", b""),
        ("pruning timing.csv", b"round,variant\n0,dense\n"),
        ("search config.toml", b"a = " + b"[" * 50_000),
        ("search config.toml", b"a." * 50_000 + b"a = 1"),
        ("pruning config.toml", b"a = " + b"[" * 50_000),
        ("pruning config.toml", b'kind = "prune"\ndata = 1\n'),
    ],
)
def test_damaged_tables_and_configurations_are_refused_by_name(
    kind: str, content: bytes, subjects: dict[str, Subject]
) -> None:
    assert subjects[kind].path.name in damaged(subjects[kind], content)


Arrays = dict[str, np.ndarray[Any, np.dtype[Any]]]


def _cycle(arrays: Arrays) -> None:
    """Two hidden nodes that feed each other in every genome, once somebody enables their connections."""
    genomes = 16
    arrays["population.node"] = np.tile([6, 100, 101], genomes)
    arrays["population.node_rows"] = np.arange(genomes + 1) * 3
    arrays["population.activation"] = np.ones(3 * genomes, np.int8)
    arrays["population.source"] = np.tile([100, 101], genomes)
    arrays["population.target"] = np.tile([101, 100], genomes)
    arrays["population.enabled"] = np.zeros(2 * genomes, np.bool_)
    arrays["population.gene_rows"] = np.arange(genomes + 1) * 2
    arrays["numbers"][0] = 101


def _overflow(arrays: Arrays) -> None:
    """Row pointers that never fall by a difference of 64 bits, and lead far outside."""
    rows = arrays["population.node_rows"]
    rows[1:5] = 2**63 - 1, -(2**63), -(2**62), -5


CHECKPOINTS: dict[str, tuple[Callable[[Arrays], object], str]] = {
    "a header that is a number": (lambda a: a.update(header=np.array(1)), "header is int64 of shape ()"),
    "a generation below zero": (lambda a: a.update(header=np.array([1, -4])), "its generation is -4"),
    "a cycle": (_cycle, "has a cycle"),
    "row pointers that overflow": (_overflow, "row pointers fall"),
    "sources of another type": (
        lambda a: a.update({"population.source": a["population.source"].astype(np.float64)}),
        "population.source is float64",
    ),
    "tables for rows": (
        lambda a: a.update({"population.node": a["population.node"][None]}),
        "population.node is int64 of shape (1, ",
    ),
    "an unknown activation": (lambda a: a["population.activation"].fill(99), "unknown activation"),
    "activations that wrap around": (
        lambda a: a.update({"population.activation": a["population.activation"].astype(np.int64) + 256}),
        "population.activation is int64",
    ),
    "a source that is nowhere": (
        lambda a: np.put(a["population.source"], [-1], 2**40),
        "a connection to a node that is not there",
    ),
    "genes out of order": (
        lambda a: a.update({"population.target": a["population.target"][::-1].copy() + 1}),
        "the checkpoint does not describe a search",
    ),
    "fewer nodes made than there are": (lambda a: a["numbers"].fill(0), "do not count what was made"),
    "more steps than can be": (lambda a: np.put(a["numbers"], [2], 2**62), "do not count what was made"),
    "more nodes made than can be": (lambda a: a["numbers"].fill(2**63 - 1), "do not count what was made"),
    "a champion of the future": (lambda a: a["champion.generation"].fill(99), "of generation 99"),
    "a champion without a mean": (lambda a: a["champion.mean"].fill(np.nan), "with a mean of nan"),
}


@pytest.mark.parametrize(("change", "says"), CHECKPOINTS.values(), ids=CHECKPOINTS)
def test_a_checkpoint_with_a_right_checksum_and_wrong_genomes_is_refused(
    change: Callable[[Arrays], object], says: str, subjects: dict[str, Subject]
) -> None:
    subject = subjects["search checkpoint"]
    with np.load(io.BytesIO(subject.content)) as stored:
        arrays = {name: stored[name] for name in stored.files}
    change(arrays)
    said = damaged(subject, sealed(npz_bytes(arrays)))
    assert says in said
    assert "/checkpoints" in said


@pytest.mark.parametrize("kind", ["search checkpoint", "pruning checkpoint", "n.tuning"])
def test_a_checkpoint_of_words_or_objects_or_compressed_is_refused(
    kind: str, subjects: dict[str, Subject]
) -> None:
    subject = subjects[kind]
    with np.load(io.BytesIO(subject.content)) as stored:
        arrays = {name: stored[name] for name in stored.files}
    for name in ("header", list(arrays)[-1]):
        for wrong in (np.array(["x"]), np.array([{}], object)):
            assert "does not hold plain numbers" in damaged(subject, sealed(zipped({**arrays, name: wrong})))
    assert "compressed by another method" in damaged(subject, sealed(npz_bytes(arrays, compressed=True)))


def test_progress_of_a_tuning_without_what_was_earned_is_refused(subjects: dict[str, Subject]) -> None:
    subject = subjects["n.tuning"]
    with np.load(io.BytesIO(subject.content)) as stored:
        arrays = {name: stored[name] for name in stored.files}
    short = {name: array for name, array in arrays.items() if name != "earned"}
    assert "earned is missing" in damaged(subject, sealed(npz_bytes(short)))
    flat = {**arrays, "earned": arrays["earned"].reshape(-1)}
    assert "earned is float64 of shape (21,)" in damaged(subject, sealed(npz_bytes(flat)))


def test_prepared_images_that_are_none_are_prepared_again(tmp_path: Path) -> None:
    path = tmp_path / "p.npz"
    good = np.full((4, 256), 0.5, np.float32)
    datasets._keep(path, good)
    assert np.array_equal(np.asarray(datasets._kept(path, (4, 256))), good)
    buffer = io.BytesIO()
    np.save(buffer, good)
    words = npz_bytes({"images": np.zeros((4, 256), np.float32)})
    for content in (
        *(b"", b"hello", buffer.getvalue(), zlib.compress(buffer.getvalue()), words[:-9]),
        *(words.replace(b"PK\x01\x02-\x03-\x00\x00", b"PK\x01\x02-\x03-\x00\x01"), zipped({"x": good})),
        *(
            zipped({"images": good.astype(np.float64)}),
            npz_bytes({"images": np.full((4, 256), np.nan, np.float32)}),
        ),
    ):
        path.write_bytes(content)
        assert datasets._kept(path, (4, 256)) is None
    path.unlink()
    path.mkdir()
    assert datasets._kept(path, (4, 256)) is None
    datasets._keep(path, good)  # there is no place for them: no matter


def test_a_sparse_file_of_images_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir()
    with (tmp_path / "mnist" / "train-images-idx3-ubyte").open("wb") as file:
        file.truncate(5 * 10**9)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BadInput, match="train-images-idx3-ubyte: larger than 67,108,864 bytes"):
        DATA_SETS["mnist"].load("train", tmp_path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 10 * 1024


def test_a_table_of_fifteen_thousand_nodes_is_refused_with_its_size(tmp_path: Path) -> None:
    network = Network(14_998, 1, np.ones(1, np.int8), np.array([1]), np.array([14_999]))
    with pytest.raises(BadInput, match=r"15,000 nodes: .* 225,015,000 cells, .* 429 MB; .* The format json"):
        api.export(network, tmp_path / "n.out", "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("seed", [-1, 2**63, 10**30])
def test_a_seed_beyond_63_bits_is_refused_by_every_verb(seed: int, subjects: dict[str, Subject]) -> None:
    folder = subjects["champion.json"].path.parent
    network = api.load(folder)
    for verb in (
        lambda: api.evaluate(network, seed=seed),
        lambda: api.tune(network, seed=seed),
        lambda: api.shrink(network, seed=seed),
        lambda: api.film(network, folder / "v.gif", seed=seed),
        lambda: api.frontier([folder], folder / "frontier", seed=seed),
    ):
        with pytest.raises(
            BadInput, match=rf"seed: {seed}: accepted are whole numbers from 0 to 9223372036854775807"
        ):
            verb()


def test_a_frontier_takes_every_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "_STRENGTHS", (1e-1,))
    task = make_task(TaskSettings(id="digits"))
    assert isinstance(task, ClassificationTask)
    for seed in (5_000_000_000, 2**63 - 1):
        (one,) = comparison._logistic(task, seed)
        assert one.accuracy > 0.5
