"""The actor that runs on a Ray worker: it holds the task and computes chunks."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import ray

from ...errors import described
from ...genome import first_population
from ...network import compile_population
from ...tasks import Task, Trial
from ..chunks import Evaluation, compute
from ..messages import Arrays, narrow, pack

__all__ = ["LIBRARIES", "Worker"]

LIBRARIES = ("numpy", "numba", "pydantic", "gymnasium")
"""The libraries that computing networks needs."""


class Worker:
    """A process with one core that computes chunks of one task.

    Every answer is a message of ``wann.evaluation.messages``, also when the task or a network fails: it
    then has an ``error``. Only the death of the process is reported by Ray.
    """

    def __init__(self, task: Sequence[ray.ObjectRef[Task]]) -> None:
        """Args: the task's reference in the object store, in a list so that Ray does not fetch it yet."""
        self._reference = task[0]
        self._task: Task
        self._calls, self._since = 0, time.process_time()

    def hello(self) -> bytes:
        """The machine, the path of this source, and the versions of the libraries."""
        self._begin_call()
        header = {
            "host": platform.node(),
            "source": __file__,
            "versions": {name: _version(name) for name in LIBRARIES},
        }
        return pack(header, {})

    def status(self) -> bytes:
        """The number of the present call, and its processor seconds so far; runs on a separate thread."""
        return pack({"call": self._calls, "seconds": time.process_time() - self._since}, {})

    def _begin_call(self) -> float:
        self._since = time.process_time()
        self._calls += 1
        return time.perf_counter()

    def prepare(self) -> bytes:
        """Fetch the task from this node's object store and play an episode, which compiles the kernels."""
        self._begin_call()
        try:
            self._task = ray.get(self._reference)
            size = self._task.inputs, self._task.outputs
            batch = compile_population(first_population(*size, 1, 1.0, np.random.default_rng(0)))
            evaluation = Evaluation(batch, np.ones(1), Trial(np.zeros(1, np.int64)))
            compute(self._task, evaluation.message(evaluation.whole))
        except BaseException as error:  # noqa: BLE001 - an environment is foreign code, which may raise anything
            return pack({"error": described(error)}, {})
        return pack({}, {})

    def compute(self, message: bytes) -> bytes:
        """Compute a chunk, given as a message of ``Evaluation.message``."""
        began = self._begin_call()
        try:
            outcome = compute(self._task, message)
        except BaseException as error:  # noqa: BLE001
            return pack({"error": described(error)}, {})
        arrays: Arrays = {"returns": outcome.returns, "steps": narrow(outcome.steps)}
        return pack({"seconds": time.perf_counter() - began}, arrays)


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"
