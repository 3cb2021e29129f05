"""The Assessor protocol: how good a network is at a task, whatever the kind of the task."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from ..evaluation import BackendSettings, make_evaluator
from ..network import Network
from ..tasks import ClassificationTask, Task
from ..training import GradientSettings, TuningProgress
from .budget import Budget, budget_of, tuning_of
from .control import ControlAssessor
from .images import ImageAssessor
from .score import AnyScore

__all__ = ["Assessor", "assessor_type", "make_assessor"]


class Assessor(Protocol):
    """Scores one network on one task, and trains its weights there.

    Attributes:
        conditions: names of all conditions of this kind of task, in the order of reports.
        methods: names of all ways to train weights, the default first.
    """

    conditions: ClassVar[tuple[str, ...]]
    methods: ClassVar[tuple[str, ...]]

    @property
    def available(self) -> Sequence[str]:
        """The conditions under which this network can be scored here."""

    def score(self, condition: str) -> AnyScore:
        """The score under one of ``conditions``.

        Raises:
            BadInput: ``stored`` for a network without weights, a missing extra, or no finite return.
        """

    def weight(self, value: float) -> AnyScore:
        """The score with one weight on all connections."""

    def best_shared_weight(self) -> float:
        """The shared weight that does best on selection episodes or images."""

    def sweep(self) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Shared weights float64[weights] and their returns float64[weights, episodes]; None for images.

        Raises:
            BadInput: no return is finite.
        """

    def train(
        self,
        method: str,
        *,
        show: Callable[[int, int, float], None] | None = None,
        progress: TuningProgress | None = None,
    ) -> Network:
        """The network with its best shared weight, or with weights trained from there.

        Args:
            method: one of ``methods``; ``shared`` trains nothing.
            show: called after each iteration with its index, the number of iterations, and the best mean
                return or the validation accuracy.
            progress: the file that CMA-ES resumes from.

        Raises:
            BadInput: a missing extra, or no finite return.
        """


def assessor_type(task: Task) -> type[ControlAssessor | ImageAssessor]:
    """The kind of assessor that a task needs."""
    return ImageAssessor if isinstance(task, ClassificationTask) else ControlAssessor


@contextmanager
def make_assessor(
    network: Network,
    task: Task,
    *,
    seed: int = 0,
    episodes: int | None = None,
    iterations: int | None = None,
    workers: int | None = None,
) -> Iterator[Assessor]:
    """An assessor whose workers run while the block lasts.

    Args:
        network: the network.
        task: what it is scored on.
        seed: from which all streams derive.
        episodes: episodes reported on, or random weights for images; the definition's number if None.
        iterations: length of training; the method's own if None.
        workers: threads or processes; all cores if None.
    """
    if isinstance(task, ClassificationTask):
        descent = GradientSettings() if iterations is None else GradientSettings(epochs=iterations)
        yield ImageAssessor(
            network, task, seed, episodes or Budget().random, descent, tuning_of(task, iterations), workers
        )
        return
    with make_evaluator(task, BackendSettings(workers=workers)) as evaluator:
        yield ControlAssessor(
            network,
            evaluator,
            seed,
            budget_of(task, episodes),
            tuning_of(task, iterations),
            task.threshold,
            task.resolved.get("stepping"),
        )
