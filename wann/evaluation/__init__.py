"""Evaluation of networks on a task: the Evaluator protocol and its backends."""

from __future__ import annotations

from collections.abc import Callable

from ..tasks import Task
from .evaluator import Evaluator
from .local import LocalEvaluator, available_cores
from .processes import ProcessEvaluator
from .settings import BackendSettings

__all__ = [
    "BackendSettings",
    "Evaluator",
    "LocalEvaluator",
    "ProcessEvaluator",
    "available_cores",
    "make_evaluator",
]


def make_evaluator(
    task: Task, settings: BackendSettings, tell: Callable[[str], None] = lambda _: None
) -> Evaluator:
    """Make the evaluator that the settings describe.

    Args:
        task: the task to evaluate networks on.
        settings: which backend, with how many workers and which limits.
        tell: receives sentences about workers that are lost or slow.

    Raises:
        BadInput: the cluster cannot be joined, or no worker can hold the task.
    """
    if settings.kind == "local":
        workers = settings.workers or available_cores()
        if task.holds_interpreter:  # even a single worker: environments may hang, or end their process
            return ProcessEvaluator(task, workers, settings.limit_seconds, tell)
        return LocalEvaluator(task, workers)
    from .ray.evaluator import RayEvaluator  # noqa: PLC0415 - Ray takes a second to import

    return RayEvaluator(task, settings, tell)
