"""A cluster in simulated time: nodes vanish, workers start slowly and die, answers are lost in transit."""

from __future__ import annotations

import heapq
import itertools
import random
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.evaluation.stubs import Stub
from wann.errors import described
from wann.evaluation.chunks import compute
from wann.evaluation.messages import narrow, pack
from wann.evaluation.ray.actors import WorkerLost
from wann.evaluation.ray.schedule import Fault

__all__ = ["Deed", "Scene", "SimulatedActors"]


class Deed(BaseException):
    """A network does something to its worker; not an ``Exception``, so that no handler takes it for one."""


@dataclass(frozen=True)
class Offender(Stub):
    """A stub that raises what it would do, instead of doing it."""

    def misbehave(self, connections: int) -> None:
        misdeed = self.misdeeds.get(connections, "none")
        if misdeed in ("die", "node", "spin", "sleep", "hold"):
            raise Deed(misdeed)
        super().misbehave(connections)


@dataclass
class Scene:
    """What happens in a simulated cluster; durations in seconds.

    Attributes:
        nodes: cores of each node at first.
        misdeeds: what networks do that have so many connections: raise, die, take the node along, spin
            (and use the processor), sleep, or hold the interpreter.
        start: from a core to a worker that answers.
        prepare: to prepare.
        compute: for each network, on the clock.
        deed: from the beginning of a chunk to the end of its worker or node.
        between: how often a worker dies that has finished a chunk, begun the next, and not yet answered.
        busy: processor seconds for each second on the clock.
        travel: for a message either way.
        node_returns: until a node that vanished is replaced; None for never.
        prepares: what comes of each preparation in turn: "", "die", or an error; "" when they run out.
    """

    nodes: Sequence[int] = (2,)
    misdeeds: dict[int, str] = field(default_factory=dict)
    start: Callable[[], float] = lambda: 1.0
    prepare: Callable[[], float] = lambda: 1.0
    compute: Callable[[], float] = lambda: 0.01
    deed: Callable[[], float] = lambda: 0.01
    between: int = 0
    busy: Callable[[], float] = lambda: 1.0
    travel: Callable[[], float] = lambda: 0.001
    node_returns: float | None = 5.0
    prepares: Sequence[str] = ()


@dataclass(eq=False)
class _Actor:
    node: int | None = None
    started: bool = False
    dead: WorkerLost | None = None
    queue: deque[tuple[_Call, str, tuple[bytes, ...]]] = field(default_factory=deque)
    computing: _Call | None = None
    begun: int = 0
    since: float = 0.0
    busy: float = 1.0
    holds: bool = False


@dataclass(eq=False)
class _Call:
    actor: _Actor
    answer: bytes | None = None


