"""What is solved: the Task protocol and the tasks behind it."""

from .classification import ClassificationTask, make_classification
from .control import ControlTask, make_control
from .datasets import DATA_SETS, ImageSet
from .environments import make_environment, needed_extra
from .fused import Dynamics
from .registry import make_task, names_of, recorded, recorded_names, registered_tasks, side_of
from .settings import TaskSettings
from .stepping import SteppedWorld
from .task import Job, Outcome, Task, Trial, mean_over_episodes

__all__ = [
    "DATA_SETS",
    "ClassificationTask",
    "ControlTask",
    "Dynamics",
    "ImageSet",
    "Job",
    "Outcome",
    "SteppedWorld",
    "Task",
    "TaskSettings",
    "Trial",
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
]
