"""Gymnasium environments by their id, with a clear message for each way in which making one can fail."""

from __future__ import annotations

import difflib
import json
import os
import signal
import warnings
from collections.abc import Iterator, Mapping
from contextlib import chdir, contextmanager
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any, Final

import gymnasium
from gymnasium import wrappers
from gymnasium.envs.registration import EnvSpec

from ...errors import BadInput, described
from ...trust import NOTHING, Trust, import_trusted
from ..images.datasets import DATA_SETS
from .pulse import PULSE

__all__ = [
    "Environment",
    "close_environment",
    "failure",
    "make_environment",
    "needed_extra",
    "offered_dynamics",
    "preserved_process_state",
    "registered_environments",
    "without_wrappers",
]

Environment = gymnasium.Env[Any, Any]

_EXTRAS: Final = {"box2d": ("[box2d]", "'Box2D"), "mujoco": ("[mujoco]", "'mujoco"), "video": ("pygame",)}
"""Parts of Gymnasium's messages about missing packages, by the extra that installs them."""
_NEEDED: Final = (
    ("box2d", ".box2d", "Box2D"),
    ("mujoco", ".mujoco", "mujoco"),
    ("torch", ".layer_", "torch"),
)
"""Extras, a part of the entry points that need them, and the package that they bring."""
_TRANSPARENT: Final = (wrappers.TimeLimit, wrappers.OrderEnforcing, wrappers.PassiveEnvChecker)


def failure(name: str, where: str, error: BaseException) -> BadInput:
    """The error to raise for an environment that has failed."""
    return BadInput(f"task.id: {name} fails in {where} ({described(error)})")


@cache  # searching for packages takes longer than making an environment
def _offered(group: str) -> dict[str, Any]:
    loaded = {}
    for entry in entry_points(group=group):
        try:
            loaded[entry.name] = entry.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - foreign code, which may fail in any way
            raise BadInput(
                f"the package {entry.value!r}, which offers environments, cannot be imported "
                f"({described(error)}); repair or uninstall it"
            ) from None
    return loaded


def offered_dynamics() -> Mapping[str, Any]:
    """Dynamics for fused rollouts that packages register for environments of other packages, by id."""
    return _offered("wann.dynamics")


def registered_environments() -> list[str]:
    """Ids of environments with fused rollouts, and of those that come with this package."""
    _offered("wann.environments")
    own = {name for name, spec in gymnasium.registry.items() if spec.namespace == "wann"}
    return sorted(own | (offered_dynamics().keys() & gymnasium.registry.keys()))


def needed_extra(name: str) -> str | None:
    """The missing extra that a registered environment needs; None if there is none."""
    spec = gymnasium.registry.get(name)
    where = str(spec.entry_point) if spec else ""
    for extra, part, module in _NEEDED:
        if part in where and find_spec(module) is None:
            return extra
    return None


@contextmanager
def preserved_process_state() -> Iterator[None]:
    """Restore what environments may change: working directory, warning filters, signal handlers."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = {number: signal.getsignal(number) for number in numbers}
    with chdir(os.curdir), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            for number, handler in handlers.items():
                if signal.getsignal(number) is not handler:
                    signal.signal(number, handler)


def make_environment(which: str | EnvSpec, trust: Trust = NOTHING, **arguments: Any) -> Environment:
    """Make an environment.

    Args:
        which: its id, or the specification of an environment made before.
        trust: which modules an id may import.
        arguments: of the environment.

    Raises:
        BadInput: an unknown id (the message names the nearest known one), an untrusted module, or a
            missing package (the message names the extra).
    """
    name = which if isinstance(which, str) else which.id
    module = None
    if isinstance(which, str):
        module, which = trust.split(which)  # Gymnasium would import any module that an id names
        _offered("wann.environments")  # importing them registers them
    try:
        if module is not None:
            import_trusted(module)
        _quieten(gymnasium.registry.get(which) if isinstance(which, str) else which)
        with PULSE.call(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return gymnasium.make(which, disable_env_checker=True, **arguments)
    except (gymnasium.error.DependencyNotInstalled, ImportError) as error:
        raise BadInput(f"task.id: {name} needs a package that is missing: {_missing(error)}") from None
    except gymnasium.error.Error as error:
        unknown = isinstance(error, gymnasium.error.NameNotFound | gymnasium.error.NamespaceNotFound)
        reason = "" if unknown else f" ({described(error)})"
        near = _nearest(name.rpartition(":")[2])
        near = f"{module}:{near}" if near and module else near
        hint = f"did you mean {near}?" if near else "wann.tasks() lists the available ones"
        raise BadInput(f"task.id: no environment {name!r}{reason}; {hint}") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - foreign code, which may fail in any way
        if arguments and isinstance(error, TypeError):
            given = json.dumps(arguments)
            raise BadInput(f"task.kwargs: {name} does not take {given} ({described(error)})") from None
        given = f" with task.kwargs = {json.dumps(arguments)}" if arguments else ""
        raise BadInput(f"task.id: {name} cannot be made{given} ({described(error)})") from None


def _nearest(name: str) -> str | None:
    """The task with the most similar name, with or without its namespace."""
    known = [*DATA_SETS, *gymnasium.registry]
    keys = {key.rpartition("/")[2].lower(): key for key in reversed(known)} | {
        key.lower(): key for key in known
    }
    near = difflib.get_close_matches(name.lower(), keys, 1, 0.4)
    return keys[near[0]] if near else None


def close_environment(environment: Environment, name: str) -> None:
    """Close an environment.

    Raises:
        BadInput: closing it fails.
    """
    try:
        with PULSE.call():
            environment.close()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - foreign code, which may fail in any way
        raise failure(name, "close", error) from None


def _quieten(spec: EnvSpec | None) -> None:
    """Stop MuJoCo from writing warnings to the screen and into a file for each environment."""
    if spec is not None and str(spec.entry_point).startswith("gymnasium.envs.mujoco") and find_spec("mujoco"):
        import_module("mujoco").set_mju_user_warning(lambda _: None)


def _missing(error: Exception) -> str:
    text = str(error)
    for extra, names in _EXTRAS.items():
        if any(name in text for name in names):
            return f"pip install 'wann[{extra}]'"
    return described(error)


def without_wrappers(environment: Environment) -> Environment:
    """The environment without those of Gymnasium's wrappers that change nothing within an episode."""
    while isinstance(environment, _TRANSPARENT):
        environment = environment.env
    return environment
