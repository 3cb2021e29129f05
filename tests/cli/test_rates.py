"""A policy is searched for, chooses a sparsity for each layer, and pruning takes what it chose."""

from __future__ import annotations

import csv
import json
import shutil
import sys
import tomllib
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

import wann
from tests.cli.test_bad_input import refused
from wann import api
from wann.assessment import TUNED_OVER
from wann.cli import main
from wann.errors import BadInput
from wann.pruning import make_compression
from wann.tasks import DATA_SETS, names_of

pytestmark = pytest.mark.usefixtures("_forked", "_no_report", "_digits")

TRAINING: Final = {"iterations": 150, "measure_every": 50, "rate": 0.01}
KWARGS: Final[dict[str, Any]] = {
    "model": {"hidden": [16, 12]},
    "data": "digits",
    "training": TRAINING,
    "sparsity": 0.7,
    "images": 200,
}
SEARCH: Final[dict[str, Any]] = {
    "task": {"id": "wann/LayerSparsity-v0", "episodes": 1, "redraw_every": 1000, "kwargs": KWARGS},
    "search": {"population": 12, "generations": 3, "tournament": 2, "champion_episodes": 1},
    "backend": {"workers": 1},
}
PRUNE: Final = """\
kind = "prune"
[data]
name = "digits"
[model]
hidden = [16, 12]
[training]
iterations = 150
measure_every = 50
rate = 0.01
[pruning]
criterion = "magnitude"
schedule = "one-shot"
rewind = "none"
[pruning.retrain]
iterations = 10
"""
MODULE: Final = "networks_of_mine"
SOURCE: Final = """\
from torch import nn


def small():
    return nn.Sequential(nn.Linear(64, 9), nn.Tanh(), nn.Linear(9, 10))


class Summed(nn.Module):
    def __init__(self):
        super().__init__()
        self.enter = nn.Linear(64, 12)
        self.leave = nn.Linear(12, 10)

    def forward(self, images):
        values = self.enter(images)
        return self.leave(values + values.sin())
"""


