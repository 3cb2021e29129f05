"""The driver of an evaluation on a worker pool: it hands out chunks and collects their results."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...network import NetworkBatch
from ...tasks import Outcome, Trial
from ..chunks import Evaluation
from ..settings import BackendSettings
from .actors import Actors, Timing
from .pool import Loss, Result, WorkerPool
from .schedule import Fault, Pace, Schedule

__all__ = ["Driver"]

_QUEUE: Final = 2  # chunks of a worker: one is computed while the next one is transferred


class Driver:
    """Evaluates networks on workers that may die, hang and be replaced, without a trace in the result.

    Args:
        actors: the cluster, whose workers hold the task.
        settings: number of workers, limits and attempts.
        timing: the intervals of the worker pool.
        tell: receives sentences about the workers.

    Raises:
        BadInput: no worker can be started, or none can hold the task.
    """

    def __init__(
        self,
        actors: Actors,
        settings: BackendSettings,
        timing: Timing,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._pace = Pace()
        self.pool = WorkerPool(actors, settings, timing, tell)

    def evaluate(self, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial) -> Outcome:
        """Evaluate every network under every weight; see ``Evaluator``.

        Raises:
            Failure: there has been no worker for too long.
        """
        evaluation = Evaluation(batch, weights, trial)
        schedule = Schedule(evaluation, self._pace, self._settings.attempts)
        self.pool.abandon_calls()
        while not schedule.done:
            self._hand_out(evaluation, schedule)
            for event in self.pool.events():
                if isinstance(event, Loss):
                    _requeue(schedule, event)
                else:
                    _collect(evaluation, schedule, event)
        return evaluation.outcome.without(schedule.failed)

    def _hand_out(self, evaluation: Evaluation, schedule: Schedule) -> None:
        ready = self.pool.ready
        for queued in range(_QUEUE):  # idle workers first, then a second chunk for each
            for worker in ready:
                if len(worker.calls) > queued or worker.isolated:
                    continue
                chunk = schedule.take(len(ready), ahead=queued > 0)
                if chunk is None:
                    break
                self.pool.call(worker, "compute", evaluation.message(chunk), chunk=chunk)


def _collect(evaluation: Evaluation, schedule: Schedule, result: Result) -> None:
    """Store the result of a chunk, or record its failure."""
    if "error" in result.header:
        schedule.fail(result.chunk, str(result.header["error"]), Fault.ERROR)
        return
    try:
        evaluation.store(result.chunk, result.arrays["returns"], result.arrays["steps"])
        schedule.complete(result.chunk, float(result.header["seconds"]))
    except (KeyError, ValueError) as error:
        schedule.fail(result.chunk, f"its answer was invalid: {error}", Fault.DEATH)


def _requeue(schedule: Schedule, loss: Loss) -> None:
    """Schedule the chunks of a lost worker again."""
    if not loss.first_computed:
        schedule.lose(loss.chunks, loss.reason, loss.fault)
        return
    computed, *queued = loss.chunks
    schedule.fail(computed, loss.reason, loss.fault)
    for chunk in queued:
        schedule.give_back(chunk)
