"""Which chunk comes next: sizes that follow the measured pace, and what has failed once more."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import replace
from typing import Final

import numpy as np

from .chunks import Chunk, Evaluation

__all__ = ["Pace", "Schedule", "Trouble"]

_SHARE: Final = 2.0  # a chunk is the remaining work over so many times the workers: large first, small last
_LONGEST: Final = 2.0  # seconds: what is lost with a worker, at most
_SHORTEST: Final = 0.008  # seconds, beside which a message of about 1 ms is small
_PLENTY: Final = 1.5  # of the shortest chunks for each worker
_DRIVER: Final = 0.0015  # seconds for each worker: so many messages the driver can serve with time to spare
_PARTS: Final = 8  # into which a chunk that failed is split, to find the network it failed for


class Trouble:
    """How much a failure of a chunk speaks against its network.

    A process dies for many reasons, most of them no fault of the network, which an error or a
    silence mostly is; a node takes with it whatever it was computing.
    """

    ERROR: Final = 4
    DEATH: Final = 1
    NODE: Final = 0


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

    Attributes:
        failed: networks that were given up, and why.
    """

    def __init__(self, evaluation: Evaluation, pace: Pace, attempts: int) -> None:
        self.failed: dict[int, str] = {}
        self._evaluation = evaluation
        self._pace = pace
        self._attempts = attempts
        self._again: deque[Chunk] = deque()
        self._next = 0
        self._out = 0

    @property
    def done(self) -> bool:
        """Whether nothing is left to hand out, and nothing is out."""
        self._drop_failed()
        return not self._out and not self._again and self._next == self._evaluation.whole.size

    def take(self, workers: int, *, ahead: bool = False) -> Chunk | None:
        """The next chunk, sized for so many workers; None if there is none at present.

        A worker that is busy takes one ahead only while plenty is left: what stands in its queue
        nobody else can take who is idle first.
        """
        self._drop_failed()
        if ahead and self._left() < _PLENTY * workers * _shortest(workers):
            return None
        if not self._again and self._next < self._evaluation.whole.size:
            self._again.extend(self._cut(workers))
        if not self._again:
            return None
        self._out += 1
        return self._again.popleft()

    def arrived(self, chunk: Chunk, seconds: float) -> None:
        """A chunk has been computed in so many seconds of its worker."""
        self._out -= 1
        self._pace.measured(self._evaluation.cost_of(chunk), seconds)

    def lost(self, chunk: Chunk, reason: str, trouble: int) -> None:
        """A chunk has come to nothing: its networks are tried again, apart if they are many."""
        self._out -= 1
        if chunk.size > 1 and trouble:
            self._again.extendleft(chunk.split(_PARTS))
        elif chunk.troubles + trouble >= self._attempts * Trouble.ERROR:
            self.failed[chunk.networks[0]] = reason
        else:
            self._again.appendleft(replace(chunk, troubles=chunk.troubles + trouble))

    def given_back(self, chunk: Chunk) -> None:
        """A chunk was never begun."""
        self._out -= 1
        self._again.appendleft(chunk)

    def _cut(self, workers: int) -> list[Chunk]:
        whole, cost, pace = self._evaluation.whole, self._evaluation.cost, self._pace.value
        begin, end = self._next, self._next + 1
        if pace is None:  # nothing is known: one network tells
            self._next = end
            return [replace(whole, networks=(begin, end))]
        shortest = _shortest(workers)
        left = self._left()
        wanted = min(max(left / (_SHARE * workers), shortest), _LONGEST)
        if left - wanted < shortest / 2:
            wanted = left
        end = max(end, int(np.searchsorted(cost, cost[begin] + wanted / pace, "right")) - 1)
        self._next = end = min(end, self._evaluation.light(begin), whole.size)
        chunk = replace(whole, networks=(begin, end))
        parts = int(pace * (cost[end] - cost[begin]) / wanted) if chunk.size == 1 else 1
        return list(chunk.split(parts)) if parts > 1 else [chunk]

    def _left(self) -> float:
        """Seconds of work that nobody has begun."""
        cost, pace = self._evaluation.cost, self._pace.value
        return math.inf if pace is None else pace * float(cost[-1] - cost[self._next])

    def _drop_failed(self) -> None:
        while self._again and self._again[0].size == 1 and self._again[0].networks[0] in self.failed:
            self._again.popleft()


def _shortest(workers: int) -> float:
    return max(_SHORTEST, _DRIVER * workers)
