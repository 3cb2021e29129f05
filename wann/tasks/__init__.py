"""What is solved: the Task protocol and the tasks behind it."""

from .control import (
    PULSE,
    ControlTask,
    Dynamics,
    SteppedWorld,
    Stepper,
    close_environment,
    make_control,
    make_environment,
    needed_extra,
    undisturbed,
)
from .images import DATA_SETS, ClassificationTask, ImageSet, make_classification
from .registry import make_task, names_of, recorded, recorded_names, registered_tasks, side_of, task_for
from .settings import TaskSettings
from .task import Job, Outcome, Task, Trial, mean_over_episodes

__all__ = [
    "DATA_SETS",
    "PULSE",
    "ClassificationTask",
    "ControlTask",
    "Dynamics",
    "ImageSet",
    "Job",
    "Outcome",
    "SteppedWorld",
    "Stepper",
    "Task",
    "TaskSettings",
    "Trial",
    "close_environment",
    "make_classification",
    "make_control",
    "make_environment",
    "make_task",
    "mean_over_episodes",
    "names_of",
    "needed_extra",
    "recorded",
    "recorded_names",
    "registered_tasks",
    "side_of",
    "task_for",
    "undisturbed",
]
