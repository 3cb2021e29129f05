"""wann prune, resume and frontier, from the command line to the files that they leave."""

from __future__ import annotations

import csv
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

import wann
from wann import api
from wann.cli import live, main
from wann.errors import BadInput
from wann.pruning import Examples, Iteration, IterativePlan, Mask, make_model, record
from wann.pruning import run as pruning_run
from wann.reporting import FrontierPoint
from wann.tasks import DATA_SETS, ImageSet

CONFIG: Final = """\
kind = "prune"
[data]
name = "digits"
[model]
hidden = [16, 12]
[training]
rate = 0.01
batch = 50
iterations = 120
measure_every = 40
[pruning]
rate = 0.4
rates = { output = 0.2 }
rounds = 3
controls = ["reinitialised", "shuffled", "random"]
control_rounds = [2]
"""


SHORT: Final = ("--set", "training.iterations=15", "--set", "training.measure_every=5")


def counted(network: Callable[[Tensor], Tensor], inputs: Tensor, _: float) -> float:
    """In place of a stopwatch: a hundred microseconds, and one more for each output."""
    with torch.no_grad():
        return 1e-6 * (100 + network(inputs).numel())


@pytest.fixture(scope="module", autouse=True)
def _without_waiting() -> Iterator[None]:
    """No stopwatch, and the digits are read once."""
    digits = DATA_SETS["digits"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record, "latency", counted)
        patch.setitem(DATA_SETS, "digits", replace(digits, load=cache(digits.load)))
        yield


