"""What is solved: the Task protocol and the tasks behind it."""

from .control import (
    PULSE,
    ControlSettings,
    ControlTask,
    Dynamics,
    SteppedWorld,
    make_control,
    make_environment,
    needed_extra,
    preserved_process_state,
)
from .images import DATA_SETS, ClassificationTask, ImageSet, ImageSettings, make_classification
from .registry import (
    AnyTaskSettings,
    image_width,
    make_task,
    names_of,
    recorded_names,
    registered_tasks,
    resolved_settings,
    task_for,
    task_settings,
    without_foreign_defaults,
)
from .settings import TaskSettings
from .tables import TableSettings, make_table_task, npz_of, parse_labelled
from .task import Job, Outcome, RenderedEpisode, Renderer, Task, Trial, mean_over_episodes

__all__ = [
    "DATA_SETS",
    "PULSE",
    "AnyTaskSettings",
    "ClassificationTask",
    "ControlSettings",
    "ControlTask",
    "Dynamics",
    "ImageSet",
    "ImageSettings",
    "Job",
    "Outcome",
    "RenderedEpisode",
    "Renderer",
    "SteppedWorld",
    "TableSettings",
    "Task",
    "TaskSettings",
    "Trial",
    "image_width",
    "make_classification",
    "make_control",
    "make_environment",
    "make_table_task",
    "make_task",
    "mean_over_episodes",
    "names_of",
    "needed_extra",
    "npz_of",
    "parse_labelled",
    "preserved_process_state",
    "recorded_names",
    "registered_tasks",
    "resolved_settings",
    "task_for",
    "task_settings",
    "without_foreign_defaults",
]
