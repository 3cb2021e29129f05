"""Commands on environments that end, print, hang or are interrupted as no environment should be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tests.processes import command, descendants
from tests.tasks.environments import doing, here
from wann import api
from wann.cli import main
from wann.errors import BadInput, Failure
from wann.genome import first_population
from wann.network import Network
from wann.tasks import names_of
from wann.trust import BY_HAND

pytestmark = pytest.mark.usefixtures("_no_report")

ROOT: Final = Path(__file__).parents[2]
CONFIG: Final = """\
[task]
id = "{name}"
[weights]
values = [1.0]
[search]
population = 8
generations = {generations}
tournament = 2
champion_episodes = 1
[backend]
workers = 1
limit_seconds = {limit}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    network = Network.of_genome(first_population(3, 2, 1, 0.8, np.random.default_rng(0)), 0)
    api.save(network, "n.json")


def configured(name: str, *, generations: int = 2, limit: float = 120.0) -> Path:
    Path("c.toml").write_text(
        CONFIG.format(name=name, generations=generations, limit=limit), encoding="utf-8"
    )
    return Path("c.toml")


def run(arguments: str, code: int = 0) -> None:
    with pytest.raises(SystemExit) as ending:
        main(arguments.split())
    assert ending.value.code == code


# In this process.


@pytest.mark.usefixtures("_forked")
@pytest.mark.parametrize(
    ("deed", "code", "says"),
    [
        (
            "exits",
            2,
            "could not be evaluated: task.id: tests.tasks.environments:tests/ExitsAt3-v0 fails in step",
        ),
        ("ends like a generator", 2, "(GeneratorExit); the checkpoint is kept"),
        ("ends the process", 1, "EndsTheProcessAt3-v0 has died (exit code 0)"),
    ],
)
def test_a_search_says_how_the_environment_ended_it(
    deed: str, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configured(doing(deed))
    run("search c.toml --run r --quiet", code)
    output = capsys.readouterr()
    assert says in output.err
    assert output.err.count("\n") == 1
    assert output.out == ""


@pytest.mark.usefixtures("_forked")
def test_a_search_ends_where_the_environment_hangs(capsys: pytest.CaptureFixture[str]) -> None:
    configured(doing("sleeps"), limit=0.1)
    run("search c.toml --run r", 1)
    said = capsys.readouterr().err
    assert "has not answered for 0.1 s; a process is given up after 0.1 s" in said
    assert "hangs (no answer within 0.5 s) for every network" in said
    assert "raise backend.limit_seconds; the checkpoint is kept" in said


@pytest.mark.usefixtures("_forked")
@pytest.mark.parametrize("at", [0, 3])
def test_what_an_environment_prints_is_no_result(at: int, capfd: pytest.CaptureFixture[str]) -> None:
    run(f"evaluate n.json --task {doing('prints', at)} --weight 1 --episodes 2 --workers 1 --json")
    output = capfd.readouterr()
    assert json.loads(output.out)["conditions"][0]["episodes"] == 2
    for line in ("from Python", "from C", "from a program"):
        assert line in output.err


@pytest.mark.usefixtures("_forked")
@pytest.mark.filterwarnings("default")
def test_who_does_not_heed_the_seed_is_told_of_once(capsys: pytest.CaptureFixture[str]) -> None:
    run(f"evaluate n.json --task {here('Scattered')} --weight 1 --episodes 2 --workers 1 --json")
    output = capsys.readouterr()
    assert json.loads(output.out)["conditions"][0]["episodes"] == 2
    assert output.err.count("Scattered-v0 starts a different episode") == 1


def test_the_run_folder_is_where_it_was_asked_for(tmp_path: Path) -> None:
    configured(here("Restless"), generations=1)
    run("search c.toml --run r")
    assert (tmp_path / "r" / "champion.json").is_file()


@pytest.mark.usefixtures("_forked")
def test_observations_by_keys_are_searched_and_named() -> None:
    configured(here("Dict"), generations=1)
    run("search c.toml --run r")
    document = json.loads(Path("r/champion.json").read_text(encoding="utf-8"))
    assert document["inputs"] == 5
    assert names_of(here("Dict"), trust=BY_HAND)[0] == (
        "near 1",
        "near 2",
        "near 3",
        "bits part 1 1",
        "bits part 1 2",
    )


@pytest.mark.usefixtures("_forked")
def test_networks_that_fail_while_a_search_is_stopped_are_not_blamed() -> None:
    # The signal that stops it may have ended what the environment had started.
    asked = iter([False, True, True])
    configured(here("LoudFails"))
    assert not api.search("c.toml", run="r", stop=lambda: next(asked)).finished
    assert not Path("r/failures").exists()
    assert api.resume("r", trust=["tests.tasks.environments"]).finished
    assert Path("r/failures").exists()


@pytest.mark.parametrize("error", [BadInput("x"), Failure("x")])
def test_what_ends_while_a_search_is_stopped_is_an_interruption(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise error

    monkeypatch.setattr("wann.evaluation.ProcessEvaluator.evaluate", fail)
    asked = iter([False, True, True])
    configured(here("Sums"))
    assert not api.search("c.toml", run="r", stop=lambda: next(asked)).finished


def test_threads_that_are_left_running_do_not_keep_the_process(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(sys, "argv", ["wann", "evaluate", "nowhere.json"])
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(os, "dup2", lambda *_: None)
    enough = threading.Event()
    threads = [threading.Thread(target=enough.wait, name="simulator") for _ in range(2)]
    for thread in threads:
        thread.start()
    with pytest.raises(SystemExit):
        main()
    enough.set()
    for thread in threads:
        thread.join()
    assert ended == [2]
    assert capfd.readouterr().err.endswith("left running are ended: simulator\n")


# In a process of its own.

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start() -> Iterator[Start]:
    """A search in a process group of its own."""
    begun: list[subprocess.Popen[str]] = []

    def search(name: str, **settings: int) -> subprocess.Popen[str]:
        configured(name, **settings)
        script = "from wann.cli import main; main()"
        begun.append(
            subprocess.Popen(
                [sys.executable, "-c", script, "search", "c.toml", "--run", "r", "--quiet"],
                stderr=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
                env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'envs'}"},
            )
        )
        return begun[-1]

    yield search
    for process in begun:
        process.kill()
        process.communicate()


def until(happens: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    while not happens():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def searching() -> bool:
    """Whether a generation is done."""
    rows = Path("r/metrics.csv")
    return rows.exists() and rows.read_text(encoding="utf-8").count("\n") > 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_group_is_an_interruption(number: signal.Signals, start: Start) -> None:
    process = start(here("Sums"), generations=100_000)
    until(searching, process)
    os.killpg(process.pid, number)
    output, said = process.communicate()
    assert process.returncode == 130
    assert "waiting for this generation to end; Ctrl-C again ends at once" in said
    assert said.endswith("Interrupted; resume it with: wann resume r --trust tests.tasks.environments\n")
    assert "died" not in said
    assert output == ""
    assert list(Path("r/checkpoints").iterdir())


def test_while_the_environment_hangs_the_second_ctrl_c_ends_at_once(start: Start) -> None:
    process = start(doing("sleeps"))
    until(lambda: Path("r/config.toml").exists() and bool(descendants(process.pid)), process)
    assert process.stderr is not None
    os.killpg(process.pid, signal.SIGINT)
    while "Ctrl-C again ends at once" not in process.stderr.readline():
        assert process.poll() is None
    family = descendants(process.pid)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate()[1]
    assert process.returncode == 130
    assert said == "Interrupted; resume it with: wann resume r --trust tests.tasks.environments\n"
    while any(map(command, family)):
        time.sleep(0.02)
