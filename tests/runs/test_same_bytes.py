"""Same seed, same bytes; nothing lost: whatever interrupts a search, resuming ends where it would have."""

from __future__ import annotations

import errno
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wann import api
from wann.cli import main
from wann.errors import BadInput, Failure
from wann.evaluation import ProcessEvaluator
from wann.experiment import Config, parse_config
from wann.runs import RunFolder
from wann.settings import render_settings

pytestmark = pytest.mark.usefixtures("_no_report")

GENERATIONS = 12
DOCUMENT: dict[str, Any] = {
    "seed": 5,
    "task": {"id": "wann/CartPoleSwingUp-v0", "episodes": 2, "episode_limit": 60},
    "weights": {"values": [-1.0, 0.5, 1.5]},
    "search": {"population": 24, "generations": GENERATIONS, "tournament": 3, "champion_episodes": 2},
    "mutation": {"disable_connection": 0.05, "duplicate_node": 0.1},
    "backend": {"workers": 1},
}


@pytest.fixture(autouse=True)
def _checkpoint_after_every_generation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wann.experiment.run.CHECKPOINT_SECONDS", 0)


def config(**changes: Any) -> Config:
    document = {name: dict(table) if isinstance(table, dict) else table for name, table in DOCUMENT.items()}
    for key, value in changes.items():
        table, _, name = key.partition("_")
        document[table][name] = value
    return parse_config(document)


def after(generations: int) -> Callable[[], bool]:
    """A question that is answered yes when so many generations are done."""
    asked = iter(range(10**6))
    return lambda: next(asked) >= generations


def result(run: Path) -> tuple[bytes, bytes]:
    """What must not depend on anything but configuration and seed."""
    return (run / "metrics.csv").read_bytes(), (run / "champion.json").read_bytes()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, _no_report: None) -> Path:
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    assert api.search(config(), run=run).finished
    return run


def test_a_search_writes_a_row_for_each_generation_and_a_champion(undisturbed: Path) -> None:
    metrics, champion = result(undisturbed)
    rows = metrics.decode().splitlines()
    assert len(rows) == 1 + GENERATIONS
    assert [row.partition(",")[0] for row in rows[1:]] == [str(number) for number in range(GENERATIONS)]
    assert champion.startswith(b"{")
    assert api.load(undisturbed).task == DOCUMENT["task"]["id"]


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_the_number_of_threads_shows_in_no_byte(workers: int, undisturbed: Path, tmp_path: Path) -> None:
    assert api.search(config(backend_workers=workers), run=tmp_path / "run").finished
    assert result(tmp_path / "run") == result(undisturbed)


def test_another_seed_gives_other_bytes(undisturbed: Path, tmp_path: Path) -> None:
    assert api.search(config().changed(seed=6), run=tmp_path / "run").finished
    assert result(tmp_path / "run")[0] != result(undisturbed)[0]


@pytest.mark.parametrize("memory", [1, 64])
def test_a_search_on_images_is_resumed_likewise_whatever_its_memory(memory: int, tmp_path: Path) -> None:
    document = DOCUMENT | {"task": {"id": "digits", "episodes": 1, "images": 90, "redraw_every": 2}}
    document |= {"search": DOCUMENT["search"] | {"most_connections": 330}}
    whole = parse_config(document)
    cut = whole.changed(task=whole.task.changed(memory=memory), backend=whole.backend.changed(workers=2))
    assert api.search(whole, run=tmp_path / "whole").finished
    assert not api.search(cut, run=tmp_path / "cut", stop=after(5)).finished
    assert api.resume(tmp_path / "cut").finished
    assert result(tmp_path / "cut") == result(tmp_path / "whole")
    assert api.load(tmp_path / "cut").connections <= 330


