"""What is solved: the Task protocol and the tasks behind it."""

from .classification import ClassificationTask
from .control import ControlTask, Dynamics
from .datasets import DATA_SETS, ImageSet
from .registry import make_task, names_of, registered_tasks, side_of
from .settings import TaskSettings
from .task import Job, Outcome, Task, Trial, mean_over_episodes

__all__ = [
    "DATA_SETS",
    "ClassificationTask",
    "ControlTask",
    "Dynamics",
    "ImageSet",
    "Job",
    "Outcome",
    "Task",
    "TaskSettings",
    "Trial",
    "make_task",
    "mean_over_episodes",
    "names_of",
    "registered_tasks",
    "side_of",
]
