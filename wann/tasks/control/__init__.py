"""Gymnasium environments as tasks."""

from .environments import (
    make_environment,
    needed_extra,
    preserved_process_state,
    registered_environments,
)
from .fused import Dynamics
from .names import SAME_WHATEVER_ARGUMENTS, WELL_KNOWN
from .pulse import PULSE
from .recipe import Factory, name_of_factory
from .reward import Reward, name_of_reward
from .settings import ControlSettings
from .stepping import SteppedWorld
from .task import ControlTask, make_control

__all__ = [
    "PULSE",
    "SAME_WHATEVER_ARGUMENTS",
    "WELL_KNOWN",
    "ControlSettings",
    "ControlTask",
    "Dynamics",
    "Factory",
    "Reward",
    "SteppedWorld",
    "make_control",
    "make_environment",
    "name_of_factory",
    "name_of_reward",
    "needed_extra",
    "preserved_process_state",
    "registered_environments",
]
