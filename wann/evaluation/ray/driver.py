"""Hands out an evaluation to a crew of workers, and puts together what they answer."""

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
from .crew import Arrived, Crew, Lost
from .schedule import Pace, Schedule, Trouble

__all__ = ["Driver"]

_QUEUE: Final = 2  # chunks that a worker may have: one is computed while the next one travels


class Driver:
    """Evaluates with workers that die, fall silent and come back, as if they did not.

    Args:
        actors: where the workers are; they hold the task.
        settings: how many workers, how patient.
        timing: how often to look at what.
        tell: is told in a sentence what happens to the workers.

    Raises:
        BadInput: no worker can be had, or none can hold the task.
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
        self.crew = Crew(actors, settings, timing, tell)

    def evaluate(self, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial) -> Outcome:
        """Play every network under every weight; see ``Evaluator``.

        Raises:
            Failure: there has been no worker for too long.
        """
        evaluation = Evaluation(batch, weights, trial)
        schedule = Schedule(evaluation, self._pace, self._settings.attempts)
        self.crew.forget()
        while not schedule.done:
            self._hand_out(evaluation, schedule)
            for event in self.crew.events():
                if isinstance(event, Lost):
                    _lost(schedule, event)
                else:
                    _arrived(evaluation, schedule, event)
        return evaluation.outcome.without(schedule.failed)

    def _hand_out(self, evaluation: Evaluation, schedule: Schedule) -> None:
        ready = self.crew.ready
        for queued in range(_QUEUE):  # the idle first, then a second chunk for everybody
            for member in ready:
                if len(member.calls) > queued or member.isolated:
                    continue
                chunk = schedule.take(len(ready), ahead=queued > 0)
                if chunk is None:
                    break
                self.crew.ask(member, "compute", evaluation.message(chunk), chunk=chunk)


def _arrived(evaluation: Evaluation, schedule: Schedule, event: Arrived) -> None:
    if "error" in event.header:
        schedule.failure(event.chunk, str(event.header["error"]), Trouble.ERROR)
        return
    try:
        evaluation.accept(event.chunk, event.arrays["returns"], event.arrays["steps"])
        schedule.arrived(event.chunk, float(event.header["seconds"]))
    except (KeyError, ValueError) as error:
        schedule.failure(event.chunk, f"an answer that is none ({error})", Trouble.DEATH)


def _lost(schedule: Schedule, event: Lost) -> None:
    if not event.named:
        schedule.lost(event.chunks, event.reason, event.trouble)
        return
    guilty, *waiting = event.chunks
    schedule.failure(guilty, event.reason, event.trouble)
    for chunk in waiting:
        schedule.given_back(chunk)
