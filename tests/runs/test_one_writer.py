"""A run folder has one writer at a time, a name of its own, and is never left as nobody can go on with it."""

from __future__ import annotations

import errno
import fcntl
import io
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest

from tests.runs.small import GENERATIONS, small_search
from wann import api
from wann.cli import main
from wann.experiment import load_config
from wann.pruning import record
from wann.runs import fresh_folder
from wann.settings import render_settings

pytestmark = pytest.mark.usefixtures("_no_report")

PRUNING: Final = """\
kind = "prune"
[data]
name = "digits"
[model]
hidden = [3]
[training]
batch = 500
iterations = 2
measure_every = 1
[pruning]
rate = 0.5
rounds = 2
controls = ["random"]
control_rounds = [2]
"""


@pytest.fixture(autouse=True)
def _as_little_as_possible(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("wann.experiment.run.CHECKPOINT_SECONDS", 0)
    monkeypatch.setattr(record, "latency", lambda *_: 0.0)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # of no account where the power stays
    Path("c.toml").write_text(render_settings(small_search()), encoding="utf-8")
    Path("p.toml").write_text(PRUNING, encoding="utf-8")


def ended(command: str) -> int:
    with pytest.raises(SystemExit) as ending:
        main(command.split())
    return int(ending.value.code or 0)


def metrics(run: str | Path) -> bytes:
    return Path(run, "metrics.csv").read_bytes()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, _no_report: None) -> Path:
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    assert api.search(small_search(), run=run).finished
    return run


# A second writer.


def intrude(
    commands: tuple[str, ...], said: list[str], capsys: pytest.CaptureFixture[str]
) -> Callable[..., None]:
    """Something to be called while a run goes on: it gives these commands, and notes what they say."""

    def come(*_: object) -> None:
        for command in commands:
            assert ended(command) == 2, command
            said.append(capsys.readouterr().err.splitlines()[-1])

    return come


