"""Processes give the bits of the local backend, whatever fails or dies, and leave no process behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from tests.evaluation.stubs import Elsewhere, Stub, connections
from tests.processes import PATIENCE, command, computing, wait_until
from tests.samples import evolved
from tests.tasks.environments import doing, here
from wann.errors import BadInput, Failure
from wann.evaluation import BackendSettings, LocalEvaluator, ProcessEvaluator, make_evaluator
from wann.network import NetworkBatch, compile_population
from wann.tasks import AnyTaskSettings, Outcome, Task, Trial, make_task, task_settings
from wann.trust import BY_HAND

BATCH: Final = compile_population(evolved(1, 5))
GUILTY: Final = int(np.bincount(connections(BATCH)).argmax())
"""A number of connections that some networks have."""
WEIGHTS: Final = np.array([-1.0, 0.5, 2.0])
OWN: Final = np.random.default_rng(0).uniform(-2, 2, (3, int(BATCH.connections.sum())))
TRIAL: Final = Trial(np.arange(4, 8))
LOUD: Final = BATCH, np.array([1.0]), Trial(np.arange(2))
ROOT: Final = Path(__file__).parents[2]


def locally(task: Task, *given: Any) -> Outcome:
    with LocalEvaluator(task, 1) as evaluator:
        return evaluator.evaluate(*given)


def assert_same(one: Outcome, other: Outcome) -> None:
    assert one.returns.tobytes() == other.returns.tobytes()
    assert one.steps.tobytes() == other.steps.tobytes()
    assert one.failed == other.failed


@pytest.fixture(scope="module")
def stub() -> Iterator[ProcessEvaluator]:
    """Of a stub that fails for some networks."""
    with ProcessEvaluator(Stub(misdeeds={GUILTY: "raise"}), 2) as evaluator:
        yield evaluator


CASES: dict[str, tuple[NetworkBatch, Any, Trial]] = {
    "shared weights": (BATCH, WEIGHTS, TRIAL),
    "weights of their own": (BATCH, OWN, TRIAL),
    "a weight for each episode": (BATCH, OWN, Trial(TRIAL.seeds[:3, None])),
    "one weight and episode": (BATCH, WEIGHTS[:1], Trial(TRIAL.seeds[:1])),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_failures_are_given_to_the_guilty_alone_and_the_rest_is_equal(
    case: tuple[NetworkBatch, Any, Trial], stub: ProcessEvaluator
) -> None:
    outcome = stub.evaluate(*case)
    assert_same(outcome, locally(Stub(misdeeds={GUILTY: "raise"}), *case))
    failed = (
        connections(BATCH) == GUILTY if case[1] is not OWN else np.isnan(outcome.returns).all(axis=(1, 2))
    )
    assert list(outcome.failed) == np.flatnonzero(failed).tolist()
    assert 0 < len(outcome.failed) < len(BATCH)
    assert np.isfinite(outcome.returns[~failed]).all()
    with pytest.raises(BadInput, match=r"network \d+ could not be evaluated: ZeroDivisionError: no reward"):
        outcome.checked()


@pytest.mark.parametrize("index", range(3))
def test_a_single_network_is_shared_out_too(index: int, stub: ProcessEvaluator) -> None:
    batch = compile_population(evolved(1, 5).take(np.array([index])))
    given = batch, np.linspace(-2, 2, 30), TRIAL
    assert_same(stub.evaluate(*given), locally(Stub(misdeeds={GUILTY: "raise"}), *given))


def test_an_environment_is_played_as_here() -> None:
    task = make_task(task_settings(here("FourthStepFailsRarely")), trust=BY_HAND)
    with ProcessEvaluator(task, 2) as evaluator:
        for weights, trial in (
            (WEIGHTS, TRIAL),
            (OWN, Trial(TRIAL.seeds[:3, None])),
            (WEIGHTS, Trial(np.array([0, 3, 5]))),
        ):
            outcome = evaluator.evaluate(BATCH, weights, trial)
            assert_same(outcome, locally(task, BATCH, weights, trial))
    assert np.isfinite(outcome.returns).all()


def test_a_process_that_dies_is_a_failure_and_does_not_hang() -> None:
    before = computing(os.getpid())
    with ProcessEvaluator(Stub(misdeeds={GUILTY: "die"}), 2) as evaluator:
        for _ in range(2):
            with pytest.raises(
                Failure,
                match=r"a process that evaluated stub has died \(by SIGKILL\).*backend.kind = \"ray\"",
            ):
                evaluator.evaluate(BATCH, WEIGHTS, TRIAL)
    assert computing(os.getpid()) == before


@pytest.mark.usefixtures("_forked")
def test_networks_that_an_environment_hangs_for_are_given_up_and_the_others_played() -> None:
    task = make_task(task_settings(here("LoudHangs")), trust=BY_HAND)
    told: list[str] = []
    with ProcessEvaluator(task, 2, 0.3, told.append) as evaluator:
        outcome = evaluator.evaluate(*LOUD)
    expected = locally(make_task(task_settings(here("LoudFails")), trust=BY_HAND), *LOUD)
    assert 0 < len(outcome.failed) < len(LOUD[0])
    assert outcome.failed.keys() == expected.failed.keys()
    assert all("LoudHangs-v0 hangs (no answer within" in why for why in outcome.failed.values())
    assert outcome.returns.tobytes() == expected.returns.tobytes()
    assert len(told) == 1


@pytest.mark.usefixtures("_forked")
@pytest.mark.parametrize("deed", ["sleeps", "computes for ever"])
def test_an_environment_that_hangs_for_everybody_ends_the_evaluation(deed: str) -> None:
    task = make_task(task_settings(doing(deed)), trust=BY_HAND)
    before = computing(os.getpid())
    with (
        ProcessEvaluator(task, 1, 0.1) as evaluator,
        pytest.raises(Failure, match=r"hangs \(no answer .*for every network that was tried"),
    ):
        evaluator.evaluate(BATCH, WEIGHTS, TRIAL)
    assert computing(os.getpid()) == before


@pytest.mark.usefixtures("_forked")
@pytest.mark.parametrize("deed", ["exits", "ends like a generator", "interrupts itself"])
def test_what_an_environment_raises_ends_no_process(deed: str) -> None:
    task = make_task(task_settings(doing(deed)), trust=BY_HAND)
    with ProcessEvaluator(task, 1) as evaluator:
        outcome = evaluator.evaluate(BATCH, WEIGHTS, TRIAL)
    assert list(outcome.failed) == list(range(len(BATCH)))


def test_an_environment_that_ends_its_process_is_a_failure() -> None:
    task = make_task(task_settings(doing("ends the process")), trust=BY_HAND)
    with (
        ProcessEvaluator(task, 1) as evaluator,
        pytest.raises(Failure, match=r"EndsTheProcessAt3-v0 has died \(exit code 0\)"),
    ):
        evaluator.evaluate(BATCH, WEIGHTS, TRIAL)


def test_a_task_that_cannot_be_sent_to_a_process_is_refused() -> None:
    with pytest.raises(BadInput, match=r"stub cannot be sent to a process \(TypeError: cannot pickle"):
        ProcessEvaluator(Stub(extra=threading.Lock()), 1)


def test_a_process_that_is_killed_between_evaluations_spoils_none() -> None:
    expected = locally(Stub(), BATCH, WEIGHTS, TRIAL)
    before = computing(os.getpid())
    with ProcessEvaluator(Stub(), 2) as evaluator:
        evaluator.evaluate(BATCH, WEIGHTS, TRIAL)
        family = [number for number in computing(os.getpid()) if number not in before]
        assert len(family) == 2
        os.kill(family[0], signal.SIGKILL)

        def unnoticed() -> bool:
            assert_same(evaluator.evaluate(BATCH, WEIGHTS, TRIAL), expected)
            return False

        with pytest.raises(Failure, match="has died"):
            wait_until(unnoticed)
    assert computing(os.getpid()) == before


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("count", [1, 2])
def test_processes_are_for_tasks_that_hold_the_interpreter(held: bool, count: int) -> None:
    with make_evaluator(Stub(holds_interpreter=held), BackendSettings(workers=count)) as evaluator:
        assert isinstance(evaluator, ProcessEvaluator if held else LocalEvaluator)


HOLDING: tuple[AnyTaskSettings, ...] = (
    task_settings(here("Sums")),
    task_settings("Taxi-v4"),
    task_settings("LunarLander-v3", stepping="gymnasium"),
)
FREE: tuple[AnyTaskSettings, ...] = (
    task_settings("wann/CartPoleSwingUp-v0"),
    task_settings("digits"),
    task_settings("LunarLander-v3", stepping="envpool"),
)


def test_python_holds_the_interpreter_and_kernels_and_pools_do_not() -> None:
    assert [make_task(settings, trust=BY_HAND).holds_interpreter for settings in HOLDING] == [True] * 3
    assert [make_task(settings, trust=BY_HAND).holds_interpreter for settings in FREE] == [False] * 3


# Scripts of their own.

SCRIPT: Final = """\
import os
import numpy as np
from tests.evaluation.stubs import Stub
from tests.processes import computing
from wann.evaluation import ProcessEvaluator
from wann.genome import first_population
from wann.network import compile_population
from wann.tasks import Trial

