"""Which chunk comes next: sizes that follow the measured pace, and what has failed once more."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from typing import Final

import numpy as np

from ..chunks import Chunk, Evaluation

__all__ = ["Pace", "Schedule", "Trouble"]

_SHARE: Final = (
    0.75  # of the remaining work is in a round of one chunk for each worker: large first, small last
)
_LONGEST: Final = 2.0  # seconds: what is lost with a worker, at most
_SHORTEST: Final = 0.002  # seconds: a message takes 1 ms of either side's processor
_REST: Final = 0.016  # seconds for each worker: what is left is not worth another round
_DRIVER: Final = 0.0015  # seconds for each worker: so many messages the driver can serve with time to spare
_PARTS: Final = 8  # into which a chunk that failed is split, to find the network it failed for


class Trouble(Enum):
    """A kind of loss; its value says how much it speaks against a network that was alone with it.

    An error or a silence is mostly the fault of the network; a process and a node die for many reasons.
    """

    ERROR = 4
    NODE = 2
    DEATH = 1


class Pace:
    """Seconds for a unit of cost, from the chunks measured of late; None before the first."""

    def __init__(self) -> None:
        self.value: float | None = None

    def measured(self, cost: float, seconds: float) -> None:
        """Learn from a chunk."""
        found = seconds / cost
        self.value = found if self.value is None else 0.8 * self.value + 0.2 * found


class Schedule:
    """Hands out an evaluation in chunks until every one has arrived, or its network has failed.

    What a worker died of is known only where it had a single chunk, and what a node died of only where
    nothing else was computed. So a loss is charged to nobody at first: what was lost goes alone to a
    worker without other chunks, and after the loss of a node from there, alone to the whole cluster.
    What is lost alone is split, and a single network charged.

    Attributes:
        failed: networks that were given up, and why.
    """

    def __init__(self, evaluation: Evaluation, pace: Pace, attempts: int) -> None:
        self.failed: dict[int, str] = {}
        self._evaluation = evaluation
        self._pace = pace
        self._attempts = attempts
        self._again: tuple[deque[Chunk], ...] = (deque(), deque(), deque())  # by their isolation
        self._next = 0
        self._out: list[int] = [0, 0, 0]

    @property
    def done(self) -> bool:
        """Whether nothing is left to hand out, and nothing is out."""
        self._drop_failed()
        return not any(self._out) and not any(self._again) and self._next == self._evaluation.whole.size

    def take(self, workers: int, *, ahead: bool = False) -> Chunk | None:
        """The next chunk, sized for so many workers; None if there is none at present.

        Where the chunk is isolated, its worker gets no other until it is done.

        Args:
            workers: how many share the work.
            ahead: whether it is for the queue of a worker that is busy.
        """
        self._drop_failed()
        shared, alone, solitary = self._again
        if self._out[2]:
            return None
        if alone and not ahead:
            return self._handed_out(alone.popleft())
        if not shared and self._next < self._evaluation.whole.size:
            shared.extend(self._cut(workers))
        if shared:
            return self._handed_out(shared.popleft())
        if solitary and not ahead and not any(self._out):
            return self._handed_out(solitary.popleft())
        return None

    def _handed_out(self, chunk: Chunk) -> Chunk:
        self._out[chunk.isolation] += 1
        return chunk

    def arrived(self, chunk: Chunk, seconds: float) -> None:
        """A chunk has been computed in so many seconds of its worker."""
        self._out[chunk.isolation] -= 1
        self._pace.measured(self._evaluation.cost_of(chunk), seconds)

    def failure(self, chunk: Chunk, reason: str, trouble: Trouble) -> None:
        """A chunk has come to nothing by its own fault: it is split, and a single network charged."""
        self._out[chunk.isolation] -= 1
        isolation = max(1, chunk.isolation)
        troubles = chunk.troubles + trouble.value
        if chunk.size > 1:
            self._again[isolation].extend(replace(part, isolation=isolation) for part in chunk.split(_PARTS))
        elif troubles >= self._attempts * Trouble.ERROR.value:
            self.failed[chunk.networks[0]] = reason
        else:
            self._again[isolation].append(replace(chunk, isolation=isolation, troubles=troubles))

    def lost(self, chunks: Sequence[Chunk], reason: str, trouble: Trouble) -> None:
        """The queue of a worker is gone with it."""
        for chunk in chunks:
            if chunk.isolation >= (2 if trouble is Trouble.NODE else 1):
                self.failure(chunk, reason, trouble)
            else:
                self._out[chunk.isolation] -= 1
                isolation = chunk.isolation + 1
                self._again[isolation].append(replace(chunk, isolation=isolation))

    def given_back(self, chunk: Chunk) -> None:
        """A chunk was never begun."""
        self._out[chunk.isolation] -= 1
        self._again[chunk.isolation].appendleft(chunk)

    def _cut(self, workers: int) -> list[Chunk]:
        """The next round: chunks of about equal duration, as many as workers or fewer."""
        whole, cost, pace = self._evaluation.whole, self._evaluation.cost, self._pace.value
        begin = self._next
        if pace is None:  # nothing is known: one network tells
            self._next = begin + 1
            return [replace(whole, networks=(begin, begin + 1))]
        left = pace * float(cost[-1] - cost[begin])
        shortest = max(_SHORTEST, _DRIVER * workers)
        count = max(1, min(workers, round(left / shortest)))
        seconds = left / count if left < max(_REST, 2 * shortest) * workers else _SHARE * left / workers
        seconds = min(seconds, _LONGEST)
        bounds = cost[begin] + seconds / pace * np.arange(1, count + 1)
        ends = np.searchsorted(cost, bounds * (1 - 1e-12)).clip(max=whole.size).tolist()
        chunks: list[Chunk] = []
        for end in ends:
            while self._next < end:
                begin, self._next = self._next, min(end, self._evaluation.light(self._next))
                chunk = replace(whole, networks=(begin, self._next))
                parts = int(pace * (cost[self._next] - cost[begin]) / seconds) if chunk.size == 1 else 1
                chunks += chunk.split(parts) if parts > 1 else [chunk]
        return chunks

    def _drop_failed(self) -> None:
        for queue in self._again:
            while queue and queue[0].size == 1 and queue[0].networks[0] in self.failed:
                queue.popleft()
