"""Evaluation by Ray workers, on this machine or on a cluster; a worker's death shows in no bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Self

import numpy as np
from numpy.typing import NDArray
from ray.exceptions import RayError

from ..errors import Failure
from ..network import NetworkBatch
from ..tasks import Outcome, Task, Trial
from .chunks import Evaluation
from .cluster import connect
from .crew import QUEUE, Arrived, Crew, Lost
from .local import available_cores
from .schedule import Pace, Schedule, Trouble
from .settings import BackendSettings

__all__ = ["RayEvaluator"]


class RayEvaluator:
    """Workers that each hold the task and take chunks of a generation until all is done.

    Args:
        task: what is played; it travels once to each node.
        settings: which cluster, how many workers, how patient.
        tell: is told in a sentence what happens to the workers.

    Raises:
        BadInput: the cluster cannot be joined, or no worker can hold the task.
    """

    def __init__(
        self, task: Task, settings: BackendSettings, tell: Callable[[str], None] = lambda _: None
    ) -> None:
        self._settings = settings
        self._session = connect(settings, settings.workers or available_cores(), tell)
        self._pace = Pace()
        try:
            self._crew = Crew(self._session, task, settings, tell)
        except BaseException:
            self._session.close()
            raise

    def evaluate(self, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial) -> Outcome:
        """Play every network under every weight; see ``Evaluator``.

        Raises:
            Failure: there has been no worker for too long, or Ray itself has failed.
        """
        evaluation = Evaluation(batch, weights, trial)
        schedule = Schedule(evaluation, self._pace, self._settings.attempts)
        self._crew.forget()
        try:
            self._work_off(evaluation, schedule)
        except RayError as error:
            raise Failure(f"Ray itself has failed ({' '.join(str(error).split())[:300]})") from None
        return evaluation.outcome.without(schedule.failed)

    def _work_off(self, evaluation: Evaluation, schedule: Schedule) -> None:
        while not schedule.done:
            self._hand_out(evaluation, schedule)
            for event in self._crew.events():
                if isinstance(event, Lost):
                    self._lost(schedule, event)
                else:
                    self._arrived(evaluation, schedule, event)

    def _hand_out(self, evaluation: Evaluation, schedule: Schedule) -> None:
        ready = self._crew.ready
        for queued in range(QUEUE):  # the idle first, then a second chunk for everybody
            for member in ready:
                if len(member.calls) > queued:
                    continue
                chunk = schedule.take(len(ready), ahead=queued > 0)
                if chunk is None:
                    return
                member.ask(member.actor.compute.remote(evaluation.message(chunk)), chunk)

    @staticmethod
    def _arrived(evaluation: Evaluation, schedule: Schedule, event: Arrived) -> None:
        if "error" in event.header:
            schedule.lost(event.chunk, str(event.header["error"]), Trouble.ERROR)
            return
        try:
            evaluation.accept(event.chunk, event.arrays["returns"], event.arrays["steps"])
            schedule.arrived(event.chunk, float(event.header["seconds"]))
        except (KeyError, ValueError) as error:
            schedule.lost(event.chunk, f"an answer that is none ({error})", Trouble.DEATH)

    @staticmethod
    def _lost(schedule: Schedule, event: Lost) -> None:
        for chunk in event.waiting:
            schedule.given_back(chunk)
        if event.chunk is not None:
            schedule.lost(event.chunk, event.reason, event.trouble)

    def close(self) -> None:
        """Send the workers home and leave Ray."""
        self._crew.close()
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