print("begun", flush=True)
batch = compile_population(first_population(3, 2, 30, 0.8, np.random.default_rng(0)))
with ProcessEvaluator(Stub(seconds={seconds}), 2) as evaluator:
    evaluator.evaluate(batch, np.ones(1), Trial(np.arange(1)))
    print("done", flush=True)
print(len(computing(os.getpid())))
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """A script without ``if __name__ == "__main__"``."""
    begun: list[subprocess.Popen[str]] = []

    def run(seconds: float = 0) -> subprocess.Popen[str]:
        path = tmp_path / "script.py"
        path.write_text(SCRIPT.format(seconds=seconds), encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        pipe = subprocess.PIPE
        begun.append(
            subprocess.Popen(
                [sys.executable, str(path)], stdout=pipe, stderr=pipe, text=True, env=environment
            )
        )
        return begun[-1]

    yield run
    for process in begun:
        process.kill()
        process.communicate()


def wait_until_gone(family: list[int]) -> None:
    wait_until(lambda: not any(map(command, family)))


def family_of(process: subprocess.Popen[str]) -> list[int]:
    """Its workers, once they have loaded what they compute with."""
    wait_until(lambda: len(family := computing(process.pid)) >= 2 and all(map(_loaded, family)))
    return computing(process.pid)


def _loaded(process: int) -> bool:
    try:
        return "numba" in Path(f"/proc/{process}/maps").read_text(encoding="utf-8")
    except OSError:
        return False


def test_a_script_runs_once_and_leaves_nobody_behind(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start()
    output, errors = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output, errors) == (0, "begun\ndone\n0\n", "")


def test_processes_end_when_their_parent_is_killed(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start(seconds=10 * PATIENCE)
    family = family_of(process)
    process.kill()
    wait_until_gone(family)


def test_ctrl_c_while_they_compute_ends_them(start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start(seconds=10 * PATIENCE)
    family = family_of(process)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGINT
    wait_until_gone(family)


def test_a_task_that_the_processes_cannot_load_is_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    with (
        ProcessEvaluator(Stub(extra=Elsewhere()), 1) as evaluator,
        pytest.raises(Failure, match="has died"),
    ):
        evaluator.evaluate(BATCH, WEIGHTS, TRIAL)
    assert "a_library_of_this_process_alone" in "".join(capfd.readouterr())
