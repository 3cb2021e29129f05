"""Where it is computed: the Evaluator protocol and its backends."""

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
    """The backend that the settings name.

    Args:
        task: what is played.
        settings: where it is computed.
        tell: is told in a sentence what happens to the workers.

    Raises:
        BadInput: the cluster cannot be joined, or no worker can hold the task.
    """
    if settings.kind == "local":
        workers = settings.workers or available_cores()
        if task.holds_interpreter:  # one worker is a process too: environments may hang, or end theirs
            return ProcessEvaluator(task, workers, settings.limit_seconds, tell)
        return LocalEvaluator(task, workers)
    from .ray.evaluator import RayEvaluator  # noqa: PLC0415 - Ray takes a second to import

    return RayEvaluator(task, settings, tell)
