"""Workers that come and go: as many as are wanted and there, each with a queue of two calls."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import ray
from ray.exceptions import ActorUnavailableError, RayError

from ..errors import BadInput, Failure
from .chunks import Chunk
from .cluster import Session
from .messages import Damaged, unpack
from .schedule import Trouble
from .settings import BackendSettings
from .worker import Worker

__all__ = ["QUEUE", "Arrived", "Crew", "Lost", "Member"]

QUEUE: Final = 2
"""Chunks that a worker may have: one is computed while the next one travels."""

_COUNT_SECONDS: Final = 2.0  # between looks at how large the cluster is
_PREPARE_SECONDS: Final = 120.0  # imports and compiling take their time, whatever the limit of a chunk
_LONGEST_PAUSE: Final = 60.0  # before a worker that came to nothing is replaced
_TICK: Final = 0.5  # seconds to wait for an answer, before looking at all the rest
_LOOK_SECONDS: Final = 0.2  # between looks at workers still to come, who may be thousands
_FEW: Final = 4  # workers, whose answers are taken one by one: another look costs as much as it saves


@dataclass
class Member:
    """One worker.

    Attributes:
        actor: Ray's handle.
        calls: what it has been asked, in order, with the chunk if it is one.
        since: when it began with the first of them.
        host: the machine that it runs on, once known.
        ready: whether it holds the task.
    """

    actor: Any
    calls: deque[tuple[Any, Chunk | None]] = field(default_factory=deque)
    since: float = 0.0
    host: str = ""
    ready: bool = False

    def ask(self, call: Any, chunk: Chunk | None = None) -> None:
        """Queue a call."""
        if not self.calls:
            self.since = time.monotonic()
        self.calls.append((call, chunk))


@dataclass(frozen=True)
class Arrived:
    """A chunk has been answered."""

    chunk: Chunk
    header: dict[str, Any]
    arrays: dict[str, Any]


@dataclass(frozen=True)
class Lost:
    """A worker is gone, with the chunk that it computed and those that it had not begun."""

    chunk: Chunk | None
    waiting: Sequence[Chunk]
    reason: str
    trouble: int


class Crew:
    """The workers of one evaluator.

    Raises:
        BadInput: no worker can be had, or none can hold the task.
    """

    def __init__(
        self, session: Session, task: Any, settings: BackendSettings, tell: Callable[[str], None]
    ) -> None:
        self._session = session
        self._settings = settings
        self._tell = tell
        self._task = ray.put(task)
        remote: Any = ray.remote(Worker)
        self._actor = remote.options(num_cpus=1, max_restarts=0, enable_task_events=False)
        self._members: list[Member] = []
        self._wanted = settings.workers or max(1, session.cores())
        self._counted = self._alive = time.monotonic()
        self._looked = 0.0
        self._pause, self._resume_hiring = 0.0, 0.0
        self._refusal = ""
        self._said: dict[str, float] = {}
        self._began = False
        self._assemble()
        self._began = True

    @property
    def ready(self) -> list[Member]:
        """Those who can compute."""
        return [member for member in self._members if member.ready]

    def _assemble(self) -> None:
        """Wait for the first worker; the others join when they can."""
        refused = ""
        while not self.ready:
            for _ in self.events():
                refused = self._refusal or refused
            if self._refusal and not self._members:
                raise BadInput(f"{self._session.name}: no worker can compute: {self._refusal}")
        if refused:
            self.say(f"{refused}; going on without it")
        coming = len(self._members) - len(self.ready)
        self.say(
            f"{self._session.name}: {len(self.ready)} at work" + (f", {coming} to come" if coming else "")
        )

    def events(self) -> Iterator[Arrived | Lost]:
        """Wait a little for answers and losses; new workers are hired and prepared meanwhile."""
        self._hire()
        heads = self._heads()
        if not heads:
            time.sleep(_LOOK_SECONDS / 4)
            self._check_alive()
            return
        ready, _ = ray.wait(list(heads), num_returns=1, timeout=_TICK)
        if ready and len(heads) > _FEW:  # the others that are there too, without waiting
            ready, _ = ray.wait(list(heads), num_returns=len(heads), timeout=0)
        for reference in ready:
            event = self._answer(heads[reference], reference)
            if event is not None:
                yield event
        now = time.monotonic()
        for member in list(self._members):
            limit = self._settings.limit_seconds
            limit = limit if member.ready else max(limit, _PREPARE_SECONDS)
            if member.host and member.calls and now - member.since > limit and not _answered(member):
                yield self._dismiss(member, f"no answer within {limit:g} s", Trouble.ERROR)
        # Somebody who compiles counts as there, but not the successors of those who failed at it.
        if any(member.ready or (member.host and not self._refusal) for member in self._members):
            self._alive = now
        self._check_alive()

    def _heads(self) -> dict[Any, Member]:
        """The calls that may be answered next; of workers still to come only now and then."""
        now = time.monotonic()
        look = now - self._looked > _LOOK_SECONDS
        self._looked = now if look else self._looked
        return {
            member.calls[0][0]: member for member in self._members if member.calls and (member.ready or look)
        }

    def _answer(self, member: Member, reference: Any) -> Arrived | Lost | None:
        try:
            header, arrays = unpack(ray.get(reference))
        except (RayError, Damaged, TypeError) as error:
            if "owner has died" in str(error):  # the owner is this process: Ray believes that we are dead
                self._session.lost = True
                raise Failure("Ray has ended on this machine, and all workers with it") from None
            reason, trouble = _diagnosis(error)
            return self._dismiss(member, reason, trouble)
        _, chunk = member.calls.popleft()
        member.since = time.monotonic()
        if chunk is not None:
            return Arrived(chunk, header, arrays)
        if member.ready:
            return None  # of an evaluation that was broken off
        if "error" in header:
            return self._dismiss(member, str(header["error"]), Trouble.ERROR)
        if not member.host:
            member.host = str(header["host"])
            member.ask(member.actor.prepare.remote([self._task]))
        else:
            member.ready, self._refusal, self._pause = True, "", 0.0
        return None

    def _dismiss(self, member: Member, reason: str, trouble: int) -> Lost:
        """End a worker, whatever is left of it."""
        self._members.remove(member)
        ray.kill(member.actor)
        where = f"on {member.host}" if member.host else "that was to come"
        if member.ready:
            self.say(f"a worker {where} was lost ({reason}); what it computed is done again")
        elif trouble != Trouble.NODE:  # it never computed, and its successor may fare no better: wait
            self._refusal = f"a worker {where} failed ({reason})"
            if self._began:
                self.say(f"{self._refusal}; going on without it")
            self._pause = min(max(1.0, 2 * self._pause), _LONGEST_PAUSE)
            self._resume_hiring = time.monotonic() + self._pause
        chunks = [chunk for _, chunk in member.calls if chunk is not None]
        return Lost(chunks[0] if chunks else None, chunks[1:], reason, trouble)

    def _hire(self) -> None:
        now = time.monotonic()
        if self._settings.workers is None and now - self._counted > _COUNT_SECONDS:
            self._wanted, self._counted = max(1, self._session.cores()), now
        for member in [member for member in self._members if not member.host][self._wanted :]:
            self._members.remove(member)  # asked for when the cluster was larger
            ray.kill(member.actor)
        if now < self._resume_hiring:
            return
        while len(self._members) < self._wanted:
            member = Member(self._actor.remote())
            member.ask(member.actor.hello.remote())
            self._members.append(member)

    def _check_alive(self) -> None:
        waited = time.monotonic() - self._alive
        if waited > self._settings.wait_seconds:
            raise (Failure if self._began else BadInput)(
                f"{self._session.name} has had no worker for {self._settings.wait_seconds:g} s "
                f"({self._refusal or f'cores there: {self._session.cores()}, none of them free'}); "
                "raise backend.wait_seconds where nodes come slowly"
            )

    def say(self, sentence: str) -> None:
        """Tell it, but not the same again and again."""
        now = time.monotonic()
        if now - self._said.get(sentence, -60.0) >= 60.0:
            self._said = {old: at for old, at in self._said.items() if now - at < 60.0} | {sentence: now}
            self._tell(sentence)

    def forget(self) -> None:
        """Answers still to come belong to an evaluation that was broken off."""
        self._alive = time.monotonic()
        for member in self._members:
            member.calls = deque((call, None) for call, _ in member.calls)

    def close(self) -> None:
        """Send everybody home."""
        for member in self._members:
            if not self._session.lost:
                ray.kill(member.actor)
        self._members.clear()


def _answered(member: Member) -> bool:
    """Whether the answer is there, and only we have not looked for long."""
    return bool(ray.wait([member.calls[0][0]], timeout=0)[0])


def _diagnosis(error: Exception) -> tuple[str, int]:
    """What became of a worker, in a clause, and how much it speaks against what it computed."""
    text = " ".join(str(error).split())
    missing = re.search(r"No module named '?([\w.]+)'?", text)
    if missing:
        return f"the module {missing[1]} is not installed there", Trouble.ERROR
    if isinstance(error, Damaged):
        return f"its answer was damaged: {error}", Trouble.DEATH
    if isinstance(error, ActorUnavailableError) or "node has died" in text or "node was terminated" in text:
        return "its node is gone", Trouble.NODE
    if "worker process has died" in text:
        return "its process died", Trouble.DEATH
    if "OutOfMemory" in type(error).__name__:
        return "its node ran out of memory", Trouble.DEATH
    return text[:300] or type(error).__name__, Trouble.DEATH