class SimulatedActors:
    """``Actors`` of a scene.

    Attributes:
        now_: the time.
        caused: losses that networks have caused, by the number of their deeds.
        dismissed: workers that were sent home.
    """

    name = "the simulated cluster"

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.clock = 0.0
        self.caused: Counter[str] = Counter()
        self.requested = 0
        self.free = dict(enumerate(scene.nodes))
        self._prepares = iter(scene.prepares)
        self._between = scene.between
        self._names = itertools.count(len(scene.nodes))
        self._order = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self.actors: list[_Actor] = []
        self._size = dict(self.free)

    # Events.

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.clock + seconds, next(self._order), what))

    def advance(self, until: float, stop: Callable[[], bool]) -> None:
        while not stop() and self._events and self._events[0][0] <= until:
            self.clock, _, what = heapq.heappop(self._events)
            what()
        if not stop():
            self.clock = max(self.clock, until)

    def end(self, actor: _Actor, loss: WorkerLost) -> None:
        if actor.dead is None:
            actor.dead = loss
            self._give_back(actor)

    def kill_any(self, rng: random.Random) -> None:
        alive = [actor for actor in self.actors if actor.dead is None and actor.started]
        if alive:
            self.end(rng.choice(alive), WorkerLost("killed", Fault.DEATH))

    def vanish(self, node: int) -> None:
        cores = self._size.pop(node)
        for actor in self.actors:
            if actor.node == node:
                self.end(actor, WorkerLost("its node is gone", Fault.NODE))
        self.free.pop(node, None)
        if self.scene.node_returns is not None:
            self.later(self.scene.node_returns, lambda: self.appear(cores))

    def vanish_any(self, rng: random.Random) -> None:
        if self._size:
            self.vanish(rng.choice(sorted(self._size)))

    def appear(self, cores: int) -> None:
        node = next(self._names)
        self._size[node] = self.free[node] = cores
        self._grant()

    def _give_back(self, actor: _Actor) -> None:
        if actor.node in self.free:
            self.free[actor.node] += 1
            self.later(0.0, self._grant)

    def _grant(self) -> None:
        for actor in self.actors:
            node = next((node for node, free in self.free.items() if free), None)
            if node is None:
                return
            if actor.node is None and actor.dead is None:
                actor.node = node
                self.free[node] -= 1
                self.later(self.scene.start(), lambda actor=actor: self._started(actor))  # type: ignore[misc]

    def _started(self, actor: _Actor) -> None:
        actor.started = True
        self._next(actor)

    def _next(self, actor: _Actor) -> None:
        if actor.dead or not actor.started or actor.computing or not actor.queue:
            return
        call, method, messages = actor.queue.popleft()
        actor.computing = call
        actor.begun, actor.since, actor.busy = actor.begun + 1, self.clock, self.scene.busy()
        if method == "hello":
            self._finish(call, 0.0, pack({"host": f"node {actor.node}"}, {}))
        elif method == "prepare":
            fate = next(self._prepares, "")
            if fate == "die":
                self.later(self.scene.prepare(), lambda: self.end(actor, WorkerLost("killed", Fault.DEATH)))
            else:
                self._finish(call, self.scene.prepare(), pack({"error": fate} if fate else {}, {}))
        else:
            self._compute(actor, call, messages[0])

    def _compute(self, actor: _Actor, call: _Call, message: bytes) -> None:
        task = Offender(misdeeds=self.scene.misdeeds)
        try:
            outcome = compute(task, message)
        except Deed as deed:
            kind = str(deed)
            self.caused[kind] += 1
            if kind == "die":
                gone = WorkerLost("its process died", Fault.DEATH)
                self.later(self.scene.deed(), lambda: self.end(actor, gone))
            elif kind == "node":
                self.later(self.scene.deed(), lambda: self._take_along(actor))
            actor.busy = 1.0 if kind == "spin" else 0.0
            actor.holds = kind == "hold"
        except ZeroDivisionError as error:
            self._finish(call, self.scene.compute(), pack({"error": described(error)}, {}))
        else:
            seconds = self.scene.compute() * len(outcome.returns)
            arrays = {"returns": outcome.returns, "steps": narrow(outcome.steps)}
            self._finish(call, seconds, pack({"seconds": seconds}, arrays))

    def _take_along(self, actor: _Actor) -> None:
        if actor.dead is None and actor.node is not None:
            self.vanish(actor.node)

    def _finish(self, call: _Call, seconds: float, answer: bytes) -> None:
        """Answer after so many seconds: the answer leaves a moment later, the next call begins at once."""
        actor = call.actor

        def arrive() -> None:
            if actor.dead is None:
                call.answer = answer

        def done() -> None:
            if actor.dead is None:
                actor.computing = None
                self.later(self.scene.travel(), arrive)
                self._next(actor)
                if actor.computing and actor.begun > 3 and self._between:
                    self._between -= 1
                    self.end(actor, WorkerLost("killed", Fault.DEATH))

        self.later(seconds, done)

    # The protocol ``Actors``.

    def now(self) -> float:
        return self.clock

    def cores(self) -> int:
        return sum(self._size.values())

    def start(self) -> Any:
        actor = _Actor()
        self.actors.append(actor)
        self.requested += 1
        self._grant()
        return actor

    def have_core(self, actors: Sequence[_Actor]) -> Sequence[bool]:
        return [actor.node is not None for actor in actors]

    def call(self, actor: _Actor, method: str, *messages: bytes) -> Any:
        call = _Call(actor)
        if method == "status":
            self.later(self.scene.travel(), lambda: self._status(call))
        else:
            actor.queue.append((call, method, messages))
            self.later(self.scene.travel(), lambda: self._next(actor))
        return call

    def _status(self, call: _Call) -> None:
        actor = call.actor
        if actor.dead is None and not actor.holds:
            seconds = actor.busy * (self.clock - actor.since)
            call.answer = pack({"call": actor.begun, "seconds": seconds}, {})

    def _answered(self, call: _Call) -> bool:
        return call.answer is not None or call.actor.dead is not None

    def wait(self, calls: Sequence[_Call], seconds: float) -> Sequence[Any]:
        self.advance(self.clock + seconds, lambda: any(map(self._answered, calls)))
        return [call for call in calls if self._answered(call)]

    def answer(self, call: _Call) -> bytes:
        if call.answer is None:
            assert call.actor.dead is not None
            raise call.actor.dead
        return call.answer

    def kill(self, actor: _Actor) -> None:
        self.end(actor, WorkerLost("killed by the pool", Fault.DEATH))
        self.actors.remove(actor)
