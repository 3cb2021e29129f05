"""A process of this machine that holds a task and computes chunks, seen from both of its ends."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any, Final

from ..errors import BadInput, described
from ..tasks import PULSE, Task
from .chunks import Chunk, compute
from .messages import Arrays, pack, unpack
from .silence import Silence

__all__ = ["Member"]

_BEAT_SECONDS: Final = 0.2
_BEGIN_SECONDS: Final = 120.0  # at least: to import what it computes with takes its time, whatever the limit
_WATCH_BEATS: Final = 5  # between looks at whether the parent is there
_GRACE_SECONDS: Final = 5.0  # for what environments do when their process ends
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class Member:
    """A process, from its parent's end.

    Args:
        task: what it computes.
        limit: seconds of silence; see ``Silence``.

    Attributes:
        connection: where it answers.
        chunk: what it computes at present.
        silence: how long it has been silent.

    Raises:
        BadInput: the task cannot be sent to it.
    """

    def __init__(self, task: Task, limit: float) -> None:
        from loky.backend.context import get_context  # noqa: PLC0415 - nodes of a cluster can do without

        # Unlike those of the standard library, its processes do not run the caller's script again.
        context = get_context("loky")
        self.chunk: Chunk | None = None
        self.silence = Silence(max(limit, _BEGIN_SECONDS))
        self._limit, self._begun, self._calls = limit, False, -1
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, task, os.getpid()))
        try:
            with _born_deaf(), theirs:
                self._process.start()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - anybody's environment, refusing in any way
            self.connection.close()
            raise BadInput(f"task.id: {task.id} cannot be sent to a process ({described(error)})") from None

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return bool(self._process.is_alive())

    def ask(self, message: bytes, chunk: Chunk) -> None:
        """Have a chunk computed.

        Raises:
            OSError: it has died.
        """
        self.chunk = chunk
        self.silence.broken()
        self.connection.send_bytes(message)

    def answer(self) -> tuple[dict[str, Any], Arrays] | None:
        """What it says of its chunk; None if it only says that it lives.

        Raises:
            OSError, EOFError: it has died.
        """
        header, arrays = unpack(self.connection.recv_bytes())
        if not self._begun:
            self._begun, self.silence = True, Silence(self._limit)
        if "calls" not in header:
            self.chunk = None
            return header, arrays
        if not header["inside"] or header["calls"] != self._calls:
            self.silence.broken()
        self._calls = header["calls"]
        self.silence.lasts(processor=header["quiet"])
        return None

    def ending(self) -> str:
        """How it has died."""
        self._process.join(_GRACE_SECONDS)
        code = self._process.exitcode
        return f"by {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"

    def close(self, *, gently: bool) -> None:
        """End it, and what it has started; gently, it may come to the end of what it does first."""
        self.connection.close()  # by which it learns that nothing more will come
        if gently:
            wait([self._process.sentinel], _GRACE_SECONDS)
        # What environments have started is in its group, which it has unless it is very young.
        for end in (os.killpg, os.kill):
            with suppress(ProcessLookupError, PermissionError):
                end(self._process.pid, signal.SIGKILL)
        self._process.join()


@contextmanager
def _born_deaf() -> Iterator[None]:
    """Processes begun in the block hear no signal until they are ready to ignore it."""
    resource_tracker.ensure_running()  # which would hear them again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# From here on, in the process itself.


def _serve(connection: Connection, task: Task, parent: int) -> None:
    """Compute what comes until nothing more will come."""
    # Ctrl-C and the end of a batch job are for the parent to understand. Handlers that do nothing, unlike
    # signals that are ignored, do not pass to programs that an environment starts.
    os.setsid()
    for number in _SIGNALS:
        signal.signal(number, _nothing)
        signal.siginterrupt(number, False)  # noqa: FBT003
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    os.set_inheritable(connection.fileno(), False)  # noqa: FBT003
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a process may be killed
    computing, sending = threading.Event(), threading.Lock()
    threading.Thread(target=_beat, args=(connection, computing, sending, parent), daemon=True).start()
    while True:
        try:
            message = connection.recv_bytes()
        except (EOFError, OSError):
            return
        computing.set()
        answer = _answer(task, message)
        computing.clear()
        with sending:
            connection.send_bytes(answer)


def _nothing(*_: object) -> None:
    """Hear a signal."""


def _answer(task: Task, message: bytes) -> bytes:
    try:
        outcome = compute(task, message)
    except BaseException as error:  # noqa: BLE001 - anybody's environment, failing in any way
        return pack({"error": described(error)}, {})
    return pack({}, {"returns": outcome.returns, "steps": outcome.steps})


def _beat(connection: Connection, computing: threading.Event, sending: Any, parent: int) -> None:
    """Tell while it computes how long it has been in one call; end with the parent."""
    clock = time.pthread_getcpuclockid(threading.main_thread().ident or 0)
    calls, since = -1, 0.0
    # Told by its number: the parent may have died before this process came to ask.
    while os.getppid() == parent:
        for _ in range(_WATCH_BEATS):
            time.sleep(_BEAT_SECONDS)
            now = time.clock_gettime(clock)
            if PULSE.calls != calls or not PULSE.inside:
                calls, since = PULSE.calls, now
            if computing.is_set():
                with sending, suppress(OSError):
                    connection.send_bytes(
                        pack({"calls": calls, "inside": PULSE.inside, "quiet": now - since}, {})
                    )
    os.killpg(0, signal.SIGKILL)
