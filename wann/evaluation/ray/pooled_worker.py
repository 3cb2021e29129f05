"""What a worker pool knows of each of its workers."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from ..chunks import Chunk

__all__ = ["PooledWorker", "WorkerState"]


class WorkerState(IntEnum):
    """The stages of a worker's life."""

    GONE = -1
    NO_CORE = 0
    STARTING = 1
    PREPARING = 2
    READY = 3


@dataclass(eq=False)
class PooledWorker:
    """The pool's record of one worker.

    Attributes:
        actor: its handle.
        since: when its state began, or its first call became the first.
        state: its stage.
        calls: its unanswered calls in order, with their chunks; None for calls without one.
        answered: number of calls that it has answered.
        host: the machine it runs on, once known.
        status_call: the request for its status that it has not answered.
        status_asked: when its status was last requested.
        computing: the number of the call that it computes, by its last status.
    """

    actor: Any
    since: float
    state: WorkerState = WorkerState.NO_CORE
    calls: deque[tuple[Any, Chunk | None]] = field(default_factory=deque)
    answered: int = 0
    host: str = ""
    status_call: Any = None
    status_asked: float = 0.0
    computing: int = 0

    @property
    def computes_first(self) -> bool:
        """Whether it is known to compute the first of its calls."""
        return self.computing == self.answered + 1

    @property
    def isolated(self) -> bool:
        """Whether it has a chunk that must be its only one."""
        return any(chunk is not None and chunk.isolation for _, chunk in self.calls)
