"""What is solved: the Task protocol and the tasks behind it."""

from .control import ControlTask, Dynamics, TaskSettings, make_task, registered_tasks
from .task import Job, Outcome, Task, Trial, mean_over_episodes

__all__ = [
    "ControlTask",
    "Dynamics",
    "Job",
    "Outcome",
    "Task",
    "TaskSettings",
    "Trial",
    "make_task",
    "mean_over_episodes",
    "registered_tasks",
]
