"""The protocol between the worker pool and a cluster, small enough that a test can simulate a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .schedule import Fault

__all__ = ["Actors", "Timing", "WorkerLost"]


class WorkerLost(Exception):
    """A worker is gone.

    Attributes:
        reason: what happened to it, as a clause.
        fault: what kind of failure it is.
    """

    def __init__(self, reason: str, fault: Fault) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fault = fault


class Actors(Protocol):
    """A cluster that runs workers as actors, and the clock that time limits are measured by.

    Actors and calls are opaque and hashable. The calls of one actor are answered in order, except
    ``status``, which is answered at any time.

    Attributes:
        name: the cluster's name in messages.
    """

    name: str

    def now(self) -> float:
        """The time in seconds since an arbitrary moment."""

    def cores(self) -> int:
        """Number of cores of all present nodes, taken or free."""

    def start(self) -> Any:
        """Request a core and start a worker on it; returns the actor."""

    def have_core(self, actors: Sequence[Any]) -> Sequence[bool]:
        """Which of these actors have been given a core."""

    def call(self, actor: Any, method: str, *messages: bytes) -> Any:
        """Call a method of ``Worker``; returns the call."""

    def wait(self, calls: Sequence[Any], seconds: float) -> Sequence[Any]:
        """Wait until at least one call is answered, at most ``seconds``; returns all answered calls."""

    def answer(self, call: Any) -> bytes:
        """The answer to an answered call.

        Raises:
            WorkerLost: there is none, because the worker is gone.
            Failure: the cluster itself is gone.
        """

    def kill(self, actor: Any) -> None:
        """Kill a worker, if it is still alive, and release its core."""


@dataclass(frozen=True)
class Timing:
    """The intervals of a worker pool, in seconds.

    Attributes:
        wait: the longest wait for an answer between checks of everything else.
        poll_starting: between polls of workers that are starting, which may be thousands.
        count_cores: between counts of the cluster's cores.
        status: between requests for the status of a worker that exceeds its limit by the clock.
        backoff: before the first replacement of a worker that failed to prepare; doubled each time.
        longest_backoff: the longest such time.
        prepare: the least limit of processor time for preparing, which includes imports and compilation.
        repeat: before the same sentence is told again.
    """

    wait: float = 0.5
    poll_starting: float = 0.2
    count_cores: float = 2.0
    status: float = 1.0
    backoff: float = 1.0
    longest_backoff: float = 60.0
    prepare: float = 120.0
    repeat: float = 60.0