def run(tmp_path: Path, name: str, *arguments: str, config: str = CONFIG) -> int:
    """Prune by the command line; the folder is tmp_path/name."""
    (tmp_path / "c.toml").write_text(config)
    with pytest.raises(SystemExit) as ended:
        main(["prune", str(tmp_path / "c.toml"), "--run", str(tmp_path / name), *arguments])
    return int(ended.value.code or 0)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def arrays(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def accuracy(
    weights: dict[str, NDArray[Any]], images: NDArray[np.float32], labels: NDArray[np.int64]
) -> float:
    """Of the three layers of the configuration, in plain numpy."""
    values: NDArray[Any] = images
    for layer in ("hidden1", "hidden2", "output"):
        values = values @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"]
        if layer != "output":
            values = np.maximum(values, 0)
    return float((values.argmax(axis=1) == labels).mean())


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One that came to its end sooner: it looks at the validation images as often."""
    folder = tmp_path_factory.mktemp("short")
    assert run(folder, "run", *SHORT) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that came to its end."""
    folder = tmp_path_factory.mktemp("whole")
    assert run(folder, "run") == 0
    return folder / "run"


def test_mask_sparsity_and_accuracy_are_those_of_the_saved_files(whole: Path) -> None:
    test = DATA_SETS["digits"].load("test", None)
    found = rows(whole / "metrics.csv")
    assert [(row["round"], row["variant"]) for row in found] == [
        *(("0", "dense"), ("1", "pruned"), ("2", "pruned"), ("2", "reinitialised")),
        *(("2", "shuffled"), ("2", "random"), ("3", "pruned")),
    ]
    for row in found:
        place = whole / "rounds" / f"{int(row['round']):02d}-{row['variant']}"
        mask, weights, final = (arrays(place / f"{name}.npz") for name in ("mask", "weights", "final"))
        for name, there in mask.items():
            assert there.dtype == np.bool_
            assert (weights[name][~there] == 0).all()
            assert (final[name][~there] == 0).all()
            assert int(row[f"kept_{name.removesuffix('.weight')}"]) == there.sum()
        kept, total = (sum(int(f(there)) for there in mask.values()) for f in (np.sum, np.size))
        assert (int(row["weights"]), int(row["total"])) == (kept, total)
        assert float(row["sparsity"]) == pytest.approx(1 - kept / total)
        assert float(row["test_accuracy"]) == accuracy(weights, test.pixels(), test.labels)
        assert float(row["final_test_accuracy"]) == accuracy(final, test.pixels(), test.labels)
        assert int(row["csr_bytes"]) == (place / "sparse.npz").stat().st_size


def test_times_are_of_an_image_alone_and_among_others_in_every_form(whole: Path) -> None:
    found = rows(whole / "timing.csv")
    assert len(found) == len(rows(whole / "metrics.csv"))
    for row in found:
        for form in ("dense", "compact", "csr"):
            assert float(row[f"{form}_us"]) == pytest.approx(100 + 10)
            assert float(row[f"{form}_us_of_256"]) == pytest.approx(100 / 256 + 10)


def test_each_round_keeps_its_share_of_each_layer(whole: Path) -> None:
    for row in rows(whole / "metrics.csv"):
        if row["variant"] in ("pruned", "reinitialised", "shuffled"):
            done = int(row["round"])
            assert int(row["kept_hidden1"]) == round(64 * 16 * 0.6**done)
            assert int(row["kept_output"]) == round(12 * 10 * 0.8**done)


def test_survivors_begin_with_their_initial_weights(whole: Path) -> None:
    initial = arrays(whole / "initial.npz")
    assert initial["hidden1.weight"].std() > 0.1
    test = DATA_SETS["digits"].load("test", None)
    first = float(rows(whole / "metrics.csv")[0]["test_accuracy"])
    assert first > 0.8 > accuracy(initial, test.pixels(), test.labels)


def test_a_round_is_a_network_that_scores_the_same(whole: Path) -> None:
    row = rows(whole / "metrics.csv")[-1]
    network = wann.load(whole / "rounds" / "03-pruned" / "network.json")
    assert network.connections == int(row["connections"]) + int(row["biases"])
    (score,) = wann.evaluate(network)
    assert getattr(score, "accuracy", None) == pytest.approx(float(row["test_accuracy"]), abs=0.0034)


def test_the_champion_is_the_smallest_that_is_as_good_as_dense_on_the_validation_images(whole: Path) -> None:
    found = [row for row in rows(whole / "metrics.csv") if row["variant"] in ("dense", "pruned")]
    dense = float(found[0]["validation_accuracy"])
    good = [row for row in found[1:] if float(row["validation_accuracy"]) >= dense]
    if good:
        best = min(good, key=lambda row: int(row["weights"]))
        place = whole / "rounds" / f"{int(best['round']):02d}-pruned" / "network.json"
        assert (whole / "champion.json").read_bytes() == place.read_bytes()
    else:
        assert not (whole / "champion.json").exists()


def results_of(folder: Path) -> dict[str, bytes]:
    """All that must not differ between equal runs."""
    timed = {"timing.csv", "manifest.json"}
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in timed and "checkpoints" not in path.parts
    }


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(short: Path, tmp_path: Path) -> None:
    assert run(tmp_path, "again", *SHORT) == 0
    assert results_of(tmp_path / "again") == results_of(short)
    assert run(tmp_path, "other", *SHORT, "--seed", "1", "--set", "pruning.rounds=0") == 0
    assert (tmp_path / "other" / "initial.npz").read_bytes() != (short / "initial.npz").read_bytes()


