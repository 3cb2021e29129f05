"""What is solved: the Task protocol and the tasks behind it."""

from .classification import ClassificationTask, make_classification
from .control import ControlTask, make_control
from .datasets import DATA_SETS, ImageSet
from .environments import close_environment, make_environment, needed_extra, undisturbed
from .fused import Dynamics
from .pulse import PULSE
from .registry import make_task, names_of, recorded, recorded_names, registered_tasks, side_of
from .settings import TaskSettings
from .stepper import Stepper
from .stepping import SteppedWorld
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
    "undisturbed",
]
