"""Evaluation by Ray workers, on this machine or on a cluster; lost workers do not change the result."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, Self

import numpy as np
import ray
from numpy.typing import NDArray
from ray.exceptions import ActorUnavailableError, RayError
from ray.util import placement_group, placement_group_table, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from ...errors import Failure
from ...network import NetworkBatch
from ...tasks import Outcome, Task, Trial
from ..local import available_cores
from ..settings import BackendSettings
from .actors import Timing, WorkerLost
from .cluster import Session, connect
from .driver import Driver
from .schedule import Fault
from .worker import Worker

__all__ = ["RayActors", "RayEvaluator"]

_FEW: Final = 4  # calls: polling for further answers among so few costs as much as it saves


class RayActors:
    """Workers as Ray actors, each in its own placement group, whose state tells whether it has a core.

    Attributes:
        name: the cluster's name in messages.
    """

    def __init__(self, session: Session, task: Task) -> None:
        self.name = session.name
        self._session = session
        self._task = ray.put(task)
        # A separate thread of a worker answers requests for its status.
        remote: Any = ray.remote
        self._worker = remote(concurrency_groups={"status": 1})(Worker)
        self._groups: dict[Any, Any] = {}

    def now(self) -> float:
        """See ``Actors``."""
        return time.monotonic()

    def cores(self) -> int:
        """See ``Actors``."""
        return self._session.cores()

    def start(self) -> Any:
        """See ``Actors``."""
        group = placement_group([{"CPU": 1}])
        options = self._worker.options(
            num_cpus=1,
            max_restarts=0,
            enable_task_events=False,
            scheduling_strategy=PlacementGroupSchedulingStrategy(group),
        )
        actor = options.remote([self._task])
        self._groups[actor] = group
        return actor

    def have_core(self, actors: Sequence[Any]) -> Sequence[bool]:
        """See ``Actors``."""
        states = placement_group_table() if actors else {}
        return [states.get(self._groups[actor].id.hex(), {}).get("state") == "CREATED" for actor in actors]

    def call(self, actor: Any, method: str, *messages: bytes) -> Any:
        """See ``Actors``."""
        if method == "status":
            return actor.status.options(concurrency_group="status").remote()
        return getattr(actor, method).remote(*messages)

    def wait(self, calls: Sequence[Any], seconds: float) -> Sequence[Any]:
        """See ``Actors``."""
        if not calls:
            time.sleep(seconds)
            return []
        ready, _ = ray.wait(list(calls), num_returns=1, timeout=seconds)
        if ready and len(calls) > _FEW:  # the other answered calls too, without waiting
            ready, _ = ray.wait(list(calls), num_returns=len(calls), timeout=0)
        return ready

    def answer(self, call: Any) -> bytes:
        """See ``Actors``."""
        try:
            answer: bytes = ray.get(call)
        except RayError as error:
            if "owner has died" in str(error):  # the owner is this process: Ray itself is gone
                self._session.lost = True
                raise Failure("Ray has ended on this machine, and all workers with it") from None
            raise WorkerLost(*_diagnosis(error)) from None
        return answer

    def kill(self, actor: Any) -> None:
        """See ``Actors``."""
        group = self._groups.pop(actor)
        if not self._session.lost:
            ray.kill(actor)
            remove_placement_group(group)


class RayEvaluator:
    """Workers that each hold the task and compute chunks until the evaluation is complete.

    Args:
        task: the task to evaluate networks on; it is sent to each node once.
        settings: the cluster, number of workers, limits and attempts.
        tell: receives sentences about the workers.
        timing: the intervals of the worker pool.

    Raises:
        BadInput: the cluster cannot be joined, or no worker can hold the task.
    """

    def __init__(
        self,
        task: Task,
        settings: BackendSettings,
        tell: Callable[[str], None] = lambda _: None,
        timing: Timing | None = None,
    ) -> None:
        self._session = connect(settings, settings.workers or available_cores(), tell)
        try:
            self._driver = Driver(RayActors(self._session, task), settings, timing or Timing(), tell)
        except BaseException:
            self._session.close()
            raise

    @property
    def workers(self) -> int:
        """Number of workers that can compute at present."""
        return len(self._driver.pool.ready)

    def evaluate(self, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial) -> Outcome:
        """Evaluate every network under every weight; see ``Evaluator``.

        Raises:
            Failure: no core has been available for too long, or Ray itself has failed.
        """
        try:
            return self._driver.evaluate(batch, weights, trial)
        except RayError as error:
            raise Failure(f"Ray itself has failed ({' '.join(str(error).split())[:300]})") from None

    def close(self) -> None:
        """Kill the workers and disconnect from Ray."""
        self._driver.pool.close()
        self._session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _diagnosis(error: RayError) -> tuple[str, Fault]:
    """What happened to a worker, as a clause, and what kind of failure it is."""
    text = " ".join(str(error).split())
    missing = re.search(r"No module named '?([\w.]+)'?", text)
    if missing:
        return f"the module {missing[1]} is not installed there", Fault.ERROR
    if isinstance(error, ActorUnavailableError) or "node has died" in text or "node was terminated" in text:
        return "its node is gone", Fault.NODE
    if "worker process has died" in text:
        return "its process died", Fault.DEATH
    if "OutOfMemory" in type(error).__name__:  # Ray kills the largest worker, whichever took the memory
        return "its node ran out of memory", Fault.NODE
    return text[:300] or type(error).__name__, Fault.DEATH
