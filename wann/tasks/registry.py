"""Tasks by their names: sets of images, and environments by their ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

from pydantic import Discriminator, Tag, ValidationError

from ..encoding import FunctionEncoder
from ..errors import BadInput, naming
from ..network import Interface, LabelledData, Network
from ..settings import explain
from ..trust import BY_HAND, NOTHING, Trust, module_named, modules_within
from .control import (
    SAME_WHATEVER_ARGUMENTS,
    WELL_KNOWN,
    ControlSettings,
    Factory,
    Reward,
    make_control,
    name_of_factory,
    registered_environments,
)
from .images import DATA_SETS, ImageSettings, make_classification
from .settings import TaskSettings
from .tables import TABLE_SUFFIXES, TableSettings, make_table_task, read_labelled
from .task import Task

__all__ = [
    "AnyTaskSettings",
    "image_width",
    "make_task",
    "names_of",
    "recorded_names",
    "registered_tasks",
    "resolved_settings",
    "task_for",
    "task_settings",
    "without_foreign_defaults",
]

AnySettings = TypeVar("AnySettings", bound=TaskSettings)
KNOWN_NAMES: Final = {name: names for name, names in WELL_KNOWN.items() if names[0]}
"""Those of environments that observe no image, whose encoder would name the numbers."""
_MOST_NAMES: Final = 1000  # inputs or outputs; with more of them, names are of no use in a picture
_IMAGES: Final = "a set of images"
_ENVIRONMENT: Final = "an environment"
_OWN_DATA: Final = "data of one's own"


def _kind(settings: Any) -> str:
    name = settings.get("id") if isinstance(settings, Mapping) else getattr(settings, "id", None)
    if not isinstance(name, str):
        return _ENVIRONMENT
    if name == "data" or name.lower().endswith(TABLE_SUFFIXES):
        return _OWN_DATA
    return _IMAGES if name in DATA_SETS else _ENVIRONMENT


AnyTaskSettings = Annotated[
    Annotated[ControlSettings, Tag(_ENVIRONMENT)]
    | Annotated[ImageSettings, Tag(_IMAGES)]
    | Annotated[TableSettings, Tag(_OWN_DATA)],
    Discriminator(_kind),
]
"""Settings of any kind of task; ``id`` decides which."""
_FOREIGN_DEFAULTS: Final[Mapping[str, Mapping[str, object]]] = {
    _ENVIRONMENT: {"temperatures": [1.0]},
    _OWN_DATA: {},
    _IMAGES: {"normalise": False, "terminal_reward": True, "stepping": "auto"},
}
"""Defaults of the other kind of task, which earlier versions wrote into the configuration of every run."""


def without_foreign_defaults(document: Any) -> Any:
    """The task of a configuration file, without settings of the other kind that earlier versions wrote."""
    if not isinstance(document, Mapping):
        return document
    foreign = _FOREIGN_DEFAULTS[_kind(document)]
    return {key: value for key, value in document.items() if key not in foreign or value != foreign[key]}


def task_settings(name: str, /, **given: Any) -> AnyTaskSettings:
    """Settings of the task with this name; what is not given has its default.

    Raises:
        BadInput: a setting that this kind of task does not have, or a bad value.
    """
    own = _kind({"id": name})
    kind: type[ControlSettings | ImageSettings | TableSettings] = ControlSettings
    if own != _ENVIRONMENT:
        kind = ImageSettings if own == _IMAGES else TableSettings
    for key in given:
        if key not in kind.model_fields:
            raise BadInput(f"{name} is {own}, which has no such setting", argument=key)
    try:
        return kind(id=name, **given)
    except ValidationError as error:
        raise BadInput(explain(error)) from None


def registered_tasks() -> list[str]:
    """Names of the sets of images, then ids of environments that are fused, and of well-known ones."""
    return list(dict.fromkeys([*DATA_SETS, *registered_environments(), *WELL_KNOWN]))


def make_task(
    settings: AnyTaskSettings,
    interface: Interface | None = None,
    trust: Trust = NOTHING,
    factory: Factory | None = None,
    *,
    reward: Reward | None = None,
    kept: Path | None = None,
) -> Task:
    """Make the task that the settings describe.

    Args:
        settings: which task, and how networks meet it.
        interface: the interface of a network evolved for it; derived from the settings if not given.
        trust: which modules the id, the wrappers and the reward may import.
        factory: what makes an environment instead of Gymnasium.
        reward: the search's own in an environment, where the settings name no module's.
        kept: the folder of a run, whose copies of one's own data and of an encoder are read.

    Raises:
        BadInput: there is no such task, or it is not available here.
    """
    if isinstance(settings, ImageSettings):
        if factory is not None:
            raise BadInput(f"{settings.id} is a set of images, which takes none", argument="environment")
        return make_classification(settings)
    if isinstance(settings, TableSettings):
        if factory is not None:
            raise BadInput(f"{settings.id} is {_OWN_DATA}, which takes none", argument="environment")
        copy = None if kept is None else kept / "data.npz"
        given = copy is not None and copy.is_file()
        return make_table_task(settings, read_labelled(copy, settings.label) if copy and given else None)
    return make_control(settings, interface, trust, factory, reward, kept)


def task_for(
    network: Network,
    task: str | None,
    stepping: str | None = None,
    episode_limit: int | None = None,
    trust: Sequence[str] = (),
    environment: Factory | None = None,
) -> Task:
    """The task that a network was evolved for, or another one, met through the network's interface.

    Args:
        network: what will be evaluated.
        task: an environment or a set of images; the network's own task if None.
        stepping: what computes an environment; see ``ControlSettings``.
        episode_limit: steps after which an episode is truncated; the environment's own limit if None.
        trust: modules that the network's own task, and wrappers around it, may import.
        environment: what makes the environment, instead of a task.

    Raises:
        BadInput: neither names a task, the network does not fit it, its own is in an untrusted module, or a
            setting is not for this kind of task.
    """
    if environment is not None and task is not None:
        raise BadInput("excludes task: it makes the environment itself", argument="environment")
    name = Network.expected(network).task if environment is None else name_of_factory(environment)
    name = task or name
    if name is None:
        raise BadInput(
            "the network names none; give one, such as wann/CartPoleSwingUp-v0 or mnist-16", argument="task"
        )
    named = module_named(task or "")  # by hand
    trusted = Trust.of([*([trust] if isinstance(trust, str) else trust), *([named] if named else [])])
    given: dict[str, Any] = {"stepping": stepping, "episode_limit": episode_limit}
    interface, allowed = network.interface, trusted if task is None else BY_HAND
    if interface is not None and isinstance(interface.encoder, FunctionEncoder):
        trusted.split(interface.encoder.name, "interface.encoder")
        interface = interface.trusting(trusted)
    if interface is not None and name == network.task:
        for wrapper in interface.wrappers:
            trusted.split(wrapper, "interface.wrappers")  # only the file names them
        for module in modules_within(interface.kwargs):
            trusted.split(module, "interface.kwargs")
        given |= _made_with(interface)
    elif interface is not None:
        interface = replace(interface, observation=None, action=None, kwargs={}, wrappers=())
    arguments = {"task.episode_limit": "episode_limit", "task.stepping": "stepping"}
    with naming(arguments if task is None else {**arguments, "task.id": "task"}):
        settings = task_settings(name, **{key: value for key, value in given.items() if value is not None})
        if isinstance(settings, TableSettings):
            return _data_for(network, settings, own=task is None)
        # Before anything is downloaded.
        _check_shape(network, name, *map(len, names_of(name, interface, allowed, environment)))
        return make_task(settings, interface, allowed, environment)


def _data_for(network: Network, settings: TableSettings, *, own: bool) -> Task:
    """One's own data as a network was grown on them, or other data with the same features and classes."""
    known = network.data
    if known is not None:
        digest = known.digest if own else None
        settings = settings.changed(
            label=known.label, split=known.split, split_seed=known.split_seed, digest=digest
        )
    task = make_table_task(settings, interface=network.interface, data=known)
    _check_shape(network, settings.id, task.inputs, task.outputs)
    return task


