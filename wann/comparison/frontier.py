"""The verb that puts pruned and evolved networks on one frontier of accuracy against connections.

Across: effective connections, those on some path from an input to an output; biases apart. Upwards: accuracy
on the test images, mean and deviation over seeds; whatever was chosen was chosen on the validation images.
"""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..assessment import ImageAssessor
from ..errors import BadInput
from ..files import make_folder, npz_bytes, read_toml, write_atomically
from ..formats import load_network
from ..network import Network
from ..reporting import FrontierPoint, draw_frontier
from ..runs import PruningOutline, check_parts, manifest, members, read_manifest, read_rounds
from ..streams import check_seed
from ..tasks import DATA_SETS, ClassificationTask, ImageSettings, make_classification

__all__ = ["Entry", "frontier"]

_SHARED: Final = {
    "shared": "mean over shared weights",
    "tuned-shared": "best shared weight",
    "ensemble": "ensemble",
}
_LARGEST: Final = 10_000  # connections of a pruned network that is tried under shared weights
_FRONT: Final = 12  # networks of a search's last front beside its champion
_STRENGTHS: Final = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)  # of the logistic regression, sklearn's C
_BITS: Final = 32


@dataclass(frozen=True)
class Entry:
    """One size of one family, over seeds.

    Attributes:
        task: the images.
        family: how these networks came about, and under which weights they are judged.
        step: round of pruning, place on the front, or strength of a penalty; what equal rows share.
        seeds: how many networks this is the mean of.
        connections: effective ones, without biases.
        biases: connections from the bias to nodes that lead to an output.
        accuracy: on the test images, mean over seeds.
        deviation: of it, over seeds.
        weight_values: distinct values among the weights.
        weight_bits: those times the bits of one.
        multiply_adds: products in one forward pass.
        bytes: of the stored network: structure and weights.
        seconds: of processor time until this network was there.
    """

    task: str
    family: str
    step: str
    seeds: int
    connections: float
    biases: float
    accuracy: float
    deviation: float
    weight_values: float
    weight_bits: float
    multiply_adds: float
    bytes: float
    seconds: float


@dataclass(frozen=True)
class _One:
    """A single network under a single condition; see ``Entry``."""

    task: str
    family: str
    step: str
    connections: float
    biases: float
    accuracy: float
    weight_values: float
    multiply_adds: float
    bytes: float
    seconds: float
    settings: str = ""  # networks of the same settings differ in the seed alone


def frontier(
    runs: Sequence[Path | str],
    folder: Path | str,
    *,
    seed: int = 0,
    logistic: bool = True,
    trained: bool = True,
    show: Callable[[str], None] = lambda _: None,
) -> list[Entry]:
    """Compare runs; write ``frontier.csv``, a picture for each set of images, and a manifest.

    Runs that differ in nothing but the seed are one family.

    Args:
        runs: folders of pruning runs and searches on images, or network JSON files.
        folder: where the comparison goes; made if it is not there.
        seed: of what is drawn in the assessment, and of training.
        logistic: whether a logistic regression with an L1 penalty is fitted for comparison.
        trained: whether evolved champions are trained too, where PyTorch is installed.
        show: told what is looked at.

    Raises:
        BadInput: nothing to compare, a folder that is no run, or a network of a task without images.
        Failure: the folder cannot be written.
    """
    check_seed(seed)
    if not runs:
        raise BadInput(
            "name at least one run: the folder of a search on images, of wann prune, or a network JSON"
        )
    tasks = _Tasks()
    found: list[_One] = []
    for run in map(Path, runs):
        show(f"{run}")
        found += (
            _pruned(run, tasks, seed) if _is_pruning(run) else _evolved(run, tasks, seed, trained=trained)
        )
    if logistic:
        for name in sorted({one.task for one in found}):
            show(f"logistic regression with an L1 penalty on {name}")
            found += _logistic(tasks[name], seed)
    entries = _merged(found)
    _write(entries, Path(folder), [str(run) for run in runs])
    return entries


class _Tasks:
    """Sets of images by name, each read once."""

    def __init__(self) -> None:
        self._made: dict[str, ClassificationTask] = {}

    def __getitem__(self, name: str) -> ClassificationTask:
        if name not in self._made:
            self._made[name] = make_classification(ImageSettings(id=_images(name)))
        return self._made[name]


def _images(name: str) -> str:
    """The name, which a file has said and pictures are called by, if it is that of a set of images.

    Raises:
        BadInput: it is another.
    """
    if name not in tuple(DATA_SETS):  # a file may say what has no hash
        raise BadInput(f"{name} is no set of images: the frontier compares accuracy on images")
    return name


def _is_pruning(run: Path) -> bool:
    if run.is_dir():
        check_parts(run)
    return _config(run).get("kind") == "prune"


def _config(run: Path) -> dict[str, Any]:
    path = run / "config.toml"
    return read_toml(path) if path.is_file() else {}