def test_a_second_writer_is_refused_at_once(undisturbed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    come = intrude(("resume run", "search c.toml --run run"), said, capsys)
    stops = iter([False, True])
    assert not api.search(small_search(), run="run", callback=come, stop=lambda: next(stops)).finished
    assert api.resume("run", callback=come).finished
    assert len(said) == 2 * GENERATIONS
    held = f"wann: run: process {os.getpid()} on {os.uname().nodename} is writing there"
    assert [line.partition(";")[0] for line in said if "wann resume" not in line] == [held] * GENERATIONS
    assert metrics("run") == metrics(undisturbed)


def test_two_who_begin_in_one_folder_at_once_do_not_share_it(
    undisturbed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # The second comes when the first has the folder, and has not yet written anything.
    said: list[str] = []
    come = intrude(("search c.toml --run run", "prune p.toml --run run"), said, capsys)
    truncate = os.ftruncate

    def late(*arguments: Any) -> None:
        monkeypatch.setattr(os, "ftruncate", truncate)
        truncate(*arguments)
        come()

    monkeypatch.setattr(os, "ftruncate", late)
    assert api.search(small_search(), run="run").finished
    assert len(said) == 2
    assert all("run: another process is writing there" in line for line in said)
    assert metrics("run") == metrics(undisturbed)


def test_a_second_writer_of_a_pruning_run_is_refused_too(capsys: pytest.CaptureFixture[str]) -> None:
    said: list[str] = []
    come = intrude(("resume pruned", "prune p.toml --run pruned"), said, capsys)
    config = api.read_prune_config("p.toml")
    stops = iter([False, False, True])
    assert not api.prune(config, run="pruned", show=come, stop=lambda: next(stops)).finished
    assert api.resume("pruned", callback=come).finished
    assert len(said) > 4
    assert any(f"pruned: process {os.getpid()} " in line for line in said)
    assert api.prune(config, run="whole").finished
    assert metrics("pruned") == metrics("whole")


HOLDER: Final = """\
import sys
from pathlib import Path
from wann.runs import RunFolder
with RunFolder.existing(Path("run")).writing():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_lock_of_a_process_that_was_killed_is_gone(capsys: pytest.CaptureFixture[str]) -> None:
    assert not api.search(small_search(), run="run", stop=lambda: True).finished
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert ended("resume run") == 2
        assert f"run: process {holder.pid} on " in capsys.readouterr().err
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    assert ended("resume run") == 0


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_where_a_file_system_has_no_locks_that_is_said_and_the_work_goes_on(
    number: int, undisturbed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    said: list[str] = []
    assert not api.search(small_search(), run="run", stop=lambda: True, tell=said.append).finished
    assert api.resume("run", tell=said.append).finished
    assert said == ["run: its file system has no locks; make sure that no other process writes there"] * 2
    assert metrics("run") == metrics(undisturbed)


def test_a_folder_that_cannot_be_written_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not api.search(small_search(), run="run", stop=lambda: True).finished

    def flock(*_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", flock)
    assert ended("resume run") == 2
    assert "run: cannot be written (Input/output error)" in capsys.readouterr().err


# Rows.

ROWS: Final[dict[str, tuple[Callable[[list[str]], list[str]], str]]] = {
    "twice": (
        lambda rows: [rows[0], rows[0], *rows[1:]],
        "row 2 is of generation 0, expected generation 1",
    ),
    "in disorder": (lambda rows: rows[::-1], "row 1 is of generation 1, expected generation 0"),
    "lost in the middle": (lambda rows: rows[1:], "row 1 is of generation 1, expected generation 0"),
    "lost at the end": (lambda rows: rows[:1], "1 rows, but the checkpoint after 2 generations needs 2"),
    "all lost": (lambda _: [], "0 rows, but the checkpoint after 2 generations needs 2"),
    "of no number": (lambda rows: [rows[0], "x" + rows[1]], "a row does not begin with a number"),
    "empty lines": (lambda rows: [rows[0], "", rows[1]], "a row does not begin with a number"),
}


@pytest.mark.parametrize(("damage", "says"), ROWS.values(), ids=ROWS)
def test_resuming_needs_a_row_for_each_generation_in_their_order(
    damage: Callable[[list[str]], list[str]], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stops = iter([False, False, True])
    assert not api.search(small_search(), run="run", stop=lambda: next(stops)).finished
    header, *rows = metrics("run").decode().splitlines()
    assert len(rows) == 2
    Path("run/metrics.csv").write_text("\n".join([header, *damage(rows), ""]), encoding="utf-8")
    before = metrics("run")
    assert ended("resume run") == 2
    error = capsys.readouterr().err
    assert "run/metrics.csv: " in error
    assert says in error
    assert metrics("run") == before


def test_a_pruning_run_needs_a_row_for_each_network_of_each_round(capsys: pytest.CaptureFixture[str]) -> None:
    assert api.prune(api.read_prune_config("p.toml"), run="pruned").finished
    whole = metrics("pruned")
    header, *rows = whole.decode().splitlines()
    assert [row.split(",")[:2] for row in rows] == [
        ["0", "dense"], ["1", "pruned"], ["2", "pruned"], ["2", "random"]
    ]  # fmt: skip
    for kept, says in (
        ([rows[0], *rows], "row 2 is of round 0, expected round 1"),
        (rows[:-1], "3 rows, but the checkpoint after 3 rounds needs 4"),
    ):
        Path("pruned/metrics.csv").write_text("\n".join([header, *kept, ""]), encoding="utf-8")
        assert ended("resume pruned") == 2
        assert says in capsys.readouterr().err


# Killed at any operation.


class Killed(BaseException):
    """The process is no more."""


class Death:
    """Operations on files, of which one is not done, nor any that would come after it.

    Closing is never withheld: it is what the system does for a process that has ended.
    """

    def __init__(self, patch: pytest.MonkeyPatch, root: Path, at: int) -> None:
        self.done, self._root, self._at, self._patch = 0, str(root), at, patch
        for module, name in (
            *((os, name) for name in ("mkdir", "open", "replace", "unlink", "fsync", "ftruncate", "write")),
            (io, "open"),
        ):
            self._watch(module, name, getattr(module, name))

    def _watch(self, module: Any, name: str, real: Callable[..., Any]) -> None:
        def operation(first: Any, *rest: Any, **named: Any) -> Any:
            if isinstance(first, int) or str(Path(first).absolute()).startswith(self._root):
                if self.done >= self._at:
                    raise Killed
                self.done += 1
            return real(first, *rest, **named)

        self._patch.setattr(module, name, operation)


def operations(root: Path, work: Callable[[], object], at: int = 10**9) -> int | None:
    """Do some work up to the operation ``at``; how many there were, None if it was killed."""
    with pytest.MonkeyPatch.context() as patch:
        death = Death(patch, root, at)
        try:
            work()
        except Killed:
            return None
        return death.done


# Every third operation, from each of the first three on; the slow tests do the others.
EVERY_THIRD = pytest.mark.parametrize(
    "first", [0, *(pytest.param(first, marks=pytest.mark.slow) for first in (1, 2))]
)


def goes_on(resume: str, begin: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever a killed process has left, one of the two ways goes on."""
    resumed = ended(resume)
    said = capsys.readouterr().err
    if resumed == 0:
        assert ended(begin) == 2
        assert resume in capsys.readouterr().err
    else:
        assert "not a run folder" in said
        assert ended(begin) == 0
        capsys.readouterr()


@EVERY_THIRD
def test_a_search_that_is_killed_at_any_operation_can_be_resumed_or_begun_again(
    first: int, undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    total = operations(tmp_path / "counted", lambda: api.search(small_search(), run="counted"))
    assert total is not None
    assert total > 30
    for at in range(first, total, 3):
        run = tmp_path / f"run{at}"
        assert operations(run, lambda run=run: api.search(small_search(), run=run), at) is None  # type: ignore[misc]
        goes_on(f"resume {run}", f"search c.toml --run {run}", capsys)
        assert metrics(run) == metrics(undisturbed), at
        assert not list(run.rglob("*.tmp"))


@EVERY_THIRD
def test_a_search_that_is_killed_while_it_resumes_can_be_resumed(
    first: int, undisturbed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stops = iter([False, True])
    assert not api.search(small_search(), run="template", stop=lambda: next(stops)).finished

    def interrupted(name: str) -> Path:
        return shutil.copytree("template", tmp_path / name)

    total = operations(interrupted("counted"), lambda: api.resume("counted"))
    assert total is not None
    for at in range(first, total, 3):
        run = interrupted(f"run{at}")
        assert operations(run, lambda run=run: api.resume(run), at) is None  # type: ignore[misc]
        assert ended(f"resume {run}") == 0
        capsys.readouterr()
        assert metrics(run) == metrics(undisturbed), at


@EVERY_THIRD
def test_a_pruning_run_that_is_killed_at_birth_can_be_resumed_or_begun_again(
    first: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("p.toml").write_text(PRUNING.replace("rounds = 2", "rounds = 0"), encoding="utf-8")
    config = api.read_prune_config("p.toml")
    total = operations(tmp_path / "counted", lambda: api.prune(config, run="counted", stop=lambda: True))
    assert total is not None
    assert api.prune(config, run="whole").finished
    for at in range(first, total, 3):
        run = tmp_path / f"run{at}"
        assert operations(run, lambda run=run: api.prune(config, run=run), at) is None  # type: ignore[misc]
        goes_on(f"resume {run}", f"prune p.toml --run {run}", capsys)
        assert metrics(run) == metrics("whole"), at
        assert Path(run, "initial.npz").read_bytes() == Path("whole/initial.npz").read_bytes()


# Names.


def test_a_fresh_folder_holds_preset_or_task_and_seed(capsys: pytest.CaptureFixture[str]) -> None:
    assert ended("search c.toml --seed 3") == 0
    assert "results/runs/c-seed3-1/champion.json" in capsys.readouterr().out
    assert ended("search c.toml --seed 3") == 0
    assert ended("prune p.toml --seed 5") == 0
    assert api.search(small_search(seed=4)).finished
    assert sorted(path.name for path in Path("results/runs").iterdir()) == [
        "c-seed3-1",
        "c-seed3-2",
        "p-seed5-1",
        "wann-CartPoleSwingUp-v0-seed4-1",
    ]
    assert load_config(Path("results/runs/c-seed3-2/config.toml")).seed == 3


def test_a_fresh_folder_that_nothing_came_into_is_gone_again() -> None:
    assert ended("search c.toml --set task.id=Nothing-v0") == 2
    assert ended("frontier nowhere.json") == 2
    assert not list(Path("results/runs").iterdir())


@pytest.mark.parametrize("name", ["../../up", "/etc/passwd", "..", "", "a b\nc", "x" * 300, "mod:Env-v0"])
def test_a_fresh_folder_lies_in_results_runs_whatever_it_is_called_by(name: str) -> None:
    path = fresh_folder(name, 0)
    assert path.is_dir()
    assert path.resolve().parent == Path("results/runs").resolve()


def test_those_who_begin_at_once_get_a_folder_each() -> None:
    together = threading.Barrier(16)

    def take(_: int) -> Path:
        together.wait()
        return fresh_folder("swingup", 0)

    with ThreadPoolExecutor(16) as pool:
        folders = list(pool.map(take, range(16)))
    assert sorted(folders) == sorted(
        {Path(f"results/runs/swingup-seed0-{number}") for number in range(1, 17)}
    )


def test_searches_that_begin_at_once_keep_their_seeds() -> None:
    together = threading.Barrier(3)

    def begin(seed: int) -> bool:
        together.wait()
        return api.search(small_search(seed=seed)).finished

    seeds = (0, 1, 1)
    with ThreadPoolExecutor(3) as pool:
        assert all(pool.map(begin, seeds))
    runs = sorted(Path("results/runs").iterdir())
    assert [load_config(run / "config.toml").seed for run in runs] == list(seeds)
    assert metrics(runs[0]) != metrics(runs[1]) == metrics(runs[2])
    assert all(len(metrics(run).splitlines()) == GENERATIONS + 1 for run in runs)
