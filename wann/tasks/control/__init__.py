"""Gymnasium environments as tasks."""

from .environments import (
    close_environment,
    make_environment,
    needed_extra,
    registered_environments,
    undisturbed,
)
from .fused import Dynamics
from .names import WELL_KNOWN
from .pulse import PULSE
from .stepper import Stepper
from .stepping import SteppedWorld
from .task import ControlTask, make_control

__all__ = [
    "PULSE",
    "WELL_KNOWN",
    "ControlTask",
    "Dynamics",
    "SteppedWorld",
    "Stepper",
    "close_environment",
    "make_control",
    "make_environment",
    "needed_extra",
    "registered_environments",
    "undisturbed",
]
