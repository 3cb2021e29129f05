"""A process on this machine that holds a task and computes chunks: the parent's side and its own."""

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
from pathlib import Path
from typing import Any, Final

from ..errors import BadInput, described
from ..tasks import PULSE, Task
from .chunks import Chunk, compute
from .messages import Arrays, pack, unpack
from .watchdog import Watchdog

__all__ = ["WorkerProcess"]

_HEARTBEAT_SECONDS: Final = 0.2
_START_SECONDS: Final = 120.0  # the least limit for the first answer, which includes all imports
_PARENT_CHECK: Final = 5  # heartbeats between checks that the parent is alive
_GRACE_SECONDS: Final = 5.0  # for environments to clean up when their process ends
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class WorkerProcess:
    """The parent's handle of a worker process.

    Args:
        task: the task to hold.
        limit: seconds of processor time for one call of an environment; see ``Watchdog``.

    Attributes:
        connection: the connection on which it answers.
        chunk: the chunk that it computes, None if it is idle.
        watchdog: the time limits of the environment's present call.

    Raises:
        BadInput: the task cannot be sent to another process.
    """

    def __init__(self, task: Task, limit: float) -> None:
        from loky.backend.context import get_context  # noqa: PLC0415 - not needed on the nodes of a cluster

        # Unlike the standard library's start methods, loky does not run the caller's script again.
        context = get_context("loky")
        self.chunk: Chunk | None = None
        self.watchdog = Watchdog(max(limit, _START_SECONDS))
        self._limit, self._started, self._calls = limit, False, -1
        self._waited = 0.0
        self.connection, remote_end = context.Pipe()
        self._process = context.Process(target=_serve, args=(remote_end, task, os.getpid()))
        try:
            with _signals_blocked(), remote_end:
                self._process.start()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - pickling runs foreign code, which may raise anything
            self.connection.close()
            raise BadInput(f"task.id: {task.id} cannot be sent to a process ({described(error)})") from None

    @property
    def alive(self) -> bool:
        """Whether the process is running."""
        return bool(self._process.is_alive())

    def waited(self) -> float:
        """Seconds that it has waited for a processor since the last call; 0 if that is unknown."""
        try:
            fields = Path(f"/proc/{self._process.pid}/schedstat").read_text(encoding="ascii").split()
            total = float(fields[1]) * 1e-9
        except (OSError, IndexError, ValueError):
            return 0.0
        waited, self._waited = total - self._waited, total
        return waited

    def send(self, message: bytes, chunk: Chunk) -> None:
        """Send a chunk to be computed.

        Raises:
            OSError: the process has died.
        """
        self.chunk = chunk
        self.watchdog.reset()
        self.connection.send_bytes(message)

    def receive(self) -> tuple[dict[str, Any], Arrays] | None:
        """Read one message: the result of the chunk, or None for a heartbeat.

        Raises:
            OSError, EOFError: the process has died.
        """
        header, arrays = unpack(self.connection.recv_bytes())
        if not self._started:
            self._started, self.watchdog = True, Watchdog(self._limit)
        if "calls" not in header:
            self.chunk = None
            return header, arrays
        if not header["inside"] or header["calls"] != self._calls:
            self.watchdog.reset()
        self._calls = header["calls"]
        self.watchdog.add(processor=header["seconds"])
        return None

    def exit_reason(self) -> str:
        """How the process ended, in words."""
        self._process.join(_GRACE_SECONDS)
        code = self._process.exitcode
        return f"by {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"

    def close(self, *, gracefully: bool) -> None:
        """End the process and all that it has started.

        Args:
            gracefully: whether to let it finish its chunk first, for a few seconds.
        """
        self.connection.close()  # tells the process that no more chunks will come
        if gracefully:
            wait([self._process.sentinel], _GRACE_SECONDS)
        # Processes that environments start belong to its process group, unless it died before it made one.
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError, PermissionError):
                kill(self._process.pid, signal.SIGKILL)
        self._process.join()


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Start processes in the block with signals blocked, until their own handlers are installed."""
    resource_tracker.ensure_running()  # starting it later would unblock the signals
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# The following runs in the worker process.


def _serve(connection: Connection, task: Task, parent: int) -> None:
    """Compute chunks until the parent closes the connection."""
    # The parent handles Ctrl-C and SIGTERM. Unlike ignored signals, handlers that do nothing are not
    # inherited by programs that an environment starts.
    os.setsid()
    for number in _SIGNALS:
        signal.signal(number, _do_nothing)
        signal.siginterrupt(number, False)  # noqa: FBT003
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    os.set_inheritable(connection.fileno(), False)  # noqa: FBT003
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # the process may be killed
    computing, sending = threading.Event(), threading.Lock()
    threading.Thread(
        target=_send_heartbeats, args=(connection, computing, sending, parent), daemon=True
    ).start()
    while True:
        try:
            message = connection.recv_bytes()
        except (EOFError, OSError):
            return
        computing.set()
        answer = _result(task, message)
        computing.clear()
        with sending:
            connection.send_bytes(answer)


def _do_nothing(*_: object) -> None:
    """Handle a signal by doing nothing."""


def _result(task: Task, message: bytes) -> bytes:
    try:
        outcome = compute(task, message)
    except BaseException as error:  # noqa: BLE001 - an environment is foreign code, which may raise anything
        return pack({"error": described(error)}, {})
    return pack({}, {"returns": outcome.returns, "steps": outcome.steps})


def _send_heartbeats(connection: Connection, computing: threading.Event, sending: Any, parent: int) -> None:
    """Report how long the present call of an environment has taken; kill the group when the parent dies."""
    clock = time.pthread_getcpuclockid(threading.main_thread().ident or 0)
    calls, since = -1, 0.0
    # The parent's id is passed in: the parent may have died before this process could ask for it.
    while os.getppid() == parent:
        for _ in range(_PARENT_CHECK):
            time.sleep(_HEARTBEAT_SECONDS)
            now = time.clock_gettime(clock)
            if PULSE.calls != calls or not PULSE.inside:
                calls, since = PULSE.calls, now
            if computing.is_set():
                heartbeat = {"calls": calls, "inside": PULSE.inside, "seconds": now - since}
                with sending, suppress(OSError):
                    connection.send_bytes(pack(heartbeat, {}))
    os.killpg(0, signal.SIGKILL)
