"""What runs on a Ray worker: it holds the task, and turns chunks into outcomes."""

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
"""What networks are computed with."""


class Worker:
    """A process with one core, for one task.

    Every answer is a message of ``wann.evaluation.messages``. What goes wrong with the task or a
    network is an answer with an ``error`` too: only the death of the process is Ray's to tell.
    """

    def __init__(self, task: Sequence[ray.ObjectRef[Task]]) -> None:
        """Args: the task in the object store, in a list lest Ray fetch it at once."""
        self._reference = task[0]
        self._task: Task
        self._begun, self._since = 0, time.process_time()

    def hello(self) -> bytes:
        """Who this is: its machine, the source it runs and the versions of what it computes with."""
        self._begin()
        header = {
            "host": platform.node(),
            "source": __file__,
            "versions": {name: _version(name) for name in LIBRARIES},
        }
        return pack(header, {})

    def pulse(self) -> bytes:
        """What is computed: the number of the call, and its processor seconds so far.

        It is asked on a thread of its own, while another computes.
        """
        return pack({"begun": self._begun, "seconds": time.process_time() - self._since}, {})

    def _begin(self) -> float:
        self._since = time.process_time()
        self._begun += 1
        return time.perf_counter()

    def prepare(self) -> bytes:
        """Fetch the task from this node's object store, and play an episode: kernels get compiled."""
        self._begin()
        try:
            self._task = ray.get(self._reference)
            size = self._task.inputs, self._task.outputs
            batch = compile_population(first_population(*size, 1, 1.0, np.random.default_rng(0)))
            evaluation = Evaluation(batch, np.ones(1), Trial(np.zeros(1, np.int64)))
            compute(self._task, evaluation.message(evaluation.whole))
        except BaseException as error:  # noqa: BLE001 - anybody's environment, failing in any way
            return pack({"error": described(error)}, {})
        return pack({}, {})

    def compute(self, message: bytes) -> bytes:
        """Compute a chunk; see ``Evaluation.message``."""
        begun = self._begin()
        try:
            outcome = compute(self._task, message)
        except BaseException as error:  # noqa: BLE001
            return pack({"error": described(error)}, {})
        arrays: Arrays = {"returns": outcome.returns, "steps": narrow(outcome.steps)}
        return pack({"seconds": time.perf_counter() - begun}, arrays)


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "none"
