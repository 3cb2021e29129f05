"""Gymnasium environments by their id, with a sentence for each way in which they cannot be had."""

from __future__ import annotations

import difflib
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
from ...trust import NOTHING, Trust
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
"""What Gymnasium says is missing, by the extra that brings it."""
_TRANSPARENT: Final = (wrappers.TimeLimit, wrappers.OrderEnforcing, wrappers.PassiveEnvChecker)


def failure(name: str, where: str, error: BaseException) -> BadInput:
    """What is said of an environment that has raised an error."""
    return BadInput(f"task.id: {name} fails in {where} ({described(error)})")


@cache  # to look for packages takes longer than to make an environment
def _offered(group: str) -> dict[str, Any]:
    found = {}
    for entry in entry_points(group=group):
        try:
            found[entry.name] = entry.load()
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - anybody's code, failing in any way
            raise BadInput(
                f"the package {entry.value!r}, which offers environments, cannot be imported "
                f"({described(error)}); mend or uninstall it"
            ) from None
    return found


def offered_dynamics() -> Mapping[str, Any]:
    """Dynamics for fused rollouts that packages offer for the environments of others, by id."""
    return _offered("wann.dynamics")


def registered_environments() -> list[str]:
    """Ids of the environments whose rollouts are fused, or that come with the package."""
    _offered("wann.environments")
    own = {name for name, spec in gymnasium.registry.items() if spec.namespace == "wann"}
    return sorted(own | (offered_dynamics().keys() & gymnasium.registry.keys()))


def needed_extra(name: str) -> str | None:
    """The extra that a registered environment needs and that is not installed; None if there is none."""
    spec = gymnasium.registry.get(name)
    where = str(spec.entry_point) if spec else ""
    for extra, module in (("box2d", "Box2D"), ("mujoco", "mujoco")):
        if f".{extra}" in where and find_spec(module) is None:
            return extra
    return None


@contextmanager
def preserved_process_state() -> Iterator[None]:
    """Put back what environments change of their process: folder, filters of warnings, signal handlers."""
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
    """An environment by its id, or by the specification of one that was made before.

    Args:
        which: the id, or the specification.
        trust: which modules an id may have imported.
        arguments: for the environment.

    Raises:
        BadInput: there is none, its id names a module that is not trusted, or it needs a package that is
            not installed; the message names the nearest known id, or the extra.
    """
    name = which if isinstance(which, str) else which.id
    module = None
    if isinstance(which, str):
        module, which = trust.split(which)  # Gymnasium would import whatever an id names
        _offered("wann.environments")  # importing them registers them
    try:
        if module is not None:
            import_module(module)
        _quieten(gymnasium.registry.get(which) if isinstance(which, str) else which)
        with PULSE.call(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return gymnasium.make(which, disable_env_checker=True, **arguments)
    except (gymnasium.error.DependencyNotInstalled, ImportError) as error:
        raise BadInput(f"task.id: {name} needs a package that is missing: {_missing(error)}") from None
    except gymnasium.error.Error as error:
        near = difflib.get_close_matches(name, [*DATA_SETS, *gymnasium.registry], 1, 0.4)
        hint = f"did you mean {near[0]}?" if near else "`wann tasks` lists what there is"
        raise BadInput(f"task.id: no environment {name!r} ({described(error)}); {hint}") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - anybody's code, failing in any way
        raise BadInput(f"task.id: {name} cannot be made ({described(error)})") from None


def close_environment(environment: Environment, name: str) -> None:
    """Close an environment of this name.

    Raises:
        BadInput: it fails.
    """
    try:
        with PULSE.call():
            environment.close()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - anybody's code, failing in any way
        raise failure(name, "close", error) from None


def _quieten(spec: EnvSpec | None) -> None:
    """Keep MuJoCo from writing its warnings, one for each environment, to the screen and into a file."""
    if spec is not None and str(spec.entry_point).startswith("gymnasium.envs.mujoco") and find_spec("mujoco"):
        import_module("mujoco").set_mju_user_warning(lambda _: None)


def _missing(error: Exception) -> str:
    text = str(error)
    for extra, names in _EXTRAS.items():
        if any(name in text for name in names):
            return f"pip install 'wann[{extra}]'"
    return described(error)


def without_wrappers(environment: Environment) -> Environment:
    """The environment without those of Gymnasium's own wrappers that change nothing within an episode."""
    while isinstance(environment, _TRANSPARENT):
        environment = environment.env
    return environment
