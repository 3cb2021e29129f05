"""What holds for every test: how many examples properties are tried on, and what Ctrl-C does.

Few examples by default, many in ``make test-slow``; always the same.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import pytest
from hypothesis import settings

settings.register_profile("default", max_examples=50, derandomize=True, deadline=None)
settings.register_profile("thorough", max_examples=300, derandomize=True, deadline=None)
settings.load_profile("default")

# A shell lets what it runs in the background ignore Ctrl-C, and so would every process that a test begins.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


class _Forking:
    """A context of multiprocessing whose processes begin as copies of this one."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("fork")
        self._ours: list[Connection] = []

    def Pipe(self) -> tuple[Connection, Connection]:  # noqa: N802 - as in multiprocessing
        """Two ends, the first of which stays here."""
        ours, theirs = self._context.Pipe()
        self._ours.append(ours)
        return ours, theirs

    def Process(self, target: Callable[..., None], args: tuple[Any, ...]) -> Any:  # noqa: N802
        """A process without copies of our ends, so that it sees them closed."""

        def run(*arguments: Any) -> None:
            for connection in self._ours:
                connection.close()
            target(*arguments)

        return self._context.Process(target=run, args=args)


@pytest.fixture
def _forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes that begin in no time; that fresh ones import what they need is proved elsewhere."""
    forking = _Forking()
    monkeypatch.setattr("loky.backend.context.get_context", lambda _: forking)


@pytest.fixture(scope="module")
def _no_report() -> Iterator[None]:
    """Searches without pictures, which take longer than a short search and have tests of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("wann.api._search.report_run", lambda *_: None)
        yield
