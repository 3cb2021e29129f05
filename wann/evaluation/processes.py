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
from .watchdog import WALL_FACTOR
from .worker_process import WorkerProcess

__all__ = ["ProcessEvaluator"]

_CHUNKS_PER_WORKER: Final = 8  # small enough that no process waits long for the last one
_POLL_SECONDS: Final = 0.5  # the longest wait for an answer between checks of the time limits
_MOST_HUNG: Final = 2  # networks given up for a hanging environment before any other has been evaluated


class ProcessEvaluator:
    """Processes that each hold the task and compute chunks until the evaluation is complete.

    A process whose environment hangs is ended and replaced, and the networks of its chunk are tried again
    one by one, to find those that the environment hangs for.

    Args:
        task: the task to evaluate networks on.
        workers: number of processes.
        limit_seconds: processor time for one call of an environment, after which its process is given up;
            see ``Watchdog``.
        tell: receives a sentence when an environment is slow to answer.

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
        self._count = workers
        self._limit = limit_seconds
        self._tell = tell
        self._warned = False
        self._workers: list[WorkerProcess] = []
        atexit.register(self.close)
        self._start_missing()

    def _start_missing(self) -> None:
        while len(self._workers) < self._count:
            self._workers.append(WorkerProcess(self._task, self._limit))

    def evaluate(self, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial) -> Outcome:
        """Evaluate every network under every weight; see ``Evaluator``.

        Raises:
            Failure: a process has died, or the environment hangs for every network.
        """
        self._start_missing()
        evaluation = Evaluation(batch, weights, trial)
        try:
            return evaluation.outcome.without(self._compute(evaluation))
        except BaseException:
            # The processes may still compute chunks of this evaluation: end them.
            self._end(gracefully=False)
            raise

    def _compute(self, evaluation: Evaluation) -> dict[int, str]:
        """Compute all chunks; returns the networks that could not be evaluated, with the reasons."""
        queue = deque(evaluation.whole.divide(self._count * _CHUNKS_PER_WORKER))
        failed: dict[int, str] = {}
        any_done, hung = False, set[int]()
        while queue or self._busy:
            self._hand_out(evaluation, queue, failed)
            for chunk, reason, expired in self._receive(evaluation):
                if reason is None:
                    any_done = True
                    continue
                if chunk.size > 1:  # retry its networks one by one, to find those that fail
                    queue.extendleft(chunk.split(chunk.size))
                    continue
                failed.setdefault(chunk.networks[0], reason)
                if expired:
                    hung.add(chunk.networks[0])
                if len(hung) >= _MOST_HUNG and not any_done:
                    raise Failure(
                        f"{reason} for every network that was tried; if its steps take that long, raise "
                        "backend.limit_seconds"
                    )
        return failed

    @property
    def _busy(self) -> list[tuple[WorkerProcess, Chunk]]:
        return [(worker, worker.chunk) for worker in self._workers if worker.chunk is not None]

    def _hand_out(self, evaluation: Evaluation, queue: deque[Chunk], failed: dict[int, str]) -> None:
        """Send a chunk to every idle process."""
        for worker in self._workers:
            while queue and queue[0].size == 1 and queue[0].networks[0] in failed:
                queue.popleft()
            if not queue:
                return
            if worker.chunk is None:
                chunk = queue.popleft()
                try:
                    worker.send(evaluation.message(chunk), chunk)
                except OSError:
                    raise self._death(worker) from None

    def _receive(self, evaluation: Evaluation) -> Iterator[tuple[Chunk, str | None, bool]]:
        """Wait a little for results.

        Yields:
            Each chunk that is done, why it failed or None, and whether it exceeded a time limit.
        """
        began, busy = time.monotonic(), self._busy
        ready = wait([worker.connection for worker, _ in busy], _POLL_SECONDS)
        # Time in which this process was not scheduled itself does not count.
        passed = min(time.monotonic() - began, 2 * _POLL_SECONDS)
        for worker, chunk in busy:
            worker.watchdog.add(wall=passed, waiting=worker.waited())
            if worker.connection in ready:
                try:
                    result = worker.receive()
                except (EOFError, OSError):
                    raise self._death(worker) from None
                if result is not None:
                    header, arrays = result
                    if "error" not in header:
                        evaluation.store(chunk, arrays["returns"], arrays["steps"])
                    yield chunk, header.get("error"), False
                    continue
            elif not worker.alive:
                raise self._death(worker)
            if worker.watchdog.warning_due and not self._warned:
                self._warned = True
                self._tell(
                    f"{self._task.id} has not answered for {self._limit:g} s; a process is given up after "
                    f"{self._limit:g} s of processor time or {WALL_FACTOR * self._limit:g} s within one call"
                )
            if reason := worker.watchdog.expired:
                worker.close(gracefully=False)
                self._workers[self._workers.index(worker)] = WorkerProcess(self._task, self._limit)
                yield chunk, f"task.id: {self._task.id} hangs ({reason})", True

    def _death(self, worker: WorkerProcess) -> Failure:
        return Failure(
            f"a process that evaluated {self._task.id} has died ({worker.exit_reason()}): it was killed, or "
            'ended by the environment\'s own code; with backend.kind = "ray" such a process is replaced'
        )

    def _end(self, *, gracefully: bool) -> None:
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.close(gracefully=gracefully)

    def close(self) -> None:
        """End the processes."""
        atexit.unregister(self.close)
        self._end(gracefully=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
