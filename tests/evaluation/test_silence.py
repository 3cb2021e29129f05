"""Who is silent is given up by the time that its processor gave it, or much later by the clock."""

from __future__ import annotations

from wann.evaluation.silence import WALL, Silence


def test_seconds_of_its_processor_count_and_those_without_one_hardly() -> None:
    silence = Silence(10)
    silence.lasts(processor=10, wall=10 * WALL)
    assert silence.too_long is None
    silence.lasts(processor=10.1)
    assert silence.too_long == "no answer within 10 s of its processor's time"
    silence = Silence(10)
    for _ in range(WALL + 1):
        assert silence.too_long is None
        silence.lasts(wall=10)
    assert silence.too_long == "no answer within 50 s"


def test_a_sign_of_life_breaks_it() -> None:
    silence = Silence(1)
    for _ in range(100):
        silence.lasts(processor=0.9, wall=WALL)
        assert silence.too_long is None
        silence.broken()


def test_it_is_remarked_upon_once() -> None:
    silence = Silence(1)
    found = []
    for _ in range(5):
        silence.lasts(wall=0.5)
        found.append(silence.remarkable)
    assert found == [False, False, True, False, False]
    silence.broken()
    silence.lasts(wall=2)
    assert silence.remarkable
