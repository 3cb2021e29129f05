"""What can be solved: sets of images by their name, environments by their id."""

from __future__ import annotations

from .classification import ClassificationTask, make_classification
from .control import ControlTask, make_control, registered_environments
from .datasets import DATA_SETS
from .settings import TaskSettings

__all__ = ["make_task", "names_of", "registered_tasks", "side_of"]


def registered_tasks() -> list[str]:
    """Names of the sets of images, and ids of the environments that come with dynamics of their own."""
    return [*DATA_SETS, *registered_environments()]


def make_task(settings: TaskSettings) -> ControlTask | ClassificationTask:
    """Find a task by its name.

    Raises:
        BadInput: there is no such task, or it cannot be had here.
    """
    if settings.id in DATA_SETS:
        return make_classification(settings)
    return make_control(settings)


def names_of(name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of a task's inputs and outputs; no image is read for that.

    Raises:
        BadInput: there is no such task.
    """
    if name in DATA_SETS:
        found = DATA_SETS[name]
        return found.pixel_names, found.classes
    task = make_control(TaskSettings(id=name))
    return task.input_names, task.output_names


def side_of(name: str | None, inputs: int) -> int | None:
    """Pixels in a row of the images that a network of so many inputs reads; None if it reads none."""
    found = DATA_SETS.get(name or "")
    return found.side if found is not None and found.side**2 == inputs else None
