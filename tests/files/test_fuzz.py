"""Whatever is wrong with a file: it is refused in a sentence, or read; nothing else, and in little memory."""

from __future__ import annotations

import importlib.util
import random
import resource
from collections.abc import Iterator

import pytest

from tests.files.subjects import KINDS, Subject, light, make_subjects, meet

CASES = 100
MEMORY = 300 * 2**20


@pytest.fixture(scope="module")
def subjects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Subject]]:
    with light():
        yield make_subjects(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs the extra torch")
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_read_or_refused(kind: str, subjects: dict[str, Subject]) -> None:
    subject = subjects[kind]
    whole = meet(subject, iter([("whole", subject.content)]))
    assert whole.failures == []
    assert whole.read or kind == "images.idx"  # four images are not what MNIST has
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def cases() -> Iterator[tuple[str, bytes]]:
        for number in range(CASES):
            yield f"{kind} {number}", subject.damage(random.Random(f"{kind} {number}"), subject.content)  # noqa: S311
        yield from ((f"{kind} hostile {number}", content) for number, content in enumerate(subject.hostile))

    outcome = meet(subject, cases())
    assert outcome.failures == []
    assert outcome.refused >= CASES // 6 or kind == "prepared.npz"  # those are prepared again
    used = 1024 * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak)
    assert used < MEMORY