def _pruned(run: Path, tasks: _Tasks, seed: int) -> Iterator[_One]:
    """Every round of a pruning run with its trained weights, small networks under shared weights too."""
    document = _config(run)
    config = PruningOutline.of(run / "config.toml", document)
    plan, family = config.pruning, config.family
    try:
        name = _images(config.data.name)
    except BadInput as error:
        raise BadInput(f"{run}: {error}") from None
    small = not plan.rounds and plan.schedule == "iterative"
    name = config.data.name
    if name not in DATA_SETS:  # pictures are called by it
        raise BadInput(f"{run / 'config.toml'}: data.name {name!r}; accepted are {', '.join(DATA_SETS)}")
    for variant, row in read_rounds(run):
        connections = row["connections"]
        one = _One(
            name,
            family if variant == "pruned" else f"{family}: {variant}",
            f"round {row['round']:.0f}",
            connections,
            row["biases"],
            row["test_accuracy"],
            connections,
            row["multiply_adds"],
            row["csr_bytes"],
            row["seconds"],
            _but_seed(document),
        )
        if variant == "dense":
            one = _named(one, "small dense networks" if small else f"dense {config.model.name}")
        yield one
        path = run / "rounds" / f"{row['round']:02.0f}-pruned" / "network.json"
        if variant == "pruned" and 0 < connections <= _LARGEST and path.is_file():
            yield from _under_shared(load_network(path), one, tasks[name], seed)


def _but_seed(config: Mapping[str, Any]) -> str:
    """What runs of the same settings have in common: all but the seed, and where they were computed."""
    data = config.get("data")
    if isinstance(data, dict):
        data = {key: value for key, value in data.items() if key != "folder"}
    return json.dumps({**config, "seed": None, "backend": None, "data": data}, sort_keys=True, default=str)


def _named(one: _One, family: str) -> _One:
    return _One(**{**asdict(one), "family": family})


def _evolved(run: Path, tasks: _Tasks, seed: int, *, trained: bool) -> Iterator[_One]:
    """A search's champion, and the networks of its last front."""
    champion, seconds = load_network(run), _seconds(run)
    settings = _but_seed(_config(run))
    place = "champion" if run.is_dir() else str(run)
    yield from _judged(champion, place, settings, tasks, seed, seconds, trained=trained)
    front = [path for path in members(run / "front") if path.suffix == ".json"]
    chosen = sorted({round(place) for place in np.linspace(0, len(front) - 1, min(_FRONT, len(front)))})
    for number in chosen:
        network = load_network(front[number])
        if network.connections:
            yield from _judged(network, front[number].stem, settings, tasks, seed, seconds, trained=False)


def _seconds(run: Path) -> float:
    """Processor time of a search, from its manifest; not known of a network alone."""
    seconds = read_manifest(run / "manifest.json").processor_seconds
    return float("nan") if seconds is None else seconds


def _judged(
    network: Network,
    step: str,
    settings: str,
    tasks: _Tasks,
    seed: int,
    seconds: float,
    *,
    trained: bool,
) -> Iterator[_One]:
    if network.task is None:
        raise BadInput(f"{step}: the network names no task")
    task = tasks[network.task]
    connections, biases = _effective(network)
    own = len(np.unique(network.weights)) if network.weights is not None else 1
    one = _One(
        network.task,
        "evolved",
        step,
        connections,
        biases,
        0.0,
        own,
        connections,
        _stored(network, own),
        seconds,
        settings,
    )
    yield from _under_shared(network, one, task, seed)
    if network.weights is not None:
        accuracy = _assessor(network, task, seed).stored().accuracy
        yield _One(**{**asdict(one), "family": "evolved: stored weights", "accuracy": accuracy})
    elif trained and find_spec("torch") is not None:
        began = time.process_time()
        accuracy = _assessor(network, task, seed).tuned().accuracy
        yield _One(
            **{
                **asdict(one),
                "family": "evolved: trained",
                "accuracy": accuracy,
                "weight_values": connections,
                "bytes": _stored(network, network.connections),
                "seconds": seconds + time.process_time() - began,
            }
        )


def _under_shared(network: Network, one: _One, task: ClassificationTask, seed: int) -> Iterator[_One]:
    """The same connections with one weight on all of them."""
    assessor = _assessor(network.with_weights(None), task, seed)
    for condition, described in _SHARED.items():
        yield _One(
            **{
                **asdict(one),
                "family": f"{one.family}: {described}",
                "accuracy": assessor.score(condition).accuracy,
                "weight_values": 6 if condition == "ensemble" else 1,
                "bytes": _stored(network, 1),
            }
        )


def _assessor(network: Network, task: ClassificationTask, seed: int) -> ImageAssessor:
    if (network.inputs, network.outputs) != (task.inputs, task.outputs):
        raise BadInput(
            f"a network of {network.inputs} inputs and {network.outputs} outputs says that it is "
            f"of {task.id}, which needs {task.inputs} and {task.outputs}"
        )
    return ImageAssessor(network, task, seed)


