"""Evaluation by threads of this process: kernels release the GIL."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import described
from ..network import NetworkBatch
from ..tasks import Job, Outcome, Task, Trial
from .chunks import Evaluation, compute

__all__ = ["LocalEvaluator", "available_cores"]

_CHUNKS_PER_WORKER: Final = 8  # small enough that no thread waits long for the last one


def available_cores() -> int:
    """Number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class LocalEvaluator:
    """Threads that compute chunks of a job until it is done.

    Args:
        task: the task to evaluate networks on.
        workers: number of threads; all available cores if None.
    """

    def __init__(self, task: Task, workers: int | None = None) -> None:
        self._task = task
        self._workers = workers or available_cores()
        self._pool = ThreadPoolExecutor(self._workers) if self._workers > 1 else None

    def evaluate(self, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial) -> Outcome:
        """Evaluate every network under every weight; see ``Evaluator``."""
        job = self._task.job(batch.program_for(weights), weights, trial)
        try:
            self._run(job)
        except Exception:  # noqa: BLE001 - an environment is foreign code, which may raise anything
            return self._one_by_one(Evaluation(batch, weights, trial))
        return job.outcome

    def _run(self, job: Job) -> None:
        if self._pool is None:
            job.run(0, job.units)
            return
        worthwhile = max(self._workers, job.units // job.grain)
        chunks = min(job.units, self._workers * _CHUNKS_PER_WORKER, worthwhile)
        bounds = np.linspace(0, job.units, chunks + 1).astype(int).tolist()
        for _ in self._pool.map(job.run, bounds[:-1], bounds[1:]):
            pass

    def _one_by_one(self, evaluation: Evaluation) -> Outcome:
        """Evaluate the networks one by one, to find those that the task fails for."""
        failed = {}
        for chunk in evaluation.whole.split(evaluation.whole.size):
            try:
                part = compute(self._task, evaluation.message(chunk))
            except Exception as error:  # noqa: BLE001
                failed[chunk.networks[0]] = described(error)
            else:
                evaluation.store(chunk, part.returns, part.steps)
        return evaluation.outcome.without(failed)

    def close(self) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
