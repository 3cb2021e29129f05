"""These tests need the extra ``torch``; without it they are not collected."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest

collect_ignore_glob = [] if importlib.util.find_spec("torch") else ["test_*.py"]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small networks are fastest in one thread, and sums have the same bits everywhere."""
    from wann.pruning.training import one_thread  # noqa: PLC0415 - not without torch

    with one_thread():
        yield
