"""The order and size of chunks, which follow the measured pace, and the retries of failed ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from typing import Final

import numpy as np

from ..chunks import Chunk, Evaluation

__all__ = ["Fault", "Pace", "Schedule"]

_ROUND_SHARE: Final = (
    0.75  # of the remaining work goes into a round of one chunk per worker: large ones first
)
_LONGEST: Final = 2.0  # seconds of a chunk: the most work that is lost with a worker
_SHORTEST: Final = 0.002  # seconds of a chunk: a message takes 1 ms of processor time on either side
_LAST_ROUND: Final = 0.016  # seconds of work per worker, below which everything goes into one round
_DRIVER_SECONDS: Final = (
    0.0015  # of a chunk, per worker: the driver serves so many messages with time to spare
)
_PARTS: Final = 8  # into which a failed chunk is split, to find the network that it failed for


class Fault(Enum):
    """How a chunk failed; the value is the penalty of a network that was computed alone.

    An error or a hang is most likely the network's own; processes and nodes are lost for many reasons.
    """

    ERROR = 4
    NODE = 2
    DEATH = 1


class Pace:
    """Moving average of the seconds that a unit of cost takes.

    Attributes:
        value: the average, None before the first measurement.
    """

    def __init__(self) -> None:
        self.value: float | None = None

    def update(self, cost: float, seconds: float) -> None:
        """Include a measurement."""
        measured = seconds / cost
        self.value = measured if self.value is None else 0.8 * self.value + 0.2 * measured


class Schedule:
    """Hands out an evaluation in chunks until each is complete or its network is given up.

    The cause of a worker's death is known only if the worker had a single chunk, and that of a node only if
    nothing else was computed. The first loss of a chunk is therefore not counted against its networks: the
    chunk is retried as the only chunk of a worker, and after a further loss of a node as the only chunk on
    the whole cluster. If it is lost again, it is split, and a chunk of a single network is penalised.

    Attributes:
        failed: networks that were given up, with the reasons.
    """

    def __init__(self, evaluation: Evaluation, pace: Pace, attempts: int) -> None:
        self.failed: dict[int, str] = {}
        self._evaluation = evaluation
        self._pace = pace
        self._attempts = attempts
        self._queues: tuple[deque[Chunk], ...] = (deque(), deque(), deque())  # by isolation
        self._next = 0  # the first network that is in no chunk yet
        self._in_progress: list[int] = [0, 0, 0]  # number of chunks, by isolation

    @property
    def done(self) -> bool:
        """Whether no chunk is left or in progress."""
        self._drop_failed()
        return (
            not any(self._in_progress) and not any(self._queues) and self._next == self._evaluation.whole.size
        )

    def take(self, workers: int, *, ahead: bool = False) -> Chunk | None:
        """The next chunk to compute; None if there is none at present.

        While an isolated chunk is in progress, its worker must not be given another.

        Args:
            workers: number of workers that share the work, which determines the size.
            ahead: whether the chunk is queued on a worker that is busy.
        """
        self._drop_failed()
        shared, alone, solitary = self._queues
        if self._in_progress[2]:
            return None
        if alone and not ahead:
            return self._started(alone.popleft())
        if not shared and self._next < self._evaluation.whole.size:
            shared.extend(self._next_round(workers))
        if shared:
            return self._started(shared.popleft())
        if solitary and not ahead and not any(self._in_progress):
            return self._started(solitary.popleft())
        return None

    def _started(self, chunk: Chunk) -> Chunk:
        self._in_progress[chunk.isolation] += 1
        return chunk

    def complete(self, chunk: Chunk, seconds: float) -> None:
        """Record that a chunk was computed, in ``seconds`` on its worker."""
        self._in_progress[chunk.isolation] -= 1
        self._pace.update(self._evaluation.cost_of(chunk), seconds)

    def fail(self, chunk: Chunk, reason: str, fault: Fault) -> None:
        """Record a failure that the chunk caused: it is split, or its single network penalised."""
        self._in_progress[chunk.isolation] -= 1
        isolation = max(1, chunk.isolation)
        penalty = chunk.penalty + fault.value
        if chunk.size > 1:
            parts = (replace(part, isolation=isolation) for part in chunk.split(_PARTS))
            self._queues[isolation].extend(parts)
        elif penalty >= self._attempts * Fault.ERROR.value:
            self.failed[chunk.networks[0]] = reason
        else:
            self._queues[isolation].append(replace(chunk, isolation=isolation, penalty=penalty))

    def lose(self, chunks: Sequence[Chunk], reason: str, fault: Fault) -> None:
        """Record that a worker was lost with all chunks in its queue; see the class for what follows."""
        for chunk in chunks:
            if chunk.isolation >= (2 if fault is Fault.NODE else 1):
                self.fail(chunk, reason, fault)
            else:
                self._in_progress[chunk.isolation] -= 1
                isolation = chunk.isolation + 1
                self._queues[isolation].append(replace(chunk, isolation=isolation))

    def give_back(self, chunk: Chunk) -> None:
        """Put a chunk back that was taken, but never begun."""
        self._in_progress[chunk.isolation] -= 1
        self._queues[chunk.isolation].appendleft(chunk)

    def _next_round(self, workers: int) -> list[Chunk]:
        """The next chunks, of about equal duration, at most one for each worker unless networks are large."""
        whole, cost, pace = self._evaluation.whole, self._evaluation.cost, self._pace.value
        begin = self._next
        if pace is None:  # measure it with a single network
            self._next = begin + 1
            return [replace(whole, networks=(begin, begin + 1))]
        remaining = pace * float(cost[-1] - cost[begin])
        shortest = max(_SHORTEST, _DRIVER_SECONDS * workers)
        count = max(1, min(workers, round(remaining / shortest)))
        last_round = remaining < max(_LAST_ROUND, 2 * shortest) * workers
        seconds = min(remaining / count if last_round else _ROUND_SHARE * remaining / workers, _LONGEST)
        bounds = cost[begin] + seconds / pace * np.arange(1, count + 1)
        ends = np.searchsorted(cost, bounds * (1 - 1e-12)).clip(max=whole.size).tolist()
        chunks: list[Chunk] = []
        for end in ends:
            while self._next < end:
                begin, self._next = self._next, min(end, self._evaluation.inline_end(self._next))
                chunk = replace(whole, networks=(begin, self._next))
                parts = int(pace * (cost[self._next] - cost[begin]) / seconds) if chunk.size == 1 else 1
                chunks += chunk.split(parts) if parts > 1 else [chunk]
        return chunks

    def _drop_failed(self) -> None:
        for queue in self._queues:
            while queue and queue[0].size == 1 and queue[0].networks[0] in self.failed:
                queue.popleft()