def _effective(network: Network) -> tuple[int, int]:
    """Connections on a path from an input to an output, and biases of nodes that lead to an output."""
    first = 1 + network.inputs
    reached = np.zeros(network.size, np.bool_)
    reached[1:first] = True
    leads = np.zeros(network.size, np.bool_)
    leads[first : first + network.outputs] = True
    for _ in range(network.size):
        before = int(reached.sum()) + int(leads.sum())
        reached[network.target[reached[network.source]]] = True
        leads[network.source[leads[network.target]]] = True
        if int(reached.sum()) + int(leads.sum()) == before:
            break
    useful = leads[network.target]
    return int((useful & reached[network.source]).sum()), int((useful & (network.source == 0)).sum())


def _stored(network: Network, values: int) -> int:
    """Bytes of an npz file with the structure in the smallest integers, and that many weights."""
    small = np.uint8 if network.size <= 256 else np.uint16 if network.size <= 65_536 else np.uint32
    arrays: dict[str, NDArray[Any]] = {
        "source": network.source.astype(small),
        "target": network.target.astype(small),
        "activation": network.activation,
        "weights": np.zeros(values, np.float32),
    }
    return len(npz_bytes(arrays))


def _logistic(task: ClassificationTask, seed: int) -> Iterator[_One]:
    """Multinomial logistic regression with an L1 penalty of several strengths (scikit-learn's SAGA)."""
    import warnings  # noqa: PLC0415

    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - slow to import
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415

    images, labels = task.train.pixels(), task.train.labels
    for strength in _STRENGTHS:
        began = time.process_time()
        model = LogisticRegression(
            l1_ratio=1.0,
            C=strength,
            solver="saga",
            tol=1e-2,
            max_iter=100,
            random_state=seed % 2**32,  # scikit-learn takes 32 bits
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(images, labels)
        weights: NDArray[np.float64] = np.asarray(model.coef_)
        used = int((weights != 0).sum())
        right = model.predict(task.test.pixels()) == task.test.labels
        if used:
            yield _One(
                task.id,
                "logistic regression, L1",
                f"C {strength:g}",
                used,
                float((np.asarray(model.intercept_) != 0).sum()),
                float(right.mean()),
                used,
                used,
                6 * used,
                time.process_time() - began,
            )


def _merged(found: Sequence[_One]) -> list[Entry]:
    """Means over the networks that share task, family and step."""
    groups: dict[tuple[str, str, str], list[_One]] = {}
    ways: dict[str, list[str]] = {}
    for one in found:
        if one.family == "small dense networks":  # of several sizes: one line, but no mean
            groups.setdefault((one.task, one.family, f"{one.connections:,.0f} weights"), []).append(one)
            continue
        known = ways.setdefault(one.family, [])
        if one.settings not in known:
            known.append(one.settings)
        number = known.index(one.settings)
        family = f"{one.family} ({number + 1})" if number else one.family
        groups.setdefault((one.task, family, one.step), []).append(one)
    entries = []
    for (task, family, step), ones in groups.items():
        means = {
            name: float(np.mean([getattr(one, name) for one in ones]))
            for name in (
                "connections",
                "biases",
                "accuracy",
                "weight_values",
                "multiply_adds",
                "bytes",
                "seconds",
            )
        }
        accuracy = [one.accuracy for one in ones]
        deviation = float(np.std(accuracy, ddof=1)) if len(ones) > 1 else 0.0
        bits = _BITS * means["weight_values"]
        entries.append(Entry(task, family, step, len(ones), deviation=deviation, weight_bits=bits, **means))
    return entries


def _drawn(entry: Entry) -> bool:
    """Of pruned networks under shared weights the mean alone: the table has the others."""
    _, _, condition = entry.family.partition(": ")
    return entry.family.startswith("evolved") or condition not in (
        _SHARED["tuned-shared"],
        _SHARED["ensemble"],
    )


def _write(entries: Sequence[Entry], folder: Path, runs: list[str]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Entry.__dataclass_fields__)
    for entry in entries:
        values = asdict(entry).values()
        writer.writerow([f"{value:.6g}" if isinstance(value, float) else value for value in values])
    make_folder(folder)
    write_atomically(folder / "frontier.csv", text.getvalue().encode())
    write_atomically(folder / "manifest.json", (json.dumps(manifest(runs=runs), indent=1) + "\n").encode())
    for task in sorted({entry.task for entry in entries}):
        points = [
            FrontierPoint(entry.family, entry.connections, entry.accuracy, entry.deviation)
            for entry in entries
            if entry.task == task and entry.connections > 0 and _drawn(entry)
        ]
        title = f"{task}: accuracy against connections"
        draw_frontier(points, folder / f"frontier-{task}.svg", title=title)