@pytest.mark.parametrize("after", [0, 2, 5, 8, 13, 20])
def test_an_interrupted_run_goes_on_to_the_same_bytes(
    after: int, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = iter(range(1000))
    monkeypatch.setattr(live.Interruption, "__call__", lambda _: next(asked) == after)
    assert run(tmp_path, "run", *SHORT) == 130
    assert not (tmp_path / "run" / "figures" / "accuracy.svg").exists()
    with pytest.raises(SystemExit) as ended:
        main(["resume", str(tmp_path / "run")])
    assert not ended.value.code
    assert results_of(tmp_path / "run") == results_of(short)


def test_a_killed_run_goes_on_from_what_lies_there(short: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(short, tmp_path / "run")
    newest = max((folder / "checkpoints").glob("*.npz"))
    newest.unlink()  # as if the last round had been cut between its row and its checkpoint
    with (folder / "metrics.csv").open("a") as file:
        file.write("4,pru")
    assert api.resume(folder).finished
    assert results_of(folder) == results_of(short)


def test_a_search_option_on_a_pruning_run_is_refused(whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["resume", str(whole), "--workers", "2"])
    assert ended.value.code == 2
    assert "a pruning run" in capsys.readouterr().err


@pytest.mark.parametrize(
    "changes",
    [
        ["pruning.rewind=step", "pruning.step=8"],
        ["pruning.rewind=rate", "training.optimizer=sgd", "training.weight_decay=0.001"],
        ["pruning.rewind=none", "pruning.retrain.iterations=15"],
        ['pruning={criterion="obd", examples=100, schedule="cubic", rounds=2, rates={output=0.2}}'],
        ['pruning={criterion="snip", examples=200, schedule="levels", levels=[0.5, 0.8]}'],
        ['pruning={criterion="grasp", examples=100, schedule="levels", levels=[0.5]}'],
        ['pruning={criterion="synflow", passes=10, scope="global", schedule="one-shot"}'],
        [
            'pruning={schedule="threshold", threshold=0.5, rates={output=0.2}, rounds=2}',
            "model.dropout=0.2",
        ],
        ['pruning={criterion="neurons", rate=0.2, rounds=2}'],
        ['pruning={criterion="random", scope="erk", schedule="exponential", rounds=2, rates={output=0.2}}'],
    ],
    ids=lambda changes: changes[0] + "," + changes[-1] if len(changes) > 1 else changes[0],
)
def test_every_way_of_pruning_resumes_to_the_same_bytes(
    changes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def written(points: list[FrontierPoint], path: Path, **titles: str) -> None:
        path.write_text(f"{points} {titles}")  # what the picture would show

    monkeypatch.setattr(pruning_run, "draw_frontier", written)
    common = [
        "training.iterations=20",
        "training.measure_every=10",
        "pruning.rounds=2",
        "pruning.controls=[]",
        "pruning.control_rounds=[]",
    ]
    options = [part for change in [*common, *changes] for part in ("--set", change)]
    assert run(tmp_path, "whole", *options) == 0
    found = rows(tmp_path / "whole" / "metrics.csv")
    assert int(found[-1]["weights"]) < int(found[0]["weights"])
    settings = api.read_prune_config(tmp_path / "c.toml", [*common, *changes])
    asked = iter(range(1000))
    assert not api.prune(settings, run=tmp_path / "cut", stop=lambda: next(asked) == 3).finished
    resumed = api.resume(tmp_path / "cut")
    assert resumed.finished
    assert api.Run(resumed.folder).finished
    assert resumed.metrics["variant"].tolist() == [row["variant"] for row in found]
    assert resumed.metrics["test_accuracy"][-1] == float(found[-1]["test_accuracy"])
    with pytest.raises(BadInput, match="a pruning run, which has no front; its networks are in metrics"):
        resumed.front  # noqa: B018
    with pytest.raises(BadInput, match=r"generations: .*cut is a pruning run; this is for searches"):
        api.resume(tmp_path / "cut", generations=5)
    assert results_of(tmp_path / "cut") == results_of(tmp_path / "whole")


def test_lenet_5_goes_through_it_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On digits, each pixel four of them."""

    def load(part: str, given: Path | None) -> ImageSet:
        digits = DATA_SETS["digits"].load(part, given)[:150]
        wide = np.kron(digits.pixels().reshape(-1, 8, 8), np.ones((1, 2, 2), np.float32))
        return ImageSet(wide.reshape(-1, 256), digits.labels)

    monkeypatch.setitem(DATA_SETS, "mnist-16", replace(DATA_SETS["mnist-16"], load=load, validation=50))
    config = CONFIG.replace("hidden = [16, 12]", 'kind = "lenet-5"').replace('"digits"', '"mnist-16"')
    small = ["training.iterations=2", "training.measure_every=2", "pruning.rounds=1", "pruning.controls=[]"]
    options = [part for change in small for part in ("--set", change)]
    assert run(tmp_path, "run", *options, config=config) == 0
    row = rows(tmp_path / "run" / "metrics.csv")[-1]
    assert int(row["kept_conv2"]) == 15_000
    assert int(row["multiply_adds"]) > int(row["connections"])  # a kernel is used in many places


def test_without_pytorch_the_extra_is_named_and_nothing_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("wann.pruning")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert run(tmp_path, "r") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "pip install 'wann[torch]'" in said
    assert not (tmp_path / "r").exists()


BAD: Final = {
    "a layer that does not exist": (["pruning.rates={hiden1=0.1}"], ["hiden1", "did you mean hidden1"]),
    "a sparsity of one": (
        ["pruning={schedule='one-shot', sparsity=1.0}"],
        ["pruning.sparsity", "less than 1"],
    ),
    "a negative sparsity": (
        ["pruning={schedule='cubic', sparsity=-0.1}"],
        ["pruning.sparsity", "greater than or equal to 0"],
    ),
    "a level of one": (
        ["pruning={schedule='levels', levels=[1.0]}"],
        ["pruning.levels.0", "less than 1"],
    ),
    "no levels": (["pruning={schedule='levels'}"], ["pruning.levels", "required"]),
    "a layer's rate of one": (["pruning.rates={output=1.0}"], ["pruning.rates.output", "less than 1"]),
    "a rate of another schedule": (
        ["pruning.schedule=levels", "pruning.levels=[0.5]"],
        ["pruning.rate", "unknown key of schedule levels; it is for schedule iterative"],
    ),
    "nothing left in a layer": (
        ["pruning.rates={output=0.99}"],
        ["layer output", "round 2", "pruning.collapse"],
    ),
    "an unknown criterion": (["pruning.criterion=magic"], ["'magic'", "magnitude", "synflow"]),
    "an unknown scope": (["pruning.scope=planet"], ["'planet'", "global", "erk"]),
    "rates of a global scope": (["pruning.scope=global"], ["rates", "scope 'layer'"]),
    "a threshold of magnitudes": (
        ["pruning={schedule='threshold', criterion='magnitude'}"],
        ["pruning.criterion", "'deviation'", "found 'magnitude'"],
    ),
    "a step behind the end": (["pruning.rewind=step", "pruning.step=120"], ["pruning.step 120", "below 120"]),
    "neurons by levels": (
        ["pruning={criterion='neurons', schedule='levels', levels=[0.5]}"],
        ["neurons"],
    ),
    "neurons by ERK": (
        ["pruning.criterion=neurons", "pruning.rates={}", "pruning.scope=erk"],
        ["pruning.scope", "'erk'"],
    ),
    "rates of output neurons": (
        ["pruning.criterion=neurons"],
        ["no layer 'output'", "there are hidden1, hidden2"],
    ),
    "rates of levels": (
        ["pruning={schedule='levels', levels=[0.5], rates={output=0.1}}"],
        ["pruning.rates", "unknown key of schedule levels"],
    ),
    "an unknown key": (["pruning.criterio=snip"], ["pruning.criterio", "did you mean pruning.criterion"]),
    "an unknown set": (["data.name=letters"], ["'letters'", "mnist"]),
    "no such folder": (["data.name=mnist", "data.folder=/nowhere"], ["/nowhere/mnist"]),
    "too small an image": (["model.kind=lenet-5"], ["lenet-5", "8 x 8"]),
    "a search's configuration": (["kind=search"], ["kind", "'prune'"]),
    "no iterations": (["training.iterations=0"], ["training.iterations"]),
    "an endless rate": (["training.rate=inf"], ["training.rate"]),
}


@pytest.mark.parametrize(("changes", "says"), BAD.values(), ids=BAD)
def test_what_cannot_be_pruned_is_refused_in_one_sentence_with_nothing_written(
    changes: list[str], says: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [part for change in changes for part in ("--set", change)]
    assert run(tmp_path, "run", *options) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    for words in says:
        assert words in said
    assert not (tmp_path / "run").exists()


def test_a_training_that_diverges_is_said_and_leaves_no_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = ["training.optimizer=sgd", "training.rate=100.0", "training.weight_decay=1.0"]
    assert run(tmp_path, "run", *(part for change in changes for part in ("--set", change))) == 2
    assert "lower training.rate" in capsys.readouterr().err
    assert not (tmp_path / "run" / "metrics.csv").exists()


def test_a_layer_that_is_emptied_by_scores_is_said_and_whole_rounds_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = CONFIG.replace(
        "rate = 0.4\nrates = { output = 0.2 }\nrounds = 3",
        'scope = "global"\nschedule = "levels"\nlevels = [0.5, 0.999]',
    )
    assert run(tmp_path, "run", config=config) == 2
    assert "nothing would be left in layer" in capsys.readouterr().err
    assert [row["round"] for row in rows(tmp_path / "run" / "metrics.csv")] == ["0", "1"]


def test_a_damaged_run_is_refused(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shutil.copytree(whole, tmp_path / "run")
    for path in (folder / "checkpoints").glob("*.npz"):
        path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(SystemExit) as ended:
        main(["resume", str(folder)])
    assert ended.value.code == 2
    assert "damaged checkpoint" in capsys.readouterr().err


def test_a_checkpoint_of_another_network_is_refused(
    whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = shutil.copytree(whole, tmp_path / "run")
    config = folder / "config.toml"
    text = config.read_text()
    assert "16,\n" in text
    config.write_text(text.replace("16,\n", "17,\n"))
    with pytest.raises(SystemExit) as ended:
        main(["resume", str(folder)])
    assert ended.value.code == 2
    assert "a mask of another network" in capsys.readouterr().err


PRESETS: Final = Path(__file__).parents[2] / "configs" / "prune"
METHODS: Final = ("lottery-ticket", "han", "learning-rate-rewinding", "obd", "snip", "grasp", "synflow")


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("network", "weights"), [("lenet-300-100", 266_200), ("lenet-5", 430_500)])
def test_every_method_has_a_preset_for_both_networks(network: str, weights: int, method: str) -> None:
    settings = api.read_prune_config(PRESETS / network / f"{method}.toml")
    assert settings.data.name == "mnist"
    model = make_model(settings.model, 28, 10, np.random.default_rng(0))
    assert Mask.dense(model).total == weights
    few = Examples(torch.rand(20, 784), torch.arange(20) % 10)
    iteration = Iteration(
        model, settings.pruning, settings.training, few, few, 0
    )  # the layers that it names exist
    assert len(iteration.remaining) > 1


def test_the_fashion_preset_has_the_published_network() -> None:
    settings = api.read_prune_config(PRESETS / "fashion-mnist.toml")
    assert (settings.data.name, settings.model.hidden) == ("fashion-mnist", (300, 150))
    assert (settings.training.optimizer, settings.pruning.criterion) == ("sgd", "neurons")


def test_the_ticket_preset_has_the_published_settings() -> None:
    settings = api.read_prune_config(PRESETS / "lenet-300-100" / "lottery-ticket.toml")
    assert (settings.training.optimizer, settings.training.rate, settings.training.batch) == (
        "adam",
        1.2e-3,
        60,
    )
    assert settings.training.iterations == 50_000
    assert settings.model.initialisation == "glorot-normal"
    plan = settings.pruning
    assert isinstance(plan, IterativePlan)
    assert (plan.rate, plan.rates, plan.scope, plan.rewind) == (0.2, {"output": 0.1}, "layer", "initial")
    kept = sum(
        round(size * plan.density(15, plan.rates.get(layer)))
        for layer, size in (("hidden1", 235_200), ("hidden2", 30_000), ("output", 1000))
    )
    assert kept == 9_537  # 3.6 %
