"""Ray on this machine: the bytes of the local backend, whatever workers and networks do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import ray
from numpy.typing import NDArray

from tests.evaluation.stubs import Elsewhere, Stub, StubJob, connections
from tests.processes import command, descendants, listening_beyond_loopback, workers
from tests.samples import evolved
from wann import api
from wann.errors import BadInput
from wann.evaluation import BackendSettings, LocalEvaluator
from wann.evaluation.ray.cluster import connect
from wann.evaluation.ray.evaluator import RayEvaluator
from wann.experiment import Config, parse_config
from wann.kernels.forward import Program
from wann.network import compile_population
from wann.settings import render_settings
from wann.tasks import Outcome, Trial

BATCH: Final = compile_population(evolved(1, 5, 40))
COUNTS: Final = np.bincount(connections(BATCH))
GUILTY: Final = int(np.flatnonzero(COUNTS == 1)[0])
"""A number of connections that one network has."""
WEIGHTS: Final = np.array([-1.0, 0.5, 2.0])
TRIAL: Final = Trial(np.arange(100, 104))

DOCUMENT: Final[dict[str, Any]] = {
    "seed": 5,
    "task": {"id": "wann/CartPoleSwingUp-v0", "episodes": 2, "episode_limit": 60},
    "weights": {"values": [-1.0, 0.5, 1.5]},
    "search": {"population": 48, "generations": 8, "tournament": 3, "champion_episodes": 2},
    "mutation": {"disable_connection": 0.05, "duplicate_node": 0.1},
}


def config(**backend: Any) -> Config:
    return parse_config(DOCUMENT | {"backend": backend})


@pytest.fixture(scope="module")
def _session() -> Iterator[None]:
    session = connect(BackendSettings(kind="ray"), 4)
    yield
    session.close()


def settings(**changes: Any) -> BackendSettings:
    return BackendSettings(kind="ray", **({"workers": 2} | changes))


def local(task: Any) -> Outcome:
    with LocalEvaluator(task, 1) as evaluator:
        return evaluator.evaluate(BATCH, WEIGHTS, TRIAL)


def agree(found: Outcome, expected: Outcome) -> None:
    assert found.returns.tobytes() == expected.returns.tobytes()
    assert found.steps.tobytes() == expected.steps.tobytes()
    assert list(found.failed) == list(expected.failed)


def result(run: Path) -> tuple[bytes, bytes]:
    return (run / "metrics.csv").read_bytes(), (run / "champion.json").read_bytes()


def test_handlers_of_signals_survive_the_joining_of_ray() -> None:
    assert not ray.is_initialized()
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with RayEvaluator(Stub(), settings(workers=1)):
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    assert not ray.is_initialized()


# A session that stays open; each test brings workers of its own.


@pytest.mark.usefixtures("_session", "_no_report")
@pytest.mark.parametrize("workers", [1, 2, 4])
def test_a_search_leaves_the_bytes_of_the_local_backend(workers: int, tmp_path: Path) -> None:
    assert api.search(config(), run=tmp_path / "local").finished
    assert api.search(config(kind="ray", workers=workers), run=tmp_path / "ray").finished
    assert result(tmp_path / "ray") == result(tmp_path / "local")


OWN: Final[dict[str, Any]] = {"sampling": "stratified", "strata": 6, "own_episodes": True}
OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "beginnings": {
        "search": {"beginnings": 4, "halve_every": 3, "candidates": 4, "utility_exponent": 4}
        | {"initial_mutations": 3, "most_connections": 40},
        "weights": OWN,
        "mutation": {"add_path": 0.3, "add_unit": 0.2, "change_gain": 0.3, "remove_node": 0.1, "repeat": 0.5},
    },
    "a race": {
        "search": {"racing": 3, "beginnings": 2, "halve_every": 4, "candidates": 2},
        "weights": OWN | {"begin_at": 1.5, "spread_from": 2, "spread_until": 6},
        "task": {"first_limit": 10, "limit_grows_for": 6},
    },
}


@pytest.mark.usefixtures("_session", "_no_report")
@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_every_way_of_searching_leaves_the_bytes_of_the_local_backend(
    options: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    document = DOCUMENT | {part: {**DOCUMENT.get(part, {}), **given} for part, given in options.items()}
    for kind in ("local", "ray"):
        chosen = parse_config(document | {"backend": {"kind": kind, "workers": 2}})
        assert api.search(chosen, run=tmp_path / kind).finished
    assert result(tmp_path / "ray") == result(tmp_path / "local")


@pytest.mark.usefixtures("_session", "_no_report")
def test_a_search_on_images_leaves_the_bytes_of_the_local_backend(tmp_path: Path) -> None:
    document = DOCUMENT | {"task": {"id": "digits", "episodes": 2, "images": 130, "redraw_every": 3}}
    backends: list[dict[str, Any]] = [{"workers": 1}, {"workers": 2}, {"kind": "ray", "workers": 2}]
    results: list[tuple[bytes, bytes]] = []
    for backend in backends:
        run = tmp_path / f"{len(results)}"
        assert api.search(parse_config(document | {"backend": backend}), run=run).finished
        results.append(result(run))
    assert results[0] == results[1] == results[2]


@pytest.mark.usefixtures("_session")
def test_weights_of_each_connection_and_episodes_of_each_weight_arrive_too() -> None:
    rng = np.random.default_rng(2)
    own = rng.uniform(-2, 2, (7, int(BATCH.connections.sum())))
    with LocalEvaluator(Stub(), 1) as one, RayEvaluator(Stub(), settings()) as many:
        for weights, trial in (
            (own, TRIAL),
            (own, Trial(np.arange(7)[:, None])),
            (own[:, 0].copy(), Trial(np.arange(7)[:, None])),
        ):
            for _ in range(2):  # at an unknown pace, and at a known one
                agree(many.evaluate(BATCH, weights, trial), one.evaluate(BATCH, weights, trial))


@pytest.mark.usefixtures("_session")
def test_a_network_that_raises_is_given_up_and_the_others_are_not() -> None:
    task = Stub(misdeeds={GUILTY: "raise"})
    expected = local(task)
    assert 0 < len(expected.failed) < len(BATCH)
    with RayEvaluator(task, settings()) as evaluator:
        found = evaluator.evaluate(BATCH, WEIGHTS, TRIAL)
    agree(found, expected)
    assert found.failed == expected.failed


@pytest.mark.usefixtures("_session")
@pytest.mark.parametrize(
    ("misdeed", "reason"),
    [("die", "its process died"), ("spin", "no answer within 0.5 s of its processor")],
)
def test_a_network_that_kills_or_holds_its_worker_again_and_again_is_given_up(
    misdeed: str, reason: str
) -> None:
    expected = local(Stub(misdeeds={GUILTY: "raise"}))
    task, limits = Stub(misdeeds={GUILTY: misdeed}), settings(limit_seconds=0.5, wall_factor=1e4, attempts=1)
    with RayEvaluator(task, limits) as evaluator:
        found = evaluator.evaluate(BATCH, WEIGHTS, TRIAL)
    agree(found, expected)
    assert set(found.failed.values()) == {reason}


@pytest.mark.usefixtures("_session")
@pytest.mark.parametrize("misdeed", ["raise once", "die once", "spin once"])
def test_what_happens_once_shows_in_no_bit(misdeed: str, tmp_path: Path) -> None:
    said: list[str] = []
    task = Stub(misdeeds={int(count): misdeed for count in np.flatnonzero(COUNTS)[:3]}, marks=tmp_path)
    with RayEvaluator(task, settings(limit_seconds=0.5, wall_factor=1e4), said.append) as evaluator:
        found = evaluator.evaluate(BATCH, WEIGHTS, TRIAL)
    assert len(list(tmp_path.iterdir())) == 3
    agree(found, local(Stub()))
    assert found.failed == {}
    assert (misdeed == "raise once") == (not any("was lost" in sentence for sentence in said))


@pytest.mark.usefixtures("_session")
def test_workers_that_die_between_and_during_generations_show_in_no_bit() -> None:
    expected = local(Stub())
    with RayEvaluator(Stub(seconds=0.01), settings(workers=3)) as evaluator:
        for victim in range(3):
            os.kill(workers(os.getpid())[victim % len(workers(os.getpid()))], signal.SIGKILL)
            agree(evaluator.evaluate(BATCH, WEIGHTS, TRIAL), expected)


@pytest.mark.usefixtures("_session")
def test_an_evaluation_that_was_broken_off_leaves_nothing_behind() -> None:
    other = Trial(np.arange(4))
    with LocalEvaluator(Stub(), 1) as one, RayEvaluator(Stub(seconds=0.01), settings()) as many:
        signal.signal(signal.SIGALRM, lambda *_: _interrupt())
        for _ in range(3):
            signal.setitimer(signal.ITIMER_REAL, 0.15)
            with pytest.raises(KeyboardInterrupt):
                many.evaluate(BATCH, WEIGHTS, TRIAL)
            agree(many.evaluate(BATCH, WEIGHTS, other), one.evaluate(BATCH, WEIGHTS, other))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


def _interrupt() -> None:
    raise KeyboardInterrupt


@dataclass(frozen=True)
class Holder(Stub):
    """Tells in the number of steps whether its data are a copy of its own."""

    def job(self, program: Program, weights: NDArray[np.float64], trial: Trial) -> StubJob:
        job = super().job(program, weights, trial)
        job.outcome.steps[:] = self.held.flags.writeable
        return HolderJob(job.task, job.program, job.weights, job.trial, job.outcome)


class HolderJob(StubJob):
    def run(self, begin: int, end: int) -> None:
        kept = self.outcome.steps.copy()
        super().run(begin, end)
        self.outcome.steps[:] = kept


@pytest.mark.usefixtures("_session")
def test_what_a_task_holds_lies_once_on_a_node_for_all_its_workers() -> None:
    task = Holder(held=np.zeros(5_000_000))
    with RayEvaluator(task, settings()) as evaluator:
        found = evaluator.evaluate(BATCH, WEIGHTS, TRIAL)
    assert not found.steps.any()  # read-only: memory of the object store, not a copy of the worker's
    assert found.returns.tobytes() == local(Stub()).returns.tobytes()


@pytest.mark.usefixtures("_session")
def test_chunks_of_many_megabytes_arrive() -> None:
    rng = np.random.default_rng(0)
    weights = rng.uniform(-2, 2, (3000, int(BATCH.connections.sum())))
    trial = Trial(np.arange(3000)[:, None])
    with LocalEvaluator(Stub(), 1) as one, RayEvaluator(Stub(), settings()) as many:
        for _ in range(2):
            agree(many.evaluate(BATCH, weights, trial), one.evaluate(BATCH, weights, trial))


@pytest.mark.usefixtures("_session")
def test_a_library_that_the_workers_lack_is_named() -> None:
    with pytest.raises(BadInput, match=r"no worker can compute.*a_library_of_this_process_alone"):
        RayEvaluator(Stub(extra=Elsewhere()), settings())


@pytest.mark.usefixtures("_session")
def test_a_task_that_raises_from_the_start_is_refused() -> None:
    with pytest.raises(BadInput, match=r"no worker can compute.*ZeroDivisionError: no reward"):
        RayEvaluator(Stub(misdeeds=dict.fromkeys(range(20), "raise")), settings())


@pytest.mark.usefixtures("_session", "_no_report")
def test_a_search_records_the_networks_that_fail_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Stub(misdeeds={3: "raise"})
    monkeypatch.setattr("wann.api._search.make_task", lambda *_, **__: task)
    monkeypatch.setattr("wann.experiment.start.make_task", lambda *_, **__: task)
    said: list[str] = []
    assert api.search(config(), run=tmp_path / "local").finished
    assert api.search(config(kind="ray", workers=2), run=tmp_path / "ray", tell=said.append).finished
    assert result(tmp_path / "ray") == result(tmp_path / "local")
    files = [
        {path.name: path.read_bytes() for path in (tmp_path / name / "failures").iterdir()}
        for name in ("local", "ray")
    ]
    assert files[0] == files[1]
    assert files[0]
    failed = api.load(next((tmp_path / "ray" / "failures").iterdir()))
    assert connections(failed.batch) == [3]
    assert "no reward for 3 connections" in str(failed.provenance["failure"])
    assert any("could not be evaluated (ZeroDivisionError" in sentence for sentence in said)


@pytest.mark.usefixtures("_no_report")
def test_a_search_of_which_every_network_fails_ends_in_a_sentence_and_can_be_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Stub(misdeeds=dict.fromkeys(range(20), "raise"))
    monkeypatch.setattr("wann.api._search.make_task", lambda *_, **__: task)
    with pytest.raises(BadInput, match=r"network 0 could not be evaluated: ZeroDivision.*wann.resume"):
        api.search(config(), run=tmp_path / "run")
    monkeypatch.setattr("wann.experiment.start.make_task", lambda *_, **__: Stub())
    assert api.resume(tmp_path / "run").finished


@pytest.mark.usefixtures("_session")
def test_every_port_is_open_to_this_machine_alone() -> None:
    with RayEvaluator(Stub(), settings()) as evaluator:
        evaluator.evaluate(BATCH, WEIGHTS, TRIAL)
        family = descendants(os.getpid())
        assert len(family) > 4  # Ray's own, and the workers
        assert listening_beyond_loopback(family) == []


# Processes of their own.

DRIVER: Final = """\
import sys
import wann.api._search
import wann.experiment.run
from wann.cli import main
wann.experiment.run.CHECKPOINT_SECONDS = 0
wann.api._search.report_run = lambda *_: None
main(sys.argv[1:])
"""
LONG: Final = parse_config(DOCUMENT | {"search": DOCUMENT["search"] | {"generations": 100}})
PATIENCE: Final = 300.0  # seconds, after which something hangs


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, _no_report: None) -> Path:
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    assert api.search(LONG, run=run).finished
    return run


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    (tmp_path / "c.toml").write_text(render_settings(LONG), encoding="utf-8")
    (tmp_path / "driver.py").write_text(DRIVER, encoding="utf-8")

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "driver.py", "search", "c.toml", "--run", "run", "--backend", "ray"]
        process = subprocess.Popen(
            [*command, "--workers", "2", *arguments],
            cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        wait_until(lambda: rows(tmp_path / "run" / "metrics.csv") > 3 or process.poll() is not None)
        return process

    return start


def rows(path: Path) -> int:
    return len(path.read_bytes().splitlines()) if path.exists() else 0


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_nothing_of_ray_stands_between_our_lines_whatever_dies(
    start: Callable[..., subprocess.Popen[str]], undisturbed: Path, tmp_path: Path
) -> None:
    process = start()
    for victim in workers(process.pid)[:1]:  # none where all is done already
        os.kill(victim, signal.SIGKILL)
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert output.splitlines()[0] == "Champion: run/champion.json"
    ours = ("Run:", "starting Ray", "Ray on this", "generation ", "a worker ")
    for line in errors.splitlines():
        assert line.startswith(ours), line
    assert sum("was lost" in line for line in errors.splitlines()) <= 1
    assert result(tmp_path / "run") == result(undisturbed)


def goes_on(run: Path, undisturbed: Path) -> None:
    """Resume it for some generations; assert that it is as if nothing had happened."""
    generations = int(max((run / "checkpoints").iterdir()).stem) + 5
    longer = LONG.model_copy(update={"search": LONG.search.model_copy(update={"generations": generations})})
    assert api.resume(run, backend="local", generations=generations).finished
    assert api.search(longer, run=undisturbed).finished
    assert result(run) == result(undisturbed)


@pytest.mark.slow
@pytest.mark.usefixtures("_no_report")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_driver_that_is_stopped_takes_its_workers_along_and_can_be_resumed(
    how: signal.Signals, start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = start("--generations", "100000")
    family = [number for number in descendants(process.pid) if b"Agent" not in command(number)]
    assert workers(process.pid)
    process.send_signal(how)
    errors = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == (-how if how == signal.SIGKILL else 130), errors
    wait_until(lambda: not any(b"ray" in command(number) for number in family))  # agents take a minute
    goes_on(tmp_path / "run", tmp_path / "undisturbed")


@pytest.mark.slow
@pytest.mark.usefixtures("_no_report")
def test_when_ray_itself_is_gone_the_search_ends_and_can_be_resumed(
    start: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    process = start("--generations", "100000")
    raylets = [number for number in descendants(process.pid) if b"/raylet/raylet" in command(number)]
    os.kill(raylets[0], signal.SIGKILL)
    errors = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 1, errors
    # Ray ends the process by its own hand, now and then before our last sentence is out.
    assert "Traceback" not in errors
    goes_on(tmp_path / "run", tmp_path / "undisturbed")
