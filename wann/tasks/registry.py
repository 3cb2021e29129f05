"""What can be solved: sets of images by their name, environments by their id."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..errors import BadInput
from ..network import Interface, Network
from ..trust import BY_HAND, NOTHING, Trust
from .control import WELL_KNOWN, ControlTask, make_control, registered_environments
from .images import DATA_SETS, ClassificationTask, make_classification
from .settings import TaskSettings
from .task import Task

__all__ = ["make_task", "names_of", "recorded", "recorded_names", "registered_tasks", "side_of", "task_for"]

_NAMED: Final = 1000  # inputs or outputs; of more of them, names are of no use in a picture


def registered_tasks() -> list[str]:
    """Names of the sets of images, ids of environments whose rollouts are fused, and of well-known ones."""
    return list(dict.fromkeys([*DATA_SETS, *registered_environments(), *WELL_KNOWN]))


def make_task(
    settings: TaskSettings, interface: Interface | None = None, trust: Trust = NOTHING
) -> ControlTask | ClassificationTask:
    """Find a task by its name.

    Args:
        settings: which, and how networks meet it.
        interface: of a network that is to meet it; the settings' own if not given.
        trust: which modules the name may have imported.

    Raises:
        BadInput: there is no such task, or it cannot be had here.
    """
    if settings.id in DATA_SETS:
        return make_classification(settings)
    return make_control(settings, interface, trust)


def task_for(
    network: Network,
    task: str | None,
    stepping: str | None = None,
    episode_limit: int | None = None,
    trust: Sequence[str] = (),
) -> ControlTask | ClassificationTask:
    """The task that a network is for, or another, as the network meets it.

    Raises:
        BadInput: there is none, the network does not fit it, or its own is in a module without trust.
    """
    name = task or network.task
    if name is None:
        raise BadInput("the network names no task; give --task, such as wann/CartPoleSwingUp-v0 or mnist-16")
    allowed = Trust.of(trust) if task is None else BY_HAND
    settings = TaskSettings(id=name).changed(stepping=stepping or "auto", episode_limit=episode_limit)
    # Before anything is downloaded.
    inputs, outputs = map(len, names_of(name, network.interface, allowed))
    if (inputs, outputs) != (network.inputs, network.outputs):
        raise BadInput(
            f"the network has {network.inputs} inputs and {network.outputs} outputs, "
            f"but {name} needs {inputs} and {outputs}"
        )
    return make_task(settings, network.interface, allowed)


def names_of(
    name: str, interface: Interface | None = None, trust: Trust = NOTHING
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of a task's inputs and outputs, as a network with this interface meets it; no image is read.

    Raises:
        BadInput: there is no such task.
    """
    if name in DATA_SETS:
        found = DATA_SETS[name]
        return found.pixel_names, found.classes
    if name in WELL_KNOWN and interface is None:
        return WELL_KNOWN[name]
    task = make_control(
        TaskSettings(id=name, episode_limit=1), interface, trust
    )  # a limit says nothing of names
    return task.input_names, task.output_names


def recorded(settings: TaskSettings, task: Task) -> TaskSettings:
    """The settings as a run keeps them: with what was left to the task, and with the names for pictures."""
    names = {"input_names": task.input_names, "output_names": task.output_names}
    if settings.id in DATA_SETS or max(map(len, names.values())) > _NAMED:
        names = {}
    return settings.changed(**task.settled, **names)


def recorded_names(settings: TaskSettings) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Names of inputs and outputs that a run keeps; nothing is imported or made to find them."""
    if settings.id in DATA_SETS:
        return names_of(settings.id)
    return settings.input_names, settings.output_names


def side_of(name: str | None, inputs: int) -> int | None:
    """Pixels in a row of the images that a network of so many inputs reads; None if it reads none."""
    found = DATA_SETS.get(name or "")
    return found.side if found is not None and found.side**2 == inputs else None
