"""Calls of an environment are limited by processor time, or much later by the clock."""

from __future__ import annotations

from wann.evaluation.watchdog import WALL_FACTOR, Watchdog


def test_processor_time_counts_and_time_without_a_processor_hardly() -> None:
    watchdog = Watchdog(10)
    watchdog.add(processor=10, wall=10 * WALL_FACTOR)
    assert watchdog.expired is None
    watchdog.add(processor=10.1)
    assert watchdog.expired == "no answer within 10 s of its processor's time"
    watchdog = Watchdog(10)
    for _ in range(WALL_FACTOR + 1):
        assert watchdog.expired is None
        watchdog.add(wall=10)
    assert watchdog.expired == "no answer within 50 s"


def test_time_spent_waiting_for_a_processor_does_not_count() -> None:
    watchdog = Watchdog(1)
    for _ in range(100):
        watchdog.add(wall=10, waiting=9.99)
        assert watchdog.expired is None
    watchdog.add(waiting=100)  # reported late
    watchdog.add(wall=WALL_FACTOR)
    assert watchdog.expired is None
    watchdog.add(wall=0.1)
    assert watchdog.expired == "no answer within 5 s"


def test_a_call_that_returns_resets_it() -> None:
    watchdog = Watchdog(1)
    for _ in range(100):
        watchdog.add(processor=0.9, wall=WALL_FACTOR)
        assert watchdog.expired is None
        watchdog.reset()


def test_a_long_call_is_warned_of_once() -> None:
    watchdog = Watchdog(1)
    warnings = []
    for _ in range(5):
        watchdog.add(wall=0.5)
        warnings.append(watchdog.warning_due)
    assert warnings == [False, False, True, False, False]
    watchdog.reset()
    watchdog.add(wall=2)
    assert watchdog.warning_due
