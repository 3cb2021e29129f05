"""Schedules: every chunk is computed once, and sizes follow the measured pace."""

from __future__ import annotations

from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.samples import evolved
from wann.evaluation.chunks import Chunk, Evaluation
from wann.evaluation.ray.schedule import Fault, Pace, Schedule
from wann.network import compile_population
from wann.tasks import Trial

ATTEMPTS = 3


def evaluation(networks: int, weights: int = 2, episodes: int = 3) -> Evaluation:
    population = evolved(3, 20, 60).take(np.arange(networks))
    return Evaluation(compile_population(population), np.ones(weights), Trial(np.arange(episodes)))


def cells(chunk: Chunk) -> list[tuple[int, int, int]]:
    return list(product(range(*chunk.networks), range(*chunk.weights), range(*chunk.episodes)))


def known(seconds: float, work: Evaluation) -> Pace:
    """A pace at which all of it takes so long."""
    pace = Pace()
    pace.update(float(work.cost[-1]), seconds)
    return pace


@settings(deadline=None)
@given(data=st.data(), networks=st.integers(1, 60), workers=st.integers(1, 9))
def test_every_cell_arrives_once_whatever_is_lost(data: st.DataObject, networks: int, workers: int) -> None:
    work = evaluation(networks)
    pace = known(data.draw(st.floats(0.001, 100.0)), work) if data.draw(st.booleans()) else Pace()
    schedule = Schedule(work, pace, ATTEMPTS)
    guilty = data.draw(st.integers(0, 59))
    arrived: Counter[tuple[int, int, int]] = Counter()
    out: list[Chunk] = []
    penalty = 0
    while not schedule.done:
        while len(out) < workers and (chunk := schedule.take(workers)) is not None:
            out.append(chunk)
        chunk = out.pop(data.draw(st.integers(0, len(out) - 1)))
        assert chunk.isolation < 2 or not out  # nothing else is computed meanwhile
        fate = data.draw(st.integers(0, 9)) if penalty < ATTEMPTS * Fault.ERROR.value - 2 else 0
        if guilty in range(*chunk.networks):
            schedule.fail(chunk, "guilty", Fault.ERROR)
        elif fate in (1, 2):  # with whatever else its worker had
            fault = (Fault.DEATH, Fault.NODE)[fate - 1]
            queue = [chunk, *([out.pop()] if out and not chunk.isolation and not out[-1].isolation else [])]
            schedule.lose(queue, "lost", fault)
            penalty += fault.value
        elif fate == 3:
            schedule.give_back(chunk)
        else:
            schedule.complete(chunk, 0.01)
            arrived.update(cells(chunk))
    innocent = [cell for cell in cells(work.whole) if cell[0] != guilty]
    assert sorted(arrived.elements()) == innocent
    assert schedule.failed == ({guilty: "guilty"} if guilty < networks else {})


def sizes(schedule: Schedule, workers: int) -> list[int]:
    """Episodes in each chunk; a network of ``evaluation`` has six."""
    found = []
    while (chunk := schedule.take(workers)) is not None:
        found.append(len(cells(chunk)))
    return found


def test_nothing_known_one_network_tells() -> None:
    assert sizes(Schedule(evaluation(9), Pace(), ATTEMPTS), 2) == [6] * 9


def test_chunks_shrink_towards_the_end_so_that_nobody_is_waited_for() -> None:
    work = evaluation(60)
    found = sizes(Schedule(work, known(2.0, work), ATTEMPTS), 4)
    assert sum(found) == 60 * 6
    assert found[0] > 4 * found[-1]
    assert max(np.diff(found)) <= 6  # networks differ in cost, so that sizes fall but roughly


def test_a_short_generation_is_not_torn_into_messages() -> None:
    work = evaluation(60)
    assert sizes(Schedule(work, known(0.005, work), ATTEMPTS), 8) == [60 * 6]


def test_a_long_generation_comes_in_pieces_that_may_be_lost() -> None:
    work = evaluation(60)
    assert max(sizes(Schedule(work, known(600.0, work), ATTEMPTS), 2)) <= 3


def test_many_workers_get_fewer_and_larger_chunks_than_the_driver_could_serve() -> None:
    work = evaluation(60)
    assert len(sizes(Schedule(work, known(4.0, work), ATTEMPTS), 500)) <= 6


def test_what_was_lost_among_others_is_charged_to_nobody_and_goes_alone() -> None:
    work = evaluation(60)
    schedule = Schedule(work, known(2.0, work), 1)
    first, second = schedule.take(2), schedule.take(2, ahead=True)
    assert first is not None
    assert second is not None
    schedule.lose([first, second], "killed", Fault.DEATH)
    again = [schedule.take(2), schedule.take(2)]
    assert [(chunk.networks, chunk.isolation, chunk.penalty) for chunk in again if chunk] == [
        (first.networks, 1, 0),
        (second.networks, 1, 0),
    ]


def test_isolated_chunks_are_not_taken_ahead() -> None:
    work = evaluation(60)
    schedule = Schedule(work, known(2.0, work), ATTEMPTS)
    chunk = schedule.take(2)
    assert chunk is not None
    schedule.lose([chunk], "killed", Fault.DEATH)
    ahead = schedule.take(2, ahead=True)
    assert ahead is not None
    assert (ahead.networks[0], ahead.isolation) == (chunk.networks[1], 0)


def test_what_a_node_may_have_died_of_waits_until_nothing_else_is_computed() -> None:
    work = evaluation(60)
    schedule = Schedule(work, known(2.0, work), 1)
    chunk = schedule.take(2)
    assert chunk is not None
    for isolation in (1, 2):
        schedule.lose([chunk], "gone", Fault.NODE)
        out = []
        while (chunk := schedule.take(2)) is not None and chunk.isolation < isolation:
            out.append(chunk)
        for other in out:
            schedule.complete(other, 0.1)
        chunk = chunk or schedule.take(2)
        assert chunk is not None
        assert (chunk.isolation, chunk.penalty) == (isolation, 0)
    assert schedule.take(2) is None
    schedule.lose([chunk], "gone", Fault.NODE)  # split, for it was alone
    part = schedule.take(2)
    assert part is not None
    assert (part.isolation, part.size < chunk.size, schedule.take(2)) == (2, True, None)


@pytest.mark.parametrize("fault", [Fault.ERROR, Fault.DEATH])
def test_one_network_that_is_worth_many_chunks_is_split_by_weights(fault: Fault) -> None:
    work = evaluation(1, weights=16)
    schedule = Schedule(work, known(10.0, work), ATTEMPTS)
    chunks = []
    while (chunk := schedule.take(2)) is not None:
        chunks.append(chunk)
    assert len(chunks) >= 5
    assert sorted(cell for chunk in chunks for cell in cells(chunk)) == cells(work.whole)
    # Whatever part of it fails again and again, it is the network that has failed.
    guilty, *rest = chunks
    for _ in range(ATTEMPTS * Fault.ERROR.value // fault.value):
        assert not schedule.done
        schedule.fail(guilty, "why", fault)
        guilty = schedule.take(2) or guilty
    for chunk in rest:
        schedule.complete(chunk, 0.1)
    assert schedule.done
    assert schedule.failed == {0: "why"}


def test_the_pace_follows_what_is_measured() -> None:
    pace = Pace()
    for _ in range(30):
        pace.update(10.0, 5.0)
    assert pace.value == pytest.approx(0.5)
    for _ in range(30):
        pace.update(10.0, 20.0)
    assert pace.value == pytest.approx(2.0, rel=0.01)