@pytest.fixture(scope="module")
def _digits(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The digits are read once, and the user's cache is left alone."""
    digits = DATA_SETS["digits"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(DATA_SETS, "digits", replace(digits, load=cache(digits.load)))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, _digits: None) -> Path:
    """A run that found a policy."""
    folder = tmp_path_factory.mktemp("found")
    (folder / f"{MODULE}.py").write_text(SOURCE)
    make_compression(**KWARGS)  # trained before a worker has to
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert api.search(SEARCH, run=folder / "run", progress=False).finished
    return folder


@pytest.fixture
def here(found: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the champion, a configuration of pruning and networks of one's own."""
    shutil.copy(found / "run" / "champion.json", tmp_path / "champion.json")
    shutil.copy(found / f"{MODULE}.py", tmp_path)
    (tmp_path / "c.toml").write_text(PRUNE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop(MODULE, None)
    return tmp_path


def ran(command: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(command.split())
    assert not ended.value.code, command


def test_what_a_policy_chooses_is_what_pruning_removes(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran("rates champion.json --weight 1.5 -o rates.toml")
    said = capsys.readouterr().out
    chosen = api.rates(api.load("champion.json"), weight=1.5)
    written = tomllib.loads((here / "rates.toml").read_text())
    assert written == {"kind": "rates", "remove": "weights", "rates": chosen.rates.rates}
    assert f"{chosen.weights:,} weights" in said
    assert f"validation accuracy {chosen.accuracy:.4f}" in said
    ran("prune c.toml --rates rates.toml --run pruned --quiet")
    with (here / "pruned" / "metrics.csv").open() as file:
        dense, pruned = csv.DictReader(file)
    assert int(pruned["weights"]) == chosen.weights <= 0.3 * int(dense["weights"])
    compression = make_compression(**KWARGS)
    kept = [int(pruned[f"kept_{layer.name}"]) for layer in compression.layers]
    assert compression.rates(kept) == pytest.approx(chosen.rates.rates)
    assert compression.judge(kept).accuracy == chosen.accuracy
    # The run has the same dense network, and its mask is what the policy was judged by.
    assert (here / "pruned" / "rounds" / "01-pruned" / "mask.npz").read_bytes() == compression.mask(
        kept
    ).to_bytes()


def test_without_a_weight_the_best_on_validation_images_is_taken(here: Path) -> None:
    network = api.load("champion.json")
    chosen = wann.rates(network)
    accuracies = [wann.rates(network, weight=float(weight)).accuracy for weight in TUNED_OVER[::8]]
    assert chosen.accuracy >= max(accuracies)
    assert chosen.weight in TUNED_OVER
    assert wann.rates(network, weight=chosen.weight).accuracy == chosen.accuracy
    tuned = replace(network, shared_weight=0.75)
    assert wann.rates(tuned).weight == 0.75
    assert wann.rates(tuned).rates == wann.rates(network, weight=0.75).rates


def test_a_policy_compresses_another_network_to_another_budget(here: Path) -> None:
    ran(f"rates champion.json --set model={MODULE}:small --set sparsity=0.5 --weight 1 -o rates.toml")
    rates = tomllib.loads((here / "rates.toml").read_text())["rates"]
    assert rates.keys() == {"0", "2"}
    left = sum(round((1 - rate) * {"0": 576, "2": 90}[name]) for name, rate in rates.items())
    assert left <= 0.5 * 666
    ran(f"prune c.toml --set model.kind={MODULE}:small --rates rates.toml --run pruned --quiet")


def test_units_are_removed_by_rates_of_units(here: Path) -> None:
    ran("rates champion.json --set remove=units --set budget=flops --weight 1 -o rates.toml")
    written = tomllib.loads((here / "rates.toml").read_text())
    assert (written["remove"], written["rates"].keys()) == ("units", {"hidden1", "hidden2"})
    change = "pruning={criterion='neurons',schedule='one-shot',rewind='none'}"
    ran(f"prune c.toml --set {change} --rates rates.toml --run pruned --quiet --set training.iterations=50")
    with (here / "pruned" / "metrics.csv").open() as file:
        _, pruned = csv.DictReader(file)
    totals = {"hidden1": 16, "hidden2": 12}
    units = {name: round((1 - rate) * totals[name]) for name, rate in written["rates"].items()}
    one, two = units["hidden1"], units["hidden2"]
    assert int(pruned["weights"]) == 64 * one + one * two + two * 10


def test_a_network_that_is_no_sequence_is_pruned_too(here: Path) -> None:
    kind = f"--set model.kind={MODULE}:Summed"
    (here / "rates.toml").write_text("kind = 'rates'\n[rates]\nenter = 0.5\nleave = 0.25\n")
    ran(f"prune c.toml {kind} --rates rates.toml --run pruned --quiet")
    with (here / "pruned" / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["weights"]) for row in rows] == [888, 384 + 90]
    assert "csr_bytes" not in rows[0]
    assert not (here / "pruned" / "rounds" / "01-pruned" / "sparse.npz").exists()


def test_no_file_chooses_the_module_that_makes_a_network(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads((here / "champion.json").read_text())
    document["interface"]["kwargs"]["model"] = f"{MODULE}:small"
    (here / "strange.json").write_text(json.dumps(document))
    for command in (
        "rates strange.json --weight 1 -o r.toml",
        "evaluate strange.json --weight 1 --episodes 1",
    ):
        refused(command.split(), capsys, f"--trust {MODULE}: not a trusted module", f"{MODULE}:small")
        assert MODULE not in sys.modules
        ran(f"{command} --trust {MODULE}")
        capsys.readouterr()
        sys.modules.pop(MODULE, None)
        make_compression.__globals__["_made"].cache_clear()
    ran(f"prune c.toml --set model.kind={MODULE}:small --run pruned --quiet --set training.iterations=20")
    capsys.readouterr()
    sys.modules.pop(MODULE)
    refused(["resume", "pruned"], capsys, "pruned/config.toml", f"--trust {MODULE}")
    assert MODULE not in sys.modules
    ran(f"resume pruned --trust {MODULE} --quiet")


BAD: Final = {
    "a policy of another environment": (
        "rates pole.json -o r.toml",
        ("NETWORK: a policy for CartPole-v1; accepted are those for wann/LayerSparsity-v0",),
    ),
    "a policy with other inputs": (
        "rates narrow.json -o r.toml",
        ("narrow.json", "observation has 11 numbers, which do not fit 10 inputs"),
    ),
    "a budget that cannot be met": (
        "rates champion.json --set sparsity=0.99 -o r.toml",
        ("sparsity: 0.99 cannot be met", "a sparsity of 0.98 in every layer removes"),
    ),
    "an unknown key": ("rates champion.json --set sparsty=0.9 -o r.toml", ("--set sparsty", "did you mean")),
    "a network without layers": (
        "rates champion.json --set model=torch.nn:Identity -o r.toml",
        ("Identity has no Linear or Conv2d layer",),
    ),
    "units of no sequence": (
        f"rates champion.json --set model={MODULE}:Summed --set remove=units -o r.toml",
        ("Summed", "only layers in torch.nn.Sequential"),
    ),
    "rates of another network": (
        "prune c.toml --rates other.toml --run r",
        ("other.toml: the rates of another network: it names conv1", "hidden1, hidden2, output"),
    ),
    "rates of some layers": (
        "prune c.toml --rates some.toml --run r",
        ("some.toml: the rates of another network: it does not name hidden2",),
    ),
    "rates of units for weights": (
        "prune c.toml --rates units.toml --run r",
        ("units.toml", "final sparsities of units", "criterion neurons", "found magnitude and one-shot"),
    ),
    "rates for rounds": (
        "prune c.toml --set pruning={} --rates whole.toml --run r",
        ("whole.toml", "schedule one-shot, exponential or cubic, found magnitude and iterative"),
    ),
    "a rate of one": ("prune c.toml --rates one.toml --run r", ("one.toml: rates.output", "less than 1")),
    "no rates": ("prune c.toml --rates c.toml --run r", ("c.toml", "unknown key")),
    "no such file": ("prune c.toml --rates nowhere.toml --run r", ("nowhere.toml", "No such file")),
    "rates of a network": (
        "prune champion.json --rates whole.toml -o o.json",
        ("--rates does not go with it", "champion.json is a network"),
    ),
    "an environment that cannot be met": (
        "search amc/lenet-5 --run r --set task.kwargs.data=digits --set task.kwargs.model=torch.nn:Identity",
        ("wann/LayerSparsity-v0 cannot be made", "Identity has no Linear or Conv2d layer"),
    ),
}


@pytest.mark.parametrize(("command", "says"), BAD.values(), ids=BAD)
def test_what_does_not_fit_is_refused_in_one_sentence(
    command: str, says: tuple[str, ...], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads((here / "champion.json").read_text())
    (here / "pole.json").write_text(json.dumps({**document, "task": "CartPole-v1"}))
    narrow = {**document, "interface": {**document["interface"], "observe": list(range(10))}}
    narrow["inputs"] = 10
    narrow["nodes"] = [{"id": 0, "kind": "bias", "activation": "linear"}]
    narrow["nodes"] += [{"id": place, "kind": "input", "activation": "linear"} for place in range(1, 11)]
    narrow["nodes"] += [{"id": 11, "kind": "output", "activation": "linear"}]
    narrow["connections"] = [{"source": 1, "target": 11}]
    del narrow["interface"]["observe"]
    (here / "narrow.json").write_text(json.dumps(narrow))
    whole = "hidden1 = 0.5\nhidden2 = 0.5\noutput = 0.5\n"
    (here / "whole.toml").write_text(f"kind = 'rates'\n[rates]\n{whole}")
    (here / "one.toml").write_text(
        f"kind = 'rates'\n[rates]\n{whole.replace('output = 0.5', 'output = 1.0')}"
    )
    (here / "some.toml").write_text("kind = 'rates'\n[rates]\nhidden1 = 0.5\noutput = 0.5\n")
    (here / "other.toml").write_text(f"kind = 'rates'\n[rates]\nconv1 = 0.5\n{whole}")
    (here / "units.toml").write_text(
        "kind = 'rates'\nremove = 'units'\n[rates]\nhidden1 = 0.5\nhidden2 = 0.5\n"
    )
    before = {path.name for path in here.iterdir()}
    refused(command.split(), capsys, *says)
    assert {path.name for path in here.iterdir()} - {"__pycache__"} == before


def test_a_picture_of_a_policy_trains_no_network(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wann.pruning.compression.trained_weights", None)
    document = json.loads((here / "champion.json").read_text())
    document["interface"]["kwargs"]["seed"] = 12345
    (here / "other.json").write_text(json.dumps(document))
    assert names_of("wann/LayerSparsity-v0", api.load("other.json").interface)[0][-1] == "last sparsity"
    ran("show other.json -o policy.svg")


def test_rates_in_python_are_refused_likewise(here: Path) -> None:
    with pytest.raises(BadInput, match=r"^network: a policy for CartPole-v1"):
        wann.rates(replace(api.load("champion.json"), task="CartPole-v1"))