def _check_shape(network: Network, name: str, inputs: int, outputs: int) -> None:
    if (inputs, outputs) != (network.inputs, network.outputs):
        raise BadInput(
            f"the network has {network.inputs} inputs and {network.outputs} outputs, "
            f"but {name} needs {inputs} and {outputs}"
        )


def names_of(
    name: str,
    interface: Interface | None = None,
    trust: Trust = NOTHING,
    factory: Factory | None = None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names of a task's inputs and outputs, as seen through an interface; reads no images.

    Raises:
        BadInput: there is no such task.
    """
    if name in DATA_SETS:
        images = DATA_SETS[name]
        return images.pixel_names, images.classes
    made_with = {} if interface is None else _made_with(interface)
    plain = name in SAME_WHATEVER_ARGUMENTS or not made_with
    if name in KNOWN_NAMES and plain and (interface is None or interface.direct):
        return KNOWN_NAMES[name]
    # Names do not depend on the limit, which some environments do not have.
    settings = task_settings(name, episode_limit=1, **made_with)
    task = make_task(settings, interface, trust, factory)
    return task.input_names, task.output_names


def _made_with(interface: Interface) -> dict[str, Any]:
    """What the environment of a network was made with, as settings of the task."""
    found = {"kwargs": dict(interface.kwargs), "wrappers": interface.wrappers}
    return {key: value for key, value in found.items() if value}


def resolved_settings(settings: AnySettings, task: Task) -> AnySettings:
    """The settings as a run keeps them: with what the task chose itself, and with names for pictures."""
    names: dict[str, Any] = {"input_names": task.input_names, "output_names": task.output_names}
    if not isinstance(settings, ControlSettings) or max(map(len, names.values())) > _MOST_NAMES:
        names = {}
    return settings.changed(**task.resolved, **names)


def recorded_names(
    settings: AnyTaskSettings, data: LabelledData | None = None
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Names of inputs and outputs as a run keeps them; nothing is imported or made to find them.

    Args:
        settings: of the task.
        data: what the run's champion knows of the data it was grown on.
    """
    if data is not None:
        return data.features, data.classes
    if isinstance(settings, ControlSettings):
        return settings.input_names, settings.output_names
    return names_of(settings.id) if isinstance(settings, ImageSettings) else (None, None)


def image_width(name: str | None, inputs: int) -> int | None:
    """Width in pixels of the images that a network with so many inputs reads; None if it reads none."""
    images = DATA_SETS.get(name or "")
    return images.side if images is not None and images.side**2 == inputs else None
