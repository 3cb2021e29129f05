"""The pool of workers on a cluster: started, watched, given calls, and replaced when they are lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import BadInput, Failure
from ..chunks import Chunk
from ..messages import InvalidMessage, unpack
from ..settings import BackendSettings
from .actors import Actors, Timing, WorkerLost
from .pooled_worker import PooledWorker, WorkerState
from .schedule import Fault

__all__ = ["Loss", "Result", "WorkerPool"]


@dataclass(frozen=True)
class Result:
    """The answer to a chunk."""

    chunk: Chunk
    header: dict[str, Any]
    arrays: dict[str, Any]


@dataclass(frozen=True)
class Loss:
    """The loss of a worker.

    Attributes:
        chunks: its queue.
        reason: what happened to it, as a clause.
        fault: what kind of failure it is.
        first_computed: whether it is known to have computed the first of its chunks.
    """

    chunks: Sequence[Chunk]
    reason: str
    fault: Fault
    first_computed: bool


class WorkerPool:
    """The workers of one evaluator, as many as are wanted and the cluster has cores for.

    Args:
        actors: the cluster.
        settings: number of workers, limits and attempts.
        timing: intervals.
        tell: receives sentences about the workers.

    Raises:
        BadInput: no worker can be started, or none can hold the task.
    """

    def __init__(
        self, actors: Actors, settings: BackendSettings, timing: Timing, tell: Callable[[str], None]
    ) -> None:
        self._actors = actors
        self._settings = settings
        self._timing = timing
        self._tell = tell
        self._workers: list[PooledWorker] = []
        self._wanted = settings.workers or max(1, actors.cores())
        self._counted = self._checked = actors.now()
        self._polled = 0.0
        self._without_core = 0.0  # seconds for which no worker has had a core
        self._backoff, self._next_start = 0.0, 0.0
        self._refusal, self._penalty = (
            "",
            0,
        )  # why the last worker failed to prepare; sum over all such faults
        self._told: dict[str, float] = {}
        self._running = False  # whether there has been a ready worker
        try:
            self._wait_for_first()
        except BaseException:
            self.close()
            raise
        self._running = True

    @property
    def ready(self) -> list[PooledWorker]:
        """The workers that can compute."""
        return [worker for worker in self._workers if worker.state is WorkerState.READY]

    def _wait_for_first(self) -> None:
        """Wait for the first worker; the others join later."""
        refusal = ""
        while not self.ready:
            for _ in self.events():
                refusal = self._refusal or refusal
        if refusal:
            self._tell_once(f"{refusal}; going on without it")
        starting = len(self._workers) - len(self.ready)
        more = f", {starting} starting" if starting else ""
        self._tell_once(f"{self._actors.name}: {len(self.ready)} at work{more}")

    def call(self, worker: PooledWorker, method: str, *messages: bytes, chunk: Chunk | None = None) -> None:
        """Queue a call on a worker."""
        if not worker.calls:
            worker.since = self._actors.now()
        worker.calls.append((self._actors.call(worker.actor, method, *messages), chunk))

    def events(self) -> Iterator[Result | Loss]:
        """Wait a little for results and losses, while new workers are started and prepared.

        Raises:
            BadInput, Failure: see ``_check_available``.
        """
        self._adjust_size()
        polled = self._poll_starting()
        calls = {
            worker.calls[0][0]: worker
            for worker in self._workers
            if worker.calls and (polled or worker.state is WorkerState.READY)
        }
        statuses = {worker.status_call: worker for worker in self._workers if worker.status_call is not None}
        seconds = self._timing.wait if calls else self._timing.poll_starting
        answered = self._actors.wait([*calls, *statuses], seconds)
        for call in sorted(answered, key=statuses.__contains__):  # results first: they reset the limits
            status = call in statuses
            event = self._receive_status(statuses[call], call) if status else self._receive(calls[call], call)
            if event is not None:
                yield event
        yield from self._check_limits()
        self._check_available()

    def _poll_starting(self) -> bool:
        """Update the state of the starting workers, unless that was done a moment ago."""
        now = self._actors.now()
        if now - self._polled <= self._timing.poll_starting:
            return False
        self._polled = now
        starting = [worker for worker in self._workers if worker.state < WorkerState.PREPARING]
        have_core = self._actors.have_core([worker.actor for worker in starting])
        for worker, has_core in zip(starting, have_core, strict=True):
            state = WorkerState.STARTING if has_core else WorkerState.NO_CORE
            if worker.state != state:
                worker.state, worker.since = state, now
        return True

    def _receive(self, worker: PooledWorker, call: Any) -> Result | Loss | None:
        """Handle the answer to the first call of a worker."""
        try:
            header, arrays = unpack(self._actors.answer(call))
        except WorkerLost as loss:
            return self._remove(worker, loss.reason, loss.fault, first_computed=False)
        except (InvalidMessage, TypeError) as error:
            return self._remove(worker, f"its answer was damaged: {error}", Fault.DEATH, first_computed=True)
        _, chunk = worker.calls.popleft()
        worker.since, worker.answered = self._actors.now(), worker.answered + 1
        if worker.state < WorkerState.PREPARING:
            worker.state, worker.host = WorkerState.PREPARING, str(header["host"])
            self.call(worker, "prepare")
            return None
        if worker.state is WorkerState.PREPARING:
            if "error" in header:
                return self._remove(worker, str(header["error"]), Fault.ERROR, first_computed=True)
            worker.state, self._refusal, self._penalty, self._backoff = WorkerState.READY, "", 0, 0.0
            return None
        # A call without a chunk is a sign of life, or belongs to an evaluation that was interrupted.
        return None if chunk is None else Result(chunk, header, arrays)

    def _receive_status(self, worker: PooledWorker, call: Any) -> Loss | None:
        """Handle the status of a worker: which call it computes, and for how many processor seconds."""
        worker.status_call = None
        if worker.state is WorkerState.GONE:
            return None
        try:
            header, _ = unpack(self._actors.answer(call))
        except (WorkerLost, InvalidMessage, TypeError):
            return None  # the worker's calls will fail too
        worker.computing = int(header["call"])
        if not worker.calls or not worker.computes_first:
            return None
        limit = self._limit(worker)
        if float(header["seconds"]) <= limit:
            return None
        reason = f"no answer within {limit:g} s of its processor"
        return self._remove(worker, reason, Fault.ERROR, first_computed=True)

    def _limit(self, worker: PooledWorker) -> float:
        """Processor seconds for the first call of a worker, doubled at each attempt of a network."""
        limit, chunk = self._settings.limit_seconds, worker.calls[0][1]
        if worker.state is WorkerState.PREPARING:
            return max(limit, self._timing.prepare)
        return limit * 2.0 ** (chunk.penalty // Fault.ERROR.value if chunk is not None else 0)

    def _check_limits(self) -> Iterator[Loss]:
        """Remove workers that exceed their limits by the clock; request the status of those that may soon."""
        now = self._actors.now()
        for worker in list(self._workers):
            if not worker.calls or worker.state is WorkerState.NO_CORE:
                continue
            waited, starting = now - worker.since, worker.state is WorkerState.STARTING
            limit = self._settings.start_seconds if starting else self._limit(worker)
            wall = limit if starting else limit * self._settings.wall_factor
            if waited > wall and not self._actors.wait([worker.calls[0][0]], 0):
                reason = f"{'it did not start' if starting else 'no answer'} within {wall:g} s"
                fault = Fault.DEATH if starting else Fault.ERROR
                yield self._remove(worker, reason, fault, first_computed=worker.computes_first)
                continue
            asked = worker.status_call is not None or now - worker.status_asked <= self._timing.status
            if waited > limit and not starting and not asked:
                worker.status_call = self._actors.call(worker.actor, "status")
                worker.status_asked = now

    def _remove(self, worker: PooledWorker, reason: str, fault: Fault, *, first_computed: bool) -> Loss:
        """Kill a worker, if it is still alive, and remove it from the pool."""
        self._workers.remove(worker)
        self._actors.kill(worker.actor)
        state, worker.state = worker.state, WorkerState.GONE
        where = f"a worker on {worker.host}" if worker.host else "a new worker"
        if state is WorkerState.READY:
            self._tell_once(f"{where} was lost ({reason}); its chunks are computed again")
            # Idle workers may have been lost for the same reason: a call finds out before they get a chunk.
            for other in self.ready:
                if not other.calls:
                    self.call(other, "hello")
        else:
            self._record_refusal(f"{where} failed ({reason})", fault)
        chunks = [chunk for _, chunk in worker.calls if chunk is not None]
        # If its first call belongs to an interrupted evaluation, it did not compute the first chunk.
        return Loss(chunks, reason, fault, first_computed and 0 < len(chunks) == len(worker.calls))

    def _record_refusal(self, refusal: str, fault: Fault) -> None:
        """Record that a worker was lost before it was ready, and delay the start of others."""
        self._refusal = refusal
        if self._running:
            self._tell_once(f"{refusal}; going on without it")
        now = self._actors.now()
        if not (self._running or self._workers) and fault is Fault.ERROR:
            self._penalty = self._settings.attempts * Fault.ERROR.value  # the cause must be the task
        elif now >= self._next_start:  # else it is one of several that failed together
            self._penalty += fault.value
            self._backoff = min(max(self._timing.backoff, 2 * self._backoff), self._timing.longest_backoff)
            self._next_start = now + self._backoff

    def _adjust_size(self) -> None:
        """Start workers that are missing, and stop starting ones that are not wanted any more."""
        now = self._actors.now()
        if self._settings.workers is None and now - self._counted > self._timing.count_cores:
            self._wanted, self._counted = max(1, self._actors.cores()), now
        starting = [worker for worker in self._workers if worker.state < WorkerState.PREPARING]
        for worker in starting[self._wanted :]:  # the cluster was larger when they were requested
            self._workers.remove(worker)
            self._actors.kill(worker.actor)
        if now < self._next_start:
            return
        while len(self._workers) < self._wanted:
            worker = PooledWorker(self._actors.start(), now)
            self._workers.append(worker)
            self.call(worker, "hello")

    def _check_available(self) -> None:
        """Give up if no worker has had a core for too long, or too many failed to prepare.

        Raises:
            BadInput: there has not been a ready worker yet.
            Failure: there has been one.
        """
        now = self._actors.now()
        passed, self._checked = min(now - self._checked, 2 * self._timing.wait), now
        kind = Failure if self._running else BadInput
        if self.ready:
            self._penalty = 0
        if self._penalty >= self._settings.attempts * Fault.ERROR.value:
            raise kind(f"{self._actors.name}: no worker can compute: {self._refusal}")
        if any(worker.state is not WorkerState.NO_CORE for worker in self._workers):
            self._without_core = 0.0
        elif (
            self._workers
        ):  # none while the start is delayed; time in which this process slept does not count
            self._without_core += passed
        if self._without_core > self._settings.wait_seconds:
            cores = self._actors.cores()
            raise kind(
                f"{self._actors.name} has had no core for a worker for {self._settings.wait_seconds:g} s "
                f"(cores there: {cores}{', all of them taken' if cores else ''}); "
                "raise backend.wait_seconds if nodes take long to start"
            )

    def _tell_once(self, sentence: str) -> None:
        """Tell a sentence, unless it was told a short time ago."""
        now, repeat = self._actors.now(), self._timing.repeat
        if now - self._told.get(sentence, now - repeat) >= repeat:
            recent = {old: when for old, when in self._told.items() if now - when < repeat}
            self._told = recent | {sentence: now}
            self._tell(sentence)

    def abandon_calls(self) -> None:
        """Ignore the answers to all present calls: they belong to an evaluation that was interrupted."""
        self._without_core, self._checked = 0.0, self._actors.now()
        for worker in self._workers:
            worker.calls = deque((call, None) for call, _ in worker.calls)

    def close(self) -> None:
        """Kill all workers."""
        for worker in self._workers:
            self._actors.kill(worker.actor)
        self._workers.clear()