@pytest.mark.parametrize("generation", [0, 1, 2, 7, GENERATIONS - 1])
def test_interrupted_and_resumed_is_as_if_undisturbed(
    generation: int, undisturbed: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert not api.search(config(), run=run, stop=after(generation)).finished
    assert (
        len(RunFolder(run).columns(run / "metrics.csv")["generation"]) == generation if generation else True
    )
    assert api.resume(run).finished
    assert result(run) == result(undisturbed)


def test_a_search_may_be_interrupted_after_every_single_generation(undisturbed: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    done = api.search(config(), run=run, stop=after(1)).finished
    while not done:
        done = api.resume(run, stop=after(1), workers=2).finished
    assert result(run) == result(undisturbed)


def test_a_shorter_search_that_is_extended_ends_as_the_long_one(undisturbed: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert api.search(config(search_generations=5), run=run).finished
    assert api.resume(run, generations=GENERATIONS).finished
    assert result(run) == result(undisturbed)
    assert f"generations = {GENERATIONS}" in (run / "config.toml").read_text()
    # The front is that of the last generation.
    fronts = [
        {path.name: path.read_bytes() for path in (folder / "front").iterdir()}
        for folder in (run, undisturbed)
    ]
    assert fronts[0] == fronts[1]


def test_resuming_what_is_done_changes_nothing(undisturbed: Path, tmp_path: Path) -> None:
    run = shutil.copytree(undisturbed, tmp_path / "run")
    assert api.resume(run).finished
    assert result(run) == result(undisturbed)


def rows(run: Path) -> list[str]:
    return (run / "metrics.csv").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("setting", ["target", "patience"])
def test_a_search_that_ends_early_leaves_a_prefix_and_a_front_and_may_go_on(
    setting: str, undisturbed: Path, tmp_path: Path
) -> None:
    whole = rows(undisturbed)
    champions = [float(row.split(",")[whole[0].split(",").index("champion_mean")]) for row in whole[1:]]
    change = {"target": champions[2], "patience": 1}[setting]
    sentences: list[str] = []
    run = tmp_path / "run"
    settings = config(**{f"search_{setting}": change})
    assert not api.search(settings, run=run, stop=after(1)).finished
    assert api.resume(run, tell=sentences.append).finished
    short = rows(run)
    assert short == whole[: len(short)]
    assert 2 <= len(short) < len(whole)
    assert (run / "front" / "front.csv").exists()
    assert f"search.{setting}" in sentences[-1]
    assert api.resume(run).finished
    assert rows(run) == short  # it has ended
    assert api.resume(run, generations=GENERATIONS).finished
    assert result(run) == result(undisturbed)


def test_minutes_end_a_search_between_generations_and_it_can_be_resumed(
    undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10**6, 20))  # twenty seconds between two looks at it
    monkeypatch.setattr("wann.api._callbacks.monotonic", lambda: next(clock))
    run = tmp_path / "run"
    assert not api.search(config(), run=run, minutes=1).finished
    assert rows(run) == rows(undisturbed)[:4]
    assert not api.resume(run, minutes=1).finished
    assert rows(run) == rows(undisturbed)[:7]
    assert api.resume(run).finished
    assert result(run) == result(undisturbed)


def test_no_time_at_all_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"minutes: 0 is not above 0"):
        api.search(config(), run=tmp_path / "run", minutes=0)
    assert not (tmp_path / "run").exists()


def test_a_search_with_additions_is_resumed_likewise(tmp_path: Path) -> None:
    settings = config(mutation_repeat=0.5, mutation_duplicate_node=0.2, weights_sampling="stratified")
    assert api.search(settings, run=tmp_path / "whole").finished
    assert not api.search(settings, run=tmp_path / "run", stop=after(7)).finished
    assert api.resume(tmp_path / "run", workers=2).finished
    assert result(tmp_path / "run") == result(tmp_path / "whole")


@pytest.mark.parametrize("generation", [1, 4, 6, 9])
def test_a_search_with_several_beginnings_is_resumed_with_all_of_them(
    generation: int, tmp_path: Path
) -> None:
    document = DOCUMENT | {
        "weights": {"sampling": "stratified", "strata": 6, "own_episodes": True},
        "mutation": {"add_path": 0.3, "add_unit": 0.2, "change_gain": 0.3, "remove_node": 0.1, "repeat": 0.5},
        "search": DOCUMENT["search"]
        | {"beginnings": 4, "halve_every": 3, "candidates": 4, "utility_exponent": 4, "champion_episodes": 4}
        | {"initial_mutations": 3},
    }
    settings = parse_config(document)
    assert api.search(settings, run=tmp_path / "whole").finished
    assert not api.search(settings, run=tmp_path / "run", stop=after(generation)).finished
    assert api.resume(tmp_path / "run", workers=2).finished
    assert result(tmp_path / "run") == result(tmp_path / "whole")


RACING: dict[str, dict[str, Any]] = {
    "common episodes": {"weights": {"values": [-1.0, 0.5, 1.5, -2.0]}},
    "own episodes": {"weights": {"sampling": "stratified", "strata": 6, "own_episodes": True}},
    "images": {"task": {"id": "digits", "episodes": 2, "images": 60, "redraw_every": 2}}
    | {"weights": {"values": [-1.0, 0.5, 1.5, -2.0], "own_episodes": True}},
}


@pytest.fixture(scope="module", params=RACING)
def raced(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _no_report: None) -> Path:
    racing = {"racing": 3, "beginnings": 2, "halve_every": 5, "candidates": 2, "utility_exponent": 3}
    document = DOCUMENT | RACING[request.param] | {"search": DOCUMENT["search"] | racing}
    run = tmp_path_factory.mktemp("raced") / "run"
    assert api.search(parse_config(document), run=run).finished
    return run


@pytest.mark.parametrize("generation", [1, 6])
def test_a_race_is_resumed_likewise_with_any_number_of_threads(
    generation: int, raced: Path, tmp_path: Path
) -> None:
    run, settings = tmp_path / "run", api.read_config(raced / "config.toml")
    assert not api.search(settings, run=run, workers=4, stop=after(generation)).finished
    assert api.resume(run, workers=2).finished
    assert result(run) == result(raced)


@pytest.mark.usefixtures("_forked")
def test_processes_race_to_the_same_bytes(
    raced: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wann.api._search.make_evaluator", lambda task, *_: ProcessEvaluator(task, 2))
    assert api.search(api.read_config(raced / "config.toml"), run=tmp_path / "run").finished
    assert result(tmp_path / "run") == result(raced)


def test_the_table_of_a_race_counts_the_episodes_that_were_played(raced: Path) -> None:
    table = RunFolder(raced).columns(raced / "metrics.csv")
    pairs = 2 * api.read_config(raced / "config.toml").weights.count
    # 24 networks meet a quarter, 12 of them another quarter, 6 the rest, in each beginning.
    episodes = 24 * (pairs // 4) + 12 * (pairs // 4) + 6 * (pairs // 2)
    played = np.diff(np.concatenate([[0], np.array(table["evaluations"], np.int64)]))
    assert played.tolist() == [2 * episodes] * 5 + [episodes] * (GENERATIONS - 5)


def test_a_damaged_newest_checkpoint_costs_a_generation_and_nothing_else(
    undisturbed: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert not api.search(config(), run=run, stop=after(6)).finished
    older, newest = sorted((run / "checkpoints").glob("*.npz"))
    assert (older.stem, newest.stem) == ("00000005", "00000006")
    newest.write_bytes(newest.read_bytes()[:-9])
    assert api.resume(run).finished
    assert result(run) == result(undisturbed)


def test_what_a_killed_writer_left_behind_confuses_nobody(undisturbed: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert not api.search(config(), run=run, stop=after(4)).finished
    checkpoints = run / "checkpoints"
    (checkpoints / ".00000009.npz.123.tmp").write_bytes(b"half")
    (run / ".metrics.csv.123.tmp").write_bytes(b"half")
    (run / ".champion.json.123.tmp").write_bytes(b"half")
    with (run / "metrics.csv").open("ab") as file:  # rows beyond the checkpoint, the last one torn
        file.write(b"4,1,2,3,4,5,6,7,8,9,10\n5,1,2")
    with (run / "timing.csv").open("ab") as file:
        file.write(b"4,0.")
    assert api.resume(run).finished
    assert result(run) == result(undisturbed)
    assert len(RunFolder(run).columns(run / "timing.csv")["generation"]) == GENERATIONS


def test_without_any_checkpoint_a_search_begins_again(undisturbed: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert not api.search(config(), run=run, stop=after(3)).finished
    for path in (run / "checkpoints").iterdir():
        path.unlink()
    assert api.resume(run).finished
    assert result(run) == result(undisturbed)


def _full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_ends_in_one_sentence_and_leaves_the_last_checkpoint_whole(
    undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.toml").write_text(render_settings(config()), encoding="utf-8")
    assert not api.search(config(), run="run", stop=after(4)).finished
    before = {path.name: path.read_bytes() for path in Path("run/checkpoints").iterdir()}
    with monkeypatch.context() as patch:
        room = iter(range(3))  # for the two tables and the configuration that resuming writes
        real = os.fsync
        patch.setattr(os, "fsync", lambda number: real(number) if next(room, None) is not None else _full())
        with pytest.raises(SystemExit) as ending:
            main(["resume", "run"])
    assert ending.value.code == 1
    message = capsys.readouterr().err.splitlines()[-1]
    assert re.match(
        r"wann: run/\S+: cannot be written \(No space left on device\); free some space; ", message
    )
    assert "wann resume run" in message
    assert {path.name: path.read_bytes() for path in Path("run/checkpoints").iterdir()} == before
    assert not list(Path("run").rglob("*.tmp"))
    assert api.resume("run").finished
    assert result(Path("run")) == result(undisturbed)


def test_a_table_that_cannot_grow_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RunFolder, "metrics", property(lambda _: Path("/dev/full")))
    with pytest.raises(Failure, match=r"/dev/full: cannot be written \(No space left"):
        api.search(config(), run=tmp_path / "run")


# Processes of their own: killed or interrupted just before they do something to the run folder.

DRIVER = """\
import os, signal, sys
from pathlib import Path
import wann.api._search
import wann.experiment.run
from wann.cli import main
wann.experiment.run.CHECKPOINT_SECONDS = 0
wann.api._search.report_run = lambda *_: None
number, left = int(sys.argv[1]), int(sys.argv[2])

def watch(event, arguments):
    global left
    changes = event in ("os.rename", "os.remove", "os.mkdir") or (
        event == "open" and isinstance(arguments[0], str) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
    )
    if changes and "run" in Path(str(arguments[0])).parts:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), number)

sys.addaudithook(watch)
main(sys.argv[3:])
"""
LONG = 40
"""Generations that a killed search has: it does something to its folder about 300 times."""


def ended(how: signal.Signals, moment: int, *arguments: str, folder: Path) -> tuple[int, str]:
    """Run a command that a signal meets at this moment; its exit code and what it said."""
    command = [sys.executable, "-c", DRIVER, str(int(how)), str(moment), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.fixture(scope="module")
def long_undisturbed(tmp_path_factory: pytest.TempPathFactory, _no_report: None) -> Path:
    run = tmp_path_factory.mktemp("long") / "run"
    assert api.search(config(search_generations=LONG), run=run).finished
    return run


def newest_checkpoint(run: Path) -> Path:
    return max((run / "checkpoints").glob("*.npz"))


@pytest.mark.parametrize("kills", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_again_and_again_a_search_ends_where_it_would_have(
    kills: int, long_undisturbed: Path, tmp_path: Path
) -> None:
    moments = random.Random(kills)  # noqa: S311 - when to kill is no secret
    text = render_settings(config(search_generations=LONG))
    (tmp_path / "c.toml").write_text(text, encoding="utf-8")
    command = ["search", "c.toml", "--run", "run"]
    for _ in range(kills):
        moment = moments.randrange(10, 240 // kills)
        code, said = ended(signal.SIGKILL, moment, *command, folder=tmp_path)
        assert code == -signal.SIGKILL, said
        command = ["resume", "run"]
    assert api.resume(tmp_path / "run").finished
    assert result(tmp_path / "run") == result(long_undisturbed)


def test_ctrl_c_ends_with_130_and_a_checkpoint_to_go_on_from(long_undisturbed: Path, tmp_path: Path) -> None:
    text = render_settings(config(search_generations=LONG))
    (tmp_path / "c.toml").write_text(text, encoding="utf-8")
    code, said = ended(signal.SIGINT, 100, "search", "c.toml", "--run", "run", folder=tmp_path)
    assert code == 130, said
    assert "wann resume run" in said
    assert "Traceback" not in said
    done = len((tmp_path / "run" / "metrics.csv").read_bytes().splitlines()) - 1
    assert 0 < done < LONG
    assert int(newest_checkpoint(tmp_path / "run").stem) == done
    assert api.resume(tmp_path / "run").finished
    assert result(tmp_path / "run") == result(long_undisturbed)
