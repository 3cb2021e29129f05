"""Evaluation by processes of this machine, for tasks whose jobs hold the interpreter."""

from __future__ import annotations

import atexit
import time
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing.connection import wait
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import Failure
from ..network import NetworkBatch
from ..tasks import Outcome, Task, Trial
from .chunks import Chunk, Evaluation
from .member import Member
from .silence import WALL

__all__ = ["ProcessEvaluator"]

_CHUNKS_PER_WORKER: Final = 8  # small enough that no process waits long for the last one
_TICK_SECONDS: Final = 0.5  # to wait for an answer, before looking at who is silent
_HOPELESS: Final = 2  # networks given up for their silence before any has answered


class ProcessEvaluator:
    """Processes that each hold the task and take chunks of a generation until all is done.

    What an environment does to its process, it does to none but that: one that hangs is ended and
    replaced, and its networks are tried again one by one, to find those that it hangs for.

    Args:
        task: what is played.
        workers: how many processes.
        limit_seconds: after how many seconds within one call of an environment a process is given up, by its
            own processor; see ``Silence``.
        tell: is told in a sentence what happens to the processes.

    Raises:
        BadInput: the task cannot be sent to a process.
    """

    def __init__(
        self,
        task: Task,
        workers: int,
        limit_seconds: float = 120.0,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._task = task
        self._workers = workers
        self._limit = limit_seconds
        self._tell = tell
        self._told = False
        self._members: list[Member] = []
        atexit.register(self.close)
        self._fill()

    def _fill(self) -> None:
        while len(self._members) < self._workers:
            self._members.append(Member(self._task, self._limit))

    def evaluate(self, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial) -> Outcome:
        """Play every network under every weight; see ``Evaluator``.

        Raises:
            Failure: a process has died, or the environment answers for no network.
        """
        self._fill()
        evaluation = Evaluation(batch, weights, trial)
        try:
            return evaluation.outcome.without(self._failed(evaluation))
        except BaseException:
            # What is still computed, nobody waits for.
            self._end(gently=False)
            raise

    def _failed(self, evaluation: Evaluation) -> dict[int, str]:
        """Have everything computed; the networks that could not be, and why."""
        waiting = deque(evaluation.whole.parts(self._workers * _CHUNKS_PER_WORKER))
        failed: dict[int, str] = {}
        arrived, hung = False, set[int]()
        while waiting or self._busy:
            self._hand_out(evaluation, waiting, failed)
            for chunk, reason, silent in self._answers(evaluation):
                if reason is None:
                    arrived = True
                    continue
                if chunk.size > 1:  # every network apart, to find those for which the task fails
                    waiting.extendleft(chunk.split(chunk.size))
                    continue
                failed.setdefault(chunk.networks[0], reason)
                if silent:
                    hung.add(chunk.networks[0])
                if len(hung) >= _HOPELESS and not arrived:
                    raise Failure(
                        f"{reason} for every network that was tried; where its steps take so long, raise "
                        "backend.limit_seconds"
                    )
        return failed

    @property
    def _busy(self) -> list[tuple[Member, Chunk]]:
        return [(member, member.chunk) for member in self._members if member.chunk is not None]

    def _hand_out(self, evaluation: Evaluation, waiting: deque[Chunk], failed: dict[int, str]) -> None:
        for member in self._members:
            while waiting and waiting[0].size == 1 and waiting[0].networks[0] in failed:
                waiting.popleft()
            if not waiting:
                return
            if member.chunk is None:
                chunk = waiting.popleft()
                try:
                    member.ask(evaluation.message(chunk), chunk)
                except OSError:
                    raise self._death(member) from None

    def _answers(self, evaluation: Evaluation) -> Iterator[tuple[Chunk, str | None, bool]]:
        """Wait a little; chunks that were computed, or why not, and whether that was for silence."""
        begun, busy = time.monotonic(), self._busy
        ready = wait([member.connection for member, _ in busy], _TICK_SECONDS)
        # Time in which nobody listened is not theirs.
        passed = min(time.monotonic() - begun, 2 * _TICK_SECONDS)
        for member, chunk in busy:
            member.silence.lasts(wall=passed)
            if member.connection in ready:
                try:
                    answer = member.answer()
                except (EOFError, OSError):
                    raise self._death(member) from None
                if answer is not None:
                    header, arrays = answer
                    if "error" not in header:
                        evaluation.accept(chunk, arrays["returns"], arrays["steps"])
                    yield chunk, header.get("error"), False
                    continue
            elif not member.alive:
                raise self._death(member)
            if member.silence.remarkable and not self._told:
                self._told = True
                self._tell(
                    f"{self._task.id} has not answered for {self._limit:g} s; a process that is silent for "
                    f"{WALL * self._limit:g} s, or busy for {self._limit:g} s, within one call is given up"
                )
            if reason := member.silence.too_long:
                member.close(gently=False)
                self._members[self._members.index(member)] = Member(self._task, self._limit)
                yield chunk, f"task.id: {self._task.id} hangs ({reason})", True

    def _death(self, member: Member) -> Failure:
        return Failure(
            f"a process that played episodes of {self._task.id} has died ({member.ending()}): it was killed, "
            "or ended by the environment's own code; `--backend ray` survives that"
        )

    def _end(self, *, gently: bool) -> None:
        members, self._members = self._members, []
        for member in members:
            member.close(gently=gently)

    def close(self) -> None:
        """End the processes."""
        atexit.unregister(self.close)
        self._end(gently=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
