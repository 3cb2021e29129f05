"""A search that starts from a network: what its first population is, what it keeps, what it refuses."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import wann
from tests.runs.small import small_search
from wann import api
from wann.activations import BY_NAME
from wann.cli import main
from wann.errors import BadInput
from wann.evaluation import LocalEvaluator, ProcessEvaluator
from wann.experiment import Config, read_ancestor, start_search
from wann.network import Network
from wann.tasks import make_task

pytestmark = pytest.mark.usefixtures("_no_report")

SWING_UP = "wann/CartPoleSwingUp-v0"
FOUR_INPUTS: dict[str, Any] = {
    "inputs": 4,
    "source": np.array([0, 1, 3, 6, 7]),
    "target": np.array([6, 6, 7, 5, 5]),
}
FILES = ("metrics.csv", "champion.json", "ancestor.json")


def network(**changes: Any) -> Network:
    """Five inputs, one output, two hidden nodes, a weight for each of five connections."""
    hidden = [BY_NAME[name].id for name in ("linear", "relu", "step")]
    given: dict[str, Any] = {
        "inputs": 5,
        "outputs": 1,
        "activation": np.array(hidden, np.int8),
        "source": np.array([0, 1, 3, 7, 8]),
        "target": np.array([7, 7, 8, 6, 6]),
        "weights": np.array([0.5, -1.0, 2.0, 0.25, 3.0]),
        "task": SWING_UP,
    }
    return Network(**{**given, **changes})


@pytest.fixture
def start(tmp_path: Path) -> Path:
    wann.save(network(), tmp_path / "start.json")
    return tmp_path / "start.json"


def config(start: Path, **search: Any) -> Config:
    return small_search(seed_from=str(start), **search)


def kept(run: Path) -> list[bytes]:
    return [(run / name).read_bytes() for name in FILES]


def first_generation(config: Config, run: Path) -> list[Network]:
    """All networks of generation 0."""
    found: list[Network] = []

    def keep(state: wann.Progress) -> None:
        if not found:
            found.extend(state.network(index) for index in range(len(state.population)))

    api.search(config, run=run, callback=keep)
    return found


def structure(network: Network) -> tuple[Any, ...]:
    return network.source.tolist(), network.target.tolist(), network.activation.tolist()


def never_begun(run: Path) -> None:
    """Leave of a run what a process killed before its first checkpoint leaves."""
    for path in run.iterdir():
        if path.name == "checkpoints":
            shutil.rmtree(path)
        elif path.name not in ("config.toml", "ancestor.json"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_the_first_network_is_the_one_it_starts_from_and_others_are_its_mutants(
    start: Path, tmp_path: Path
) -> None:
    first, *others = first_generation(config(start, initial_mutations=3), tmp_path / "run")
    assert structure(first) == structure(network())
    assert first.weights is None
    assert sum(structure(other) != structure(first) for other in others) >= len(others) - 1
    assert len({repr(structure(other)) for other in others}) > len(others) // 2


def test_each_beginning_has_it(start: Path, tmp_path: Path) -> None:
    networks = first_generation(config(start, initial_mutations=3, beginnings=2), tmp_path / "run")
    assert len(networks) == 16
    assert structure(networks[0]) == structure(networks[8]) == structure(network())
    assert structure(networks[1]) != structure(networks[9])


def test_without_initial_mutations_all_are_it(start: Path, tmp_path: Path) -> None:
    networks = first_generation(config(start), tmp_path / "run")
    assert {repr(structure(one)) for one in networks} == {repr(structure(network()))}


def test_connections_that_lead_nowhere_stay(tmp_path: Path) -> None:
    dead = network(source=np.array([0, 1, 3, 7, 7]), target=np.array([7, 7, 8, 6, 8]))
    wann.save(dead, tmp_path / "dead.json")
    assert dead.effective_connections < dead.connections
    first, *_ = first_generation(config(tmp_path / "dead.json"), tmp_path / "run")
    assert structure(first) == structure(dead)


def test_the_run_keeps_a_copy_without_weights(start: Path, tmp_path: Path) -> None:
    api.search(config(start), run=tmp_path / "run")
    copy = wann.load(tmp_path / "run" / "ancestor.json")
    assert structure(copy) == structure(network())
    assert copy.weights is None
    assert copy.task == SWING_UP


def test_weights_of_the_file_show_in_no_byte(start: Path, tmp_path: Path) -> None:
    api.search(config(start), run=tmp_path / "one")
    wann.save(network(weights=np.zeros(5)), start)
    api.search(config(start), run=tmp_path / "other")
    assert kept(tmp_path / "one") == kept(tmp_path / "other")


@pytest.mark.usefixtures("_forked")
@pytest.mark.parametrize("elsewhere", [LocalEvaluator, ProcessEvaluator])
def test_the_bytes_are_the_same_wherever_it_runs(
    elsewhere: type[LocalEvaluator | ProcessEvaluator], start: Path, tmp_path: Path
) -> None:
    alone = config(start, initial_mutations=2)
    api.search(alone, run=tmp_path / "one")
    task = make_task(alone.task)
    with start_search(alone, tmp_path / "other", task) as experiment, elsewhere(task, 2) as evaluator:
        assert experiment.run(evaluator)
    assert kept(tmp_path / "one") == kept(tmp_path / "other")


@pytest.mark.parametrize("happens", [Path.unlink, lambda path: wann.save(network(**FOUR_INPUTS), path)])
def test_once_begun_it_needs_the_file_no_more(
    happens: Callable[[Path], None], start: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    api.search(config(start, initial_mutations=2), run=run)
    whole = kept(run)
    never_begun(run)
    happens(start)
    assert api.resume(run).finished
    assert kept(run) == whole


def test_a_copy_that_is_gone_or_changed_is_named(start: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    api.search(config(start), run=run)
    never_begun(run)
    wann.save(network(**FOUR_INPUTS), run / "ancestor.json")
    with pytest.raises(BadInput, match=r"run/ancestor\.json has 4 inputs and 1 outputs"):
        api.resume(run)
    (run / "ancestor.json").unlink()
    with pytest.raises(BadInput, match=r"search\.seed_from: .*run/ancestor\.json: no such file"):
        api.resume(run)


def test_a_run_is_as_good_as_its_champion(start: Path, tmp_path: Path) -> None:
    run = api.search(config(start, initial_mutations=2), run=tmp_path / "run")
    first, *_ = first_generation(config(run.folder), tmp_path / "next")
    assert structure(first) == structure(run.champion)


@pytest.mark.parametrize(
    ("change", "search", "says"),
    [
        ({}, {"most_connections": 4}, "has 5 connections, more than search.most_connections, 4"),
        (
            {},
            {"population": 10**6, "beginnings": 8},
            "has 5 connections, in a first population of 8,000,000 networks more than the 33,554,432",
        ),
        (FOUR_INPUTS, {}, "has 4 inputs and 1 outputs; the task needs 5 and 1"),
        (
            {"activation": np.array([1, 11, 11], np.int8)},
            {},
            "has hidden nodes of square; mutation.activations has linear, step, sin, gaussian, tanh, sigmoid",
        ),
    ],
)
def test_a_network_that_the_search_could_not_have_found_is_refused(
    change: dict[str, Any], search: dict[str, Any], says: str, start: Path, tmp_path: Path
) -> None:
    wann.save(network(**change), start)
    settings = config(start, **search)
    with pytest.raises(BadInput, match=re.escape(f"search.seed_from: {start} {says}")):
        read_ancestor(settings.search, settings.mutation, 5, 1)
    assert not (tmp_path / "run").exists()


def test_outputs_may_have_any_activation(start: Path) -> None:
    wann.save(network(activation=np.array([11, 9, 2], np.int8)), start)
    settings = config(start)
    found = read_ancestor(settings.search, settings.mutation, 5, 1)
    assert found is not None
    assert found.activation.tolist() == [11, 9, 2]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("nothing.json", None, "nothing.json: no such file; name a network JSON or a run folder"),
        ("start.json", "{}", "start.json: format: field required"),
        (".", None, ".: a folder without champion.json; name a network JSON or a run folder"),
    ],
)
def test_the_command_says_what_is_wrong_with_the_file(
    name: str,
    content: str | None,
    says: str,
    start: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(start.parent)
    if content is not None:
        start.write_text(content)
    with pytest.raises(SystemExit) as ended:
        main(["search", "swingup", "--run", "run", "--quiet", "--set", f"search.seed_from={name}"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith(f"wann: --set search.seed_from: {says}")
    assert not Path("run").exists()


def test_the_command_starts_from_it(start: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(start.parent)
    arguments = ["search.seed_from=start.json", "search.population=8", "search.beginnings=1"]
    arguments += ["search.generations=1", "search.most_connections=30", "task.episode_limit=10"]
    arguments += ["search.candidates=1", 'mutation.activations=["linear", "relu", "step"]']
    with pytest.raises(SystemExit) as ended:
        main(["search", "swingup", "--run", "run", "--quiet", *(f"--set={one}" for one in arguments)])
    assert not ended.value.code
    assert structure(wann.load("run/ancestor.json")) == structure(network())
    assert 'seed_from = "start.json"' in Path("run/config.toml").read_text()


def test_asking_and_telling_starts_from_it_too(start: Path) -> None:
    small = {"search.population": 4, "search.tournament": 2, "search.seed_from": start}
    search = wann.Search(5, 1, settings=small)
    assert {repr(structure(one)) for one in search.ask()} == {repr(structure(network()))}
    with pytest.raises(BadInput, match=r"has 5 inputs and 1 outputs; the task needs 3 and 1"):
        wann.Search(3, 1, settings=small)


def test_a_pruned_network_is_a_start(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    document = {
        "kind": "prune",
        "data": {"name": "digits"},
        "model": {"hidden": [8]},
        "training": {"rate": 0.01, "batch": 400, "iterations": 4, "measure_every": 2},
        "pruning": {"criterion": "magnitude", "schedule": "iterative", "rate": 0.9, "rounds": 1},
    }
    pruned = api.prune(api.read_prune_config(document), run=tmp_path / "pruned")
    (path,) = sorted(pruned.folder.glob("rounds/*-pruned/network.json"))
    live = wann.load(path)
    search = wann.Search(
        live.inputs,
        live.outputs,
        settings={"search.population": 4, "search.tournament": 2, "search.seed_from": path},
    )
    assert live.weights is not None
    assert {repr(structure(one)) for one in search.ask()} == {repr(structure(live))}
