"""Pruned and evolved networks on one frontier."""

from __future__ import annotations

import csv
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pytest

import wann
from wann import api
from wann.cli import main
from wann.comparison import Entry, Family
from wann.comparison.entries import averaged
from wann.comparison.frontier import frontier
from wann.network import Network

Compared = dict[tuple[str, str], Entry]
CONFIG: Final = """\
kind = "prune"
[data]
name = "digits"
[model]
hidden = [16]
[training]
rate = 0.01
batch = 50
iterations = 80
measure_every = 40
[pruning]
rate = 0.5
rounds = 2
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seeds of one pruning, a small dense network, and an evolved network."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "c.toml").write_text(CONFIG)
    for seed in (0, 1):
        api.prune(api.read_prune_config(folder / "c.toml", seed=seed), run=folder / f"pruned-{seed}")
    small = api.read_prune_config(folder / "c.toml", ["pruning.rounds=0", "model.hidden=[2]"])
    api.prune(small, run=folder / "small")
    rng = np.random.default_rng(3)
    # Bias, input 1 to hidden 75 to output 65; input 2 to an output; a hidden node 76 that leads nowhere.
    source = np.array([0, 1, 75, 2, 3, *rng.choice(np.arange(4, 65), 20, replace=False)])
    target = np.array([75, 75, 65, 66, 76, *rng.integers(65, 75, 20)])
    wann.save(
        Network(64, 10, np.full(12, 9, np.int8), source, target, task="digits"), folder / "evolved.json"
    )
    return folder


@pytest.fixture(scope="module")
def compared(runs: Path) -> Compared:
    """All of them on one frontier, by family and step."""
    paths = [runs / name for name in ("pruned-0", "pruned-1", "small", "evolved.json")]
    entries = frontier(paths, runs / "f")
    compared = {(str(entry.family), entry.step): entry for entry in entries}
    assert len(compared) == len(entries)
    return compared


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "frontier.csv").open() as file:
        return list(csv.DictReader(file))


def test_seeds_are_averaged_and_families_kept_apart(runs: Path, compared: Compared) -> None:
    pruned = compared["magnitude, initial weights, 16", "round 2"]
    tables = []
    for seed in (0, 1):
        with (runs / f"pruned-{seed}" / "metrics.csv").open() as file:
            tables.append(list(csv.DictReader(file))[2])
    accuracy = [float(table["test_accuracy"]) for table in tables]
    assert pruned.seeds == 2
    assert pruned.accuracy == pytest.approx(np.mean(accuracy))
    assert pruned.std == pytest.approx(np.std(accuracy, ddof=1))
    assert pruned.connections == np.mean([float(table["connections"]) for table in tables])
    assert compared["small dense networks", "148 weights"].connections == 148
    assert {family for family, _ in compared} >= {
        "dense 16",
        "magnitude, initial weights, 16: mean over shared weights",
        "logistic regression, L1",
        "evolved: mean over shared weights",
        "evolved: best shared weight",
        "evolved: ensemble",
    }
    assert (runs / "f" / "frontier-digits.svg").read_text().startswith("<?xml")
    assert len(rows(runs / "f")) == len(compared)


def test_dead_connections_and_biases_are_counted_apart(runs: Path, tmp_path: Path) -> None:
    (evolved, *_) = frontier([runs / "evolved.json"], tmp_path, logistic=False, trained=False)
    # Of 25 one leads nowhere and one is a bias; the other 23 are on a path.
    assert (evolved.connections, evolved.biases) == (23, 1)
    assert evolved.weight_bits == 32


def test_a_shared_weight_scores_what_evaluate_says(runs: Path, compared: Compared) -> None:
    network = wann.load(runs / "evolved.json")
    evolved = {entry.family.condition: entry for entry in compared.values() if entry.family.kind == "evolved"}
    assert set(evolved) == {"shared", "tuned-shared", "ensemble", "tuned"}
    for condition in ("shared", "tuned-shared", "ensemble"):
        (score,) = wann.evaluate(network, condition=condition)
        assert evolved[condition].accuracy == getattr(score, "accuracy", None)


def test_a_trained_champion_is_better_and_has_as_many_weights_as_connections(
    compared: Compared,
) -> None:
    trained = next(entry for entry in compared.values() if str(entry.family) == "evolved: trained")
    shared = next(entry for entry in compared.values() if str(entry.family) == "evolved: best shared weight")
    assert trained.accuracy > shared.accuracy
    assert trained.weight_values == trained.connections


def test_other_settings_are_another_line(runs: Path, tmp_path: Path) -> None:
    settings = api.read_prune_config(runs / "c.toml", ["training.iterations=40"])
    api.prune(settings, run=tmp_path / "short")
    entries = frontier([runs / "pruned-0", tmp_path / "short"], tmp_path / "f", logistic=False, trained=False)
    families = {str(entry.family) for entry in entries if entry.step == "round 1"}
    assert families >= {"magnitude, initial weights, 16", "magnitude, initial weights, 16 (2)"}
    drawn = (tmp_path / "f" / "frontier-digits.svg").read_text()
    assert "mean over shared weights (2)" in drawn
    assert "best shared weight" not in drawn, "of pruned networks the mean alone is drawn"


def test_a_family_is_written_in_one_way() -> None:
    pruned = Family("pruned", "SNIP, before training, LeNet-5")
    assert str(pruned) == "SNIP, before training, LeNet-5"
    assert (
        str(replace(pruned, control="shuffled", number=2)) == "SNIP, before training, LeNet-5: shuffled (2)"
    )
    assert str(replace(pruned, condition="ensemble")) == "SNIP, before training, LeNet-5: ensemble"
    assert str(Family("dense", "300-100", settings="{}")) == "dense 300-100"


def test_families_of_other_settings_are_numbered_and_never_averaged() -> None:
    entry = Entry("digits", Family("dense", "2", settings="a"), "round 0", 148, 12, 0.5, 148, 148, 9, 1.0)
    other = replace(entry, family=Family("dense", "2", settings="b"), accuracy=0.75)
    entries = averaged([entry, other, replace(entry, accuracy=1.0)])
    assert [str(each.family) for each in entries] == ["dense 2", "dense 2 (2)"]
    assert [(each.seeds, each.accuracy, each.weight_bits) for each in entries] == [
        (2, 0.75, 32 * 148),
        (1, 0.75, 32 * 148),
    ]
    assert [each.std for each in entries] == [pytest.approx(0.5**0.5 / 2), 0.0]


def test_the_command_prints_a_table(runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["frontier", str(runs / "pruned-0"), "-o", str(tmp_path / "f"), "--no-logistic", "--no-trained"])
    assert not ended.value.code
    said = capsys.readouterr()
    assert "magnitude, initial weights, 16" in said.out
    assert "frontier-digits.svg" in said.out


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["nothing"], "nothing"),
        (["c.toml"], "c.toml"),
        (["control.json"], "wann/CartPoleSwingUp-v0 is no set of images"),
        (["half"], "an incomplete pruning run"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    names: list[str], says: str, runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(runs / "pruned-0", tmp_path / "half")
    (tmp_path / "half" / "timing.csv").write_text("round,variant,seconds\n")
    shutil.copy(runs / "c.toml", tmp_path / "c.toml")
    network = Network(5, 1, np.ones(1, np.int8), np.array([1]), np.array([6]), task="wann/CartPoleSwingUp-v0")
    wann.save(network, tmp_path / "control.json")
    with pytest.raises(SystemExit) as ended:
        main(
            [
                "frontier",
                *(str(tmp_path / name) for name in names),
                "-o",
                str(tmp_path / "f"),
                "--no-logistic",
            ]
        )
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.strip().splitlines()[-1].startswith("wann: ")
    assert says in said
    assert not (tmp_path / "f").exists()
