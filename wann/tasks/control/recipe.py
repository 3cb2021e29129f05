"""How the environment of a task is made, in this process or in a worker."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import gymnasium
from gymnasium.envs.registration import EnvSpec

from ...errors import BadInput, described
from ...trust import BY_HAND, NOTHING, Trust, import_trusted, modules_within
from .environments import Environment, close_environment, make_environment, without_wrappers
from .pulse import PULSE

__all__ = ["Factory", "Recipe", "name_of_factory"]

Factory = Callable[..., Environment]
"""A function that makes an environment, called without arguments, or with ``render_mode`` if it has that."""
_CALLED: Final = "()"


@dataclass(frozen=True)
class Recipe:
    """How an environment is made, whoever makes it; can be sent to workers.

    Attributes:
        name: id of the environment; of one that a callable makes, the name of its class and ``()``.
        spec: of the environment; with it a worker needs no registration. Only a factory's may have none.
        wrappers: classes or functions around it, each as ``module:name``, the innermost first.
        factory: what makes it instead of Gymnasium.
        limit: its own limit of steps, None if it has none.
    """

    name: str
    spec: EnvSpec | None
    wrappers: tuple[str, ...] = ()
    factory: Factory | None = None
    limit: int | None = None

    @classmethod
    def of(
        cls,
        name: str,
        arguments: Mapping[str, Any],
        wrappers: Sequence[str] = (),
        trust: Trust = NOTHING,
        factory: Factory | None = None,
    ) -> tuple[Recipe, Environment]:
        """The recipe of an environment, and one made by it.

        Args:
            name: id of the environment.
            arguments: of ``gymnasium.make``.
            wrappers: around it.
            trust: which modules the id, the arguments and the wrappers may import.
            factory: what makes it instead of Gymnasium.

        Raises:
            BadInput: see ``make_environment``; or there is no such wrapper, or it fails.
        """
        for wrapper in wrappers:
            trust.split(wrapper, "task.wrappers")
        for named in modules_within(arguments):
            trust.split(named, "task.kwargs")
        if factory is not None or name.endswith(_CALLED):
            environment = _called(name, _given(name, arguments, factory))
        else:
            environment = make_environment(name, trust, **arguments)
        recipe = cls(name, environment.spec, tuple(wrappers), factory, _limit(environment))
        return recipe, recipe._wrapped(environment)

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for recipes that make equal environments in this process."""
        return self.name, repr(self.spec), self.wrappers, self.factory

    def bare(self, render_mode: str | None = None) -> Environment:
        """An environment without those of Gymnasium's wrappers that change nothing within an episode.

        Raises:
            BadInput: it cannot be made.
        """
        arguments: dict[str, Any] = {} if render_mode is None else {"render_mode": render_mode}
        if self.factory is not None:
            accepted = arguments if _has_parameter(self.factory, "render_mode") else {}
            return self._wrapped(_called(self.name, self.factory, **accepted))
        return self._wrapped(make_environment(self.spec or self.name, **arguments))

    def _wrapped(self, environment: Environment) -> Environment:
        environment = without_wrappers(environment)
        for wrapper in self.wrappers:
            module, name = BY_HAND.split(wrapper)  # whether it is trusted was asked when the recipe was made
            try:
                with PULSE.call():
                    environment = _environment(getattr(import_trusted(module or ""), name)(environment))
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # noqa: BLE001 - foreign code, which may fail in any way
                raise BadInput(f"task.wrappers: {wrapper} cannot be used ({described(error)})") from None
        return environment


def _limit(environment: Environment) -> int | None:
    if environment.spec is not None:
        return environment.spec.max_episode_steps
    while isinstance(environment, gymnasium.Wrapper):
        if isinstance(environment, gymnasium.wrappers.TimeLimit):
            return environment._max_episode_steps  # noqa: SLF001 - nothing else tells it
        environment = environment.env
    return None


def name_of_factory(factory: Factory) -> str:
    """The name of the environment that a callable makes: that of its class and ``()``.

    Raises:
        BadInput: it makes none.
    """
    environment = _called("it", factory)
    name = f"{type(environment.unwrapped).__name__}{_CALLED}"
    close_environment(environment, name)
    return name


def _given(name: str, arguments: Mapping[str, Any], factory: Factory | None) -> Factory:
    if factory is None:
        raise BadInput(
            f"{name} was given as a callable, which no file holds: give it again in Python, such as "
            f"environment={name.removesuffix(_CALLED)}",
            argument="environment",
        )
    if arguments:
        raise BadInput("task.kwargs: they are for gymnasium.make, but the environment is given as a callable")
    if (found := name_of_factory(factory)) != name:
        raise BadInput(f"it makes {found}, but {name} is wanted", argument="environment")
    return factory


def _called(name: str, factory: Factory, **arguments: Any) -> Environment:
    try:
        with PULSE.call():
            return _environment(factory(**arguments))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - foreign code, which may fail in any way
        raise BadInput(f"{name} cannot be made ({described(error)})", argument="environment") from None


def _environment(made: Any) -> Environment:
    if not isinstance(made, gymnasium.Env):
        raise BadInput(f"it returns {type(made).__name__}; accepted is a Gymnasium environment")
    return made


def _has_parameter(factory: Factory, name: str) -> bool:
    try:
        return name in inspect.signature(factory).parameters
    except (TypeError, ValueError):
        return False
