"""Workers that come and go: as many as are wanted and there, each with a short queue of calls."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from ...errors import BadInput, Failure
from ..chunks import Chunk
from ..messages import Damaged, unpack
from ..settings import BackendSettings
from .actors import Actors, Gone, Timing
from .schedule import Trouble

__all__ = ["Arrived", "Crew", "Lost", "Member", "State"]


class State(IntEnum):
    """How far a worker has come."""

    GONE = -1
    NO_CORE = 0
    STARTING = 1
    PREPARING = 2
    READY = 3


@dataclass(eq=False)
class Member:
    """One worker.

    Attributes:
        actor: its handle.
        since: when its state began, or the first of its calls became the first.
        state: how far it has come.
        calls: what it has been asked and not answered, in order, with the chunk if it is one.
        answered: calls that it has answered.
        host: the machine that it runs on, once known.
        pulse: the question for its processor time that it has not answered.
        pulsed: when that was last asked.
        begun: the number of the call that it computes, by its last pulse.
    """

    actor: Any
    since: float
    state: State = State.NO_CORE
    calls: deque[tuple[Any, Chunk | None]] = field(default_factory=deque)
    answered: int = 0
    host: str = ""
    pulse: Any = None
    pulsed: float = 0.0
    begun: int = 0

    @property
    def named(self) -> bool:
        """Whether it is known which of its calls it computes: the first."""
        return self.begun == self.answered + 1

    @property
    def isolated(self) -> bool:
        """Whether it computes a chunk that nothing may be queued behind."""
        return any(chunk is not None and chunk.isolation for _, chunk in self.calls)


@dataclass(frozen=True)
class Arrived:
    """A chunk has been answered."""

    chunk: Chunk
    header: dict[str, Any]
    arrays: dict[str, Any]


@dataclass(frozen=True)
class Lost:
    """A worker is gone.

    Attributes:
        chunks: its queue.
        reason: what became of it, in a clause.
        trouble: what kind of loss it is.
        named: whether it is known that it was computing the first of its chunks.
    """

    chunks: Sequence[Chunk]
    reason: str
    trouble: Trouble
    named: bool


class Crew:
    """The workers of one evaluator.

    Raises:
        BadInput: no worker can be had, or none can hold the task.
    """

    def __init__(
        self, actors: Actors, settings: BackendSettings, timing: Timing, tell: Callable[[str], None]
    ) -> None:
        self._actors = actors
        self._settings = settings
        self._timing = timing
        self._tell = tell
        self._members: list[Member] = []
        self._wanted = settings.workers or max(1, actors.cores())
        self._counted = self._checked = actors.now()
        self._looked = 0.0
        self._absent = 0.0  # seconds without a core for any worker
        self._pause, self._resume_hiring = 0.0, 0.0
        self._refusal, self._refused = "", 0  # why the last one failed to prepare; how bad all have been
        self._said: dict[str, float] = {}
        self._began = False
        try:
            self._assemble()
        except BaseException:
            self.close()
            raise
        self._began = True

    @property
    def ready(self) -> list[Member]:
        """Those who can compute."""
        return [member for member in self._members if member.state is State.READY]

    def _assemble(self) -> None:
        """Wait for the first worker; the others join when they can."""
        refusal = ""
        while not self.ready:
            for _ in self.events():
                refusal = self._refusal or refusal
        if refusal:
            self.say(f"{refusal}; going on without it")
        coming = len(self._members) - len(self.ready)
        self.say(
            f"{self._actors.name}: {len(self.ready)} at work" + (f", {coming} to come" if coming else "")
        )

    def ask(self, member: Member, method: str, *messages: bytes, chunk: Chunk | None = None) -> None:
        """Queue a call."""
        if not member.calls:
            member.since = self._actors.now()
        member.calls.append((self._actors.ask(member.actor, method, *messages), chunk))

    def events(self) -> Iterator[Arrived | Lost]:
        """Wait a little for answers and losses; new workers are hired and prepared meanwhile."""
        self._hire()
        look = self._look()
        calls = {
            member.calls[0][0]: member
            for member in self._members
            if member.calls and (look or member.state is State.READY)
        }
        pulses = {member.pulse: member for member in self._members if member.pulse is not None}
        answered = self._actors.wait([*calls, *pulses], self._timing.tick if calls else self._timing.look)
        for call in sorted(answered, key=pulses.__contains__):  # who has answered is not late any more
            event = self._pulse(pulses[call], call) if call in pulses else self._answer(calls[call], call)
            if event is not None:
                yield event
        yield from self._overdue()
        self._check_there()

    def _look(self) -> bool:
        """Now and then see how far those have come who are not at work."""
        now = self._actors.now()
        if now - self._looked <= self._timing.look:
            return False
        self._looked = now
        coming = [member for member in self._members if member.state < State.PREPARING]
        granted = self._actors.granted([member.actor for member in coming])
        for member, has_core in zip(coming, granted, strict=True):
            state = State.STARTING if has_core else State.NO_CORE
            if member.state != state:
                member.state, member.since = state, now
        return True

    def _answer(self, member: Member, call: Any) -> Arrived | Lost | None:
        try:
            header, arrays = unpack(self._actors.answer(call))
        except Gone as gone:
            return self._dismiss(member, gone.reason, gone.trouble, named=False)
        except (Damaged, TypeError) as error:
            return self._dismiss(member, f"its answer was damaged: {error}", Trouble.DEATH, named=True)
        _, chunk = member.calls.popleft()
        member.since, member.answered = self._actors.now(), member.answered + 1
        if member.state < State.PREPARING:
            member.state, member.host = State.PREPARING, str(header["host"])
            self.ask(member, "prepare")
            return None
        if member.state is State.PREPARING:
            if "error" in header:
                return self._dismiss(member, str(header["error"]), Trouble.ERROR, named=True)
            member.state, self._refusal, self._refused, self._pause = State.READY, "", 0, 0.0
            return None
        # Without a chunk it is a sign of life, or belongs to an evaluation that was broken off.
        return None if chunk is None else Arrived(chunk, header, arrays)

    def _pulse(self, member: Member, call: Any) -> Lost | None:
        """Learn what a worker computes, and for how many processor seconds."""
        member.pulse = None
        if member.state is State.GONE:
            return None
        try:
            header, _ = unpack(self._actors.answer(call))
        except (Gone, Damaged, TypeError):
            return None  # its calls tell
        member.begun = int(header["begun"])
        limit = self._limit(member) if member.calls else 0.0
        if member.calls and member.named and float(header["seconds"]) > limit:
            return self._dismiss(
                member, f"no answer within {limit:g} s of its processor", Trouble.ERROR, named=True
            )
        return None

    def _limit(self, member: Member) -> float:
        """Processor seconds for the first of a worker's calls; at each trial of a network twice as many."""
        limit, chunk = self._settings.limit_seconds, member.calls[0][1]
        if member.state is State.PREPARING:
            return max(limit, self._timing.prepare)
        return limit * 2.0 ** (chunk.troubles // Trouble.ERROR.value if chunk is not None else 0)

    def _overdue(self) -> Iterator[Lost]:
        """Ask those for their pulse who have been silent for long, and dismiss those beyond it."""
        now = self._actors.now()
        for member in list(self._members):
            if not member.calls or member.state is State.NO_CORE:
                continue
            waited, starting = now - member.since, member.state is State.STARTING
            limit = self._settings.start_seconds if starting else self._limit(member)
            wall = limit if starting else limit * self._settings.wall_factor
            if waited > wall and not self._actors.wait([member.calls[0][0]], 0):
                what = "it did not start" if starting else "no answer"
                trouble = Trouble.DEATH if starting else Trouble.ERROR
                yield self._dismiss(member, f"{what} within {wall:g} s", trouble, named=member.named)
                continue
            asked = member.pulse is not None or now - member.pulsed <= self._timing.pulse
            if waited > limit and not starting and not asked:
                member.pulse, member.pulsed = self._actors.ask(member.actor, "pulse"), now

    def _dismiss(self, member: Member, reason: str, trouble: Trouble, *, named: bool) -> Lost:
        """End a worker, whatever is left of it."""
        self._members.remove(member)
        self._actors.dismiss(member.actor)
        state, member.state = member.state, State.GONE
        where = f"on {member.host}" if member.host else "that was to come"
        if state is State.READY:
            self.say(f"a worker {where} was lost ({reason}); what it computed is done again")
            # Those who are idle may have died of the same: nothing is charged to what they never began.
            for other in self.ready:
                if not other.calls:
                    self.ask(other, "hello")
        else:  # it never computed, and its successor may fare no better: wait
            self._refusal = f"a worker {where} failed ({reason})"
            if self._began:
                self.say(f"{self._refusal}; going on without it")
            now = self._actors.now()
            if not (self._began or self._members) and trouble is Trouble.ERROR:
                self._refused = self._settings.attempts * Trouble.ERROR.value  # it is in the task
            elif now >= self._resume_hiring:  # else it is one of many that failed together
                self._refused += trouble.value
                self._pause = min(max(self._timing.pause, 2 * self._pause), self._timing.longest_pause)
                self._resume_hiring = now + self._pause
        chunks = [chunk for _, chunk in member.calls if chunk is not None]
        # Where the first call is of an evaluation that was broken off, the first chunk is not computed.
        return Lost(chunks, reason, trouble, named and 0 < len(chunks) == len(member.calls))

    def _hire(self) -> None:
        now = self._actors.now()
        if self._settings.workers is None and now - self._counted > self._timing.count:
            self._wanted, self._counted = max(1, self._actors.cores()), now
        coming = [member for member in self._members if member.state < State.PREPARING]
        for member in coming[self._wanted :]:
            self._members.remove(member)  # asked for when the cluster was larger
            self._actors.dismiss(member.actor)
        if now < self._resume_hiring:
            return
        while len(self._members) < self._wanted:
            member = Member(self._actors.hire(), now)
            self._members.append(member)
            self.ask(member, "hello")

    def _check_there(self) -> None:
        """Give up when no worker has had a core for too long, or none of many could prepare.

        Raises:
            BadInput: at the beginning.
            Failure: later.
        """
        now = self._actors.now()
        passed, self._checked = min(now - self._checked, 2 * self._timing.tick), now
        kind = Failure if self._began else BadInput
        if self.ready:
            self._refused = 0
        if self._refused >= self._settings.attempts * Trouble.ERROR.value:
            raise kind(f"{self._actors.name}: no worker can compute: {self._refusal}")
        if any(member.state is not State.NO_CORE for member in self._members):
            self._absent = 0.0
        elif self._members:  # else it is we who pause; and time in which nobody looked does not count
            self._absent += passed
        if self._absent > self._settings.wait_seconds:
            cores = self._actors.cores()
            raise kind(
                f"{self._actors.name} has had no core for a worker for {self._settings.wait_seconds:g} s "
                f"(cores there: {cores}{', all of them taken' if cores else ''}); "
                "raise backend.wait_seconds where nodes come slowly"
            )

    def say(self, sentence: str) -> None:
        """Tell it, but not the same again and again."""
        now, repeat = self._actors.now(), self._timing.repeat
        if now - self._said.get(sentence, now - repeat) >= repeat:
            self._said = {old: at for old, at in self._said.items() if now - at < repeat} | {sentence: now}
            self._tell(sentence)

    def forget(self) -> None:
        """Answers still to come belong to an evaluation that was broken off."""
        self._absent, self._checked = 0.0, self._actors.now()
        for member in self._members:
            member.calls = deque((call, None) for call, _ in member.calls)

    def close(self) -> None:
        """Send everybody home."""
        for member in self._members:
            self._actors.dismiss(member.actor)
        self._members.clear()
