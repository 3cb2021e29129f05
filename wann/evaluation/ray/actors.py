"""What a crew of workers asks of a cluster, in so few words that a test can simulate one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .schedule import Trouble

__all__ = ["Actors", "Gone", "Timing"]


class Gone(Exception):
    """A worker is gone.

    Attributes:
        reason: what became of it, in a clause.
        trouble: what kind of loss it is.
    """

    def __init__(self, reason: str, trouble: Trouble) -> None:
        super().__init__(reason)
        self.reason = reason
        self.trouble = trouble


class Actors(Protocol):
    """A cluster that runs workers, and the clock by which they are waited for.

    Actors and calls are opaque and hashable. Calls of one actor are answered in order, except those
    of ``pulse``, which are answered at any time.

    Attributes:
        name: what messages call the cluster.
    """

    name: str

    def now(self) -> float:
        """Seconds since some moment."""

    def cores(self) -> int:
        """Cores of all nodes that are there now, taken or free."""

    def hire(self) -> Any:
        """Request a core, and a worker on it."""

    def granted(self, actors: Sequence[Any]) -> Sequence[bool]:
        """Which of them have been given a core."""

    def ask(self, actor: Any, method: str, *messages: bytes) -> Any:
        """Call a method of ``Worker``."""

    def wait(self, calls: Sequence[Any], seconds: float) -> Sequence[Any]:
        """All calls that are answered, as soon as there is one; none after so many seconds."""

    def answer(self, call: Any) -> bytes:
        """The answer to a call that is answered.

        Raises:
            Gone: the worker is, and this is how it is known.
            Failure: the cluster itself is gone.
        """

    def dismiss(self, actor: Any) -> None:
        """Kill a worker, whatever is left of it, and give its core back."""


@dataclass(frozen=True)
class Timing:
    """The intervals of a crew, in seconds.

    Attributes:
        tick: longest wait for an answer, before looking at everything else.
        look: between looks at workers that are still to come, which may be thousands.
        count: between looks at how large the cluster is.
        pulse: between questions for the processor time of a worker that is late.
        pause: before the first replacement of a worker that failed to prepare; doubled each time.
        longest_pause: at most.
        prepare: processor seconds for imports and compiling, at least, whatever the limit of a chunk.
        repeat: before the same sentence is said again.
    """

    tick: float = 0.5
    look: float = 0.2
    count: float = 2.0
    pulse: float = 1.0
    pause: float = 1.0
    longest_pause: float = 60.0
    prepare: float = 120.0
    repeat: float = 60.0
