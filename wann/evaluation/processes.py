"""Evaluation by processes of this machine, for tasks whose jobs hold the interpreter."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import Failure
from ..network import NetworkBatch
from ..tasks import Outcome, Task, Trial
from .chunks import Chunk, Evaluation, compute, sentence
from .messages import pack, unpack

__all__ = ["ProcessEvaluator"]

_CHUNKS_PER_WORKER: Final = 8  # small enough that no process waits long for the last one
_WATCH_SECONDS: Final = 1.0

_task: Task


class ProcessEvaluator:
    """Processes that each hold the task and take chunks of a generation until all is done.

    Args:
        task: what is played.
        workers: how many processes.
    """

    def __init__(self, task: Task, workers: int) -> None:
        from loky import ProcessPoolExecutor  # noqa: PLC0415 - nodes of a cluster can do without

        self._workers = workers
        self._busy = False
        # Unlike those of the standard library, its processes do not run the caller's script again.
        self._pool = ProcessPoolExecutor(workers, initializer=_begin, initargs=(task, os.getpid()))

    def evaluate(self, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial) -> Outcome:
        """Play every network under every weight; see ``Evaluator``.

        Raises:
            Failure: a process has died.
        """
        evaluation = Evaluation(batch, weights, trial)
        failed: dict[int, str] = {}
        try:
            chunks = evaluation.whole.parts(self._workers * _CHUNKS_PER_WORKER)
            for chunk, reason in self._computed(evaluation, chunks):
                if chunk.size == 1:
                    failed[chunk.networks[0]] = reason
                    continue
                # Every network apart, to find those for which the task fails.
                for single, why in self._computed(evaluation, chunk.split(chunk.size)):
                    failed[single.networks[0]] = why
        except BrokenProcessPool:
            raise Failure(
                "a process that played episodes has died (killed, or crashed in the environment's own code); "
                "`--backend ray` survives that"
            ) from None
        except KeyboardInterrupt:
            # At its end the interpreter would wait for what they compute.
            self.close()
            raise
        return evaluation.outcome.without(failed)

    def _computed(self, evaluation: Evaluation, chunks: Iterable[Chunk]) -> list[tuple[Chunk, str]]:
        """Have chunks computed; those that failed come back with the reason."""
        self._busy = True
        waiting: dict[Future[bytes], Chunk] = {}
        failed: list[tuple[Chunk, str]] = []
        for chunk in chunks:
            waiting[self._pool.submit(_compute, evaluation.message(chunk))] = chunk
        while waiting:
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                chunk = waiting.pop(future)
                header, arrays = unpack(future.result())
                if "error" in header:
                    failed.append((chunk, str(header["error"])))
                else:
                    evaluation.accept(chunk, arrays["returns"], arrays["steps"])
        self._busy = False
        return failed

    def close(self) -> None:
        """End the processes."""
        # What was interrupted would be computed to its end.
        self._pool.shutdown(wait=True, kill_workers=self._busy)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _begin(task: Task, parent: int) -> None:
    """What a process does first: it keeps the task, and ends when its parent does."""
    global _task  # noqa: PLW0603 - a process holds one task
    _task = task
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent to understand
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    # Told by its number: it may have died before this process came to ask.
    while os.getppid() == parent:
        time.sleep(_WATCH_SECONDS)
    os._exit(1)


def _compute(message: bytes) -> bytes:
    try:
        outcome = compute(_task, message)
    except Exception as error:  # noqa: BLE001 - anybody's environment, failing in any way
        return pack({"error": sentence(error)}, {})
    return pack({}, {"returns": outcome.returns, "steps": outcome.steps})
