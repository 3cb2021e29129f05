"""The driver on a cluster where anything may fail: exactly the networks that cause it are given up."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from tests.evaluation.simulated import Scene, SimulatedActors
from tests.evaluation.stubs import Stub, connections
from tests.samples import evolved
from wann.errors import BadInput, Failure
from wann.evaluation import BackendSettings, LocalEvaluator
from wann.evaluation.chunks import Chunk, Evaluation
from wann.evaluation.ray.actors import Timing, WorkerLost
from wann.evaluation.ray.driver import Driver
from wann.evaluation.ray.schedule import Fault, Schedule
from wann.network import compile_population
from wann.tasks import Outcome, Trial

BATCH: Final = compile_population(evolved(1, 5, 40))
COUNTS: Final = connections(BATCH)
KINDS: Final = np.flatnonzero(np.isin(np.bincount(COUNTS), (1, 2))).tolist()
WEIGHTS: Final = np.array([-1.0, 0.5])
TRIAL: Final = Trial(np.arange(100, 103))
ENOUGH: Final = 11  # deaths and lost nodes that nobody may be convicted by: at attempts = 3 twelve are needed


def settings(**changes: Any) -> BackendSettings:
    return BackendSettings(kind="ray", **({"workers": 2, "limit_seconds": 10} | changes))


def driver(
    scene: Scene, said: list[str] | None = None, timing: Timing | None = None, **changes: Any
) -> tuple[Driver, SimulatedActors]:
    actors = SimulatedActors(scene)
    tell = (lambda _: None) if said is None else said.append
    return Driver(actors, settings(**changes), timing or Timing(), tell), actors


def evaluated(found: Driver) -> tuple[Outcome, Counter[tuple[int, int, int]]]:
    """The outcome, and how often each cell of it was filled."""
    filled: Counter[tuple[int, int, int]] = Counter()
    store = Evaluation.store

    def count(self: Evaluation, chunk: Chunk, *arrays: Any) -> None:
        store(self, chunk, *arrays)
        ranges = (range(*chunk.networks), range(*chunk.weights), range(*chunk.episodes))
        filled.update(
            (network, weight, episode)
            for network in ranges[0]
            for weight in ranges[1]
            for episode in ranges[2]
        )

    lose = Schedule.lose

    def watch(self: Schedule, chunks: Sequence[Chunk], *why: Any) -> None:
        assert len(chunks) == 1 or not any(chunk.isolation for chunk in chunks)
        assert sum(self._in_progress) == 1 or not any(chunk.isolation == 2 for chunk in chunks)
        lose(self, chunks, *why)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Evaluation, "store", count)
        patch.setattr(Schedule, "lose", watch)
        return found.evaluate(BATCH, WEIGHTS, TRIAL), filled


def check(found: Driver, guilty: set[int]) -> Outcome:
    """Evaluate; assert that all but the guilty are there once, and the guilty convicted."""
    outcome, filled = evaluated(found)
    with LocalEvaluator(Stub(), 1) as one:
        expected = one.evaluate(BATCH, WEIGHTS, TRIAL)
    innocent = np.array([network not in guilty for network in range(len(BATCH))])
    assert set(outcome.failed) == guilty
    assert outcome.returns[innocent].tobytes() == expected.returns[innocent].tobytes()
    assert outcome.steps[innocent].tobytes() == expected.steps[innocent].tobytes()
    cells = {cell: times for cell, times in filled.items() if cell[0] not in guilty}
    assert len(cells) == innocent.sum() * len(WEIGHTS) * TRIAL.episodes
    assert set(cells.values()) == {1}
    return outcome


def some(draw: st.DrawFn, *values: float) -> Any:
    """A duration that is drawn anew each time, by a generator that hypothesis seeds."""
    rng = random.Random(draw(st.integers(0, 2**32)))  # noqa: S311
    return lambda: rng.choice(values)


@st.composite
def scenes(draw: st.DrawFn) -> tuple[Scene, int, random.Random, list[tuple[float, str]]]:
    """A scene, the number of workers, and the events that kill workers and nodes."""
    deeds = st.sampled_from(["raise", "die", "node", "spin", "sleep", "hold"])
    misdeeds = draw(st.dictionaries(st.sampled_from(KINDS), deeds, max_size=2))
    scene = Scene(
        nodes=draw(st.lists(st.integers(1, 3), min_size=1, max_size=3)),
        misdeeds=misdeeds,
        start=some(draw, 0.1, 1.0, 60.0),
        prepare=some(draw, 0.1, 3.0, 50.0),
        # The last is a starved machine: far beyond the limit on the clock, but not by processor time.
        compute=some(draw, *draw(st.sampled_from([(0.001,), (0.001, 0.01, 0.1), (0.01, 40.0 / len(BATCH))]))),
        busy=some(draw, 0.05, 0.1),
        travel=some(draw, 0.0001, 0.001, 0.5),
        node_returns=draw(st.sampled_from([0.5, 10.0, 100.0])),
    )
    events = st.tuples(st.floats(0.0, 30.0), st.sampled_from(["kill", "kill", "vanish"]))
    fates = draw(st.lists(events, max_size=ENOUGH))
    while sum(Fault.NODE.value if kind == "vanish" else 1 for _, kind in fates) > ENOUGH:
        fates.pop()
    return scene, draw(st.integers(1, 5)), random.Random(draw(st.integers(0, 99))), fates  # noqa: S311


@hypothesis(deadline=None)
@given(scenes())
def test_in_every_history_the_innocent_are_evaluated_once_and_the_guilty_convicted(
    drawn: tuple[Scene, int, random.Random, list[tuple[float, str]]],
) -> None:
    scene, workers, rng, fates = drawn
    seldom = Timing(wait=5.0, poll_starting=2.0, status=5.0)  # limits and breaks last for hours
    found, actors = driver(scene, timing=seldom, workers=workers, wait_seconds=1000, start_seconds=100)
    when = 0.0
    for gap, kind in fates:
        when += gap
        event = actors.kill_any if kind == "kill" else actors.vanish_any
        actors.later(when, lambda event=event: event(rng))  # type: ignore[misc]
    guilty = set(np.flatnonzero(np.isin(COUNTS, list(scene.misdeeds))).tolist())
    check(found, guilty)
    # Once among others, alone with its worker, alone in the cluster, split twice, and then by itself.
    assert all(count <= len(guilty) * (5 + 12) + len(fates) for count in actors.caused.values())
    assert actors.clock < 1e6
    check(found, guilty)  # and again: nothing is left of the first


def test_workers_killed_between_two_chunks_charge_neither() -> None:
    # Each death finds the answer to a first chunk on its way; both are sent again, in the same order.
    found, actors = driver(Scene(between=20), workers=1, attempts=1)
    check(found, set())
    hired = actors.requested
    check(found, set())  # the pace is known now
    assert actors.requested > hired > 1


def test_what_its_worker_dies_of_is_convicted_by_deaths_suffered_alone() -> None:
    kind = KINDS[0]
    guilty = set(np.flatnonzero(kind == COUNTS).tolist())
    found, actors = driver(Scene(misdeeds={kind: "die"}), attempts=1)
    outcome = check(found, guilty)
    assert set(outcome.failed.values()) == {"its process died"}
    assert 4 * len(guilty) <= actors.caused["die"] <= 9 * len(guilty)


def test_a_network_that_takes_its_node_along_is_given_up_and_nobody_who_was_there_with_it() -> None:
    # Three workers on one node: whatever they compute is lost with it, each time.
    kind = KINDS[-1]
    guilty = set(np.flatnonzero(kind == COUNTS).tolist())
    scene = Scene(nodes=(3,), misdeeds={kind: "node"}, compute=lambda: 5.0, deed=lambda: 0.01)
    found, actors = driver(scene, workers=3, wait_seconds=100, limit_seconds=1e3, attempts=1)
    outcome = check(found, guilty)
    assert set(outcome.failed.values()) == {"its node is gone"}
    assert 2 * len(guilty) < actors.caused["node"] <= len(guilty) * (5 + 2)


def test_a_starved_machine_convicts_nobody() -> None:
    # A chunk takes nine times its limit, of which the processor gives it a hundredth.
    said: list[str] = []
    found, _ = driver(Scene(compute=lambda: 90.0 / 40, busy=lambda: 0.01), said)
    check(found, set())
    assert not any("was lost" in sentence for sentence in said)


@pytest.mark.parametrize(
    ("deed", "reason", "soonest"),
    [
        ("spin", "no answer within 40 s of its processor", 10 + 20 + 40),
        ("sleep", "no answer within 400 s", 100 + 200 + 400),
        ("hold", "no answer within 400 s", 100 + 200 + 400),
    ],
)
def test_a_silent_network_is_given_up_after_limits_that_are_doubled(
    deed: str, reason: str, soonest: float
) -> None:
    kind = KINDS[0]
    guilty = set(np.flatnonzero(kind == COUNTS).tolist())
    found, actors = driver(Scene(nodes=(4,), misdeeds={kind: deed}), workers=4)
    outcome = check(found, guilty)
    assert set(outcome.failed.values()) == {reason}
    assert actors.clock > soonest


def test_patience_runs_only_while_there_is_no_core() -> None:
    # Starting takes longer than the patience of 20 s, and so does preparing.
    found, actors = driver(Scene(start=lambda: 250.0, prepare=lambda: 300.0, busy=lambda: 0.1))
    assert actors.clock > 550
    check(found, set())


def test_without_a_core_the_truth_is_said_at_the_beginning_and_later() -> None:
    with pytest.raises(BadInput, match=r"had no core for a worker for 20 s \(cores there: 0\); raise"):
        driver(Scene(nodes=()))
    found, actors = driver(Scene(node_returns=None))
    actors.vanish(0)
    before = actors.clock
    with pytest.raises(Failure, match=r"had no core for a worker for 20 s \(cores there: 0\); raise"):
        found.evaluate(BATCH, WEIGHTS, TRIAL)
    assert 20 < actors.clock - before < 25


def test_cores_that_others_have_taken_are_called_taken() -> None:
    actors = SimulatedActors(Scene(nodes=(4,)))
    for _ in range(4):
        actors.start()
    with pytest.raises(BadInput, match=r"cores there: 4, all of them taken"):
        Driver(actors, settings(), Timing())


def test_a_core_that_comes_in_time_is_used() -> None:
    actors = SimulatedActors(Scene(nodes=()))
    actors.later(19.0, lambda: actors.appear(1))
    check(Driver(actors, settings(), Timing()), set())


def test_time_in_which_nobody_looked_is_no_absence() -> None:
    # As where this process is stopped for a while.
    actors = SimulatedActors(Scene(nodes=()))
    actors.later(5.0, lambda: setattr(actors, "clock", 1000.0))
    actors.later(1001.0, lambda: actors.appear(1))
    check(Driver(actors, settings(), Timing()), set())


def test_a_worker_that_does_not_start_is_replaced() -> None:
    starts = iter([1e9, 1e9])
    said: list[str] = []
    found, actors = driver(Scene(start=lambda: next(starts, 1.0)), said, start_seconds=50)
    check(found, set())
    assert 50 < actors.clock < 70
    assert "a new worker failed (it did not start within 50 s); going on without it" in said


def test_pauses_before_hiring_again_are_no_absence() -> None:
    # Ten deaths while preparing, with pauses of up to a minute between them.
    said: list[str] = []
    found, actors = driver(Scene(prepares=["die"] * 10), said, workers=1)
    check(found, set())
    assert actors.clock > 4 * 60
    assert said[0] == "a worker on node 0 failed (killed); going on without it"


@pytest.mark.parametrize(("fate", "rounds"), [("die", 12), ("ValueError: no room", 1)])
def test_workers_none_of_which_can_prepare_end_it_at_the_beginning(fate: str, rounds: int) -> None:
    actors = SimulatedActors(Scene(prepares=[fate] * 100))
    with pytest.raises(BadInput, match=r"no worker can compute: a worker on node 0 failed \((killed|Val)"):
        Driver(actors, settings(), Timing())
    assert actors.requested == 2 * rounds
    assert not actors.actors


def test_workers_none_of_which_can_prepare_any_more_end_it_later() -> None:
    found, actors = driver(Scene(prepares=["", "", *["OSError: full"] * 100]))
    for actor in list(actors.actors):
        actors.end(actor, WorkerLost("killed", Fault.DEATH))
    with pytest.raises(Failure, match=r"no worker can compute: .*OSError: full"):
        found.evaluate(BATCH, WEIGHTS, TRIAL)
    assert actors.requested <= 2 + 2 * 3


def test_one_that_fails_to_prepare_does_not_stop_the_others() -> None:
    said: list[str] = []
    found, _ = driver(Scene(prepares=["ValueError: no room"]), said)
    check(found, set())
    assert "a worker on node 0 failed (ValueError: no room); going on without it" in said


def test_an_evaluation_that_is_broken_off_leaves_nothing_behind() -> None:
    found, actors = driver(Scene())

    def interrupt() -> None:
        raise KeyboardInterrupt

    for _ in range(3):
        actors.later(0.05, interrupt)
        with pytest.raises(KeyboardInterrupt):
            found.evaluate(BATCH, WEIGHTS, Trial(np.arange(3)))
        check(found, set())
