"""Which library computes an environment."""

from __future__ import annotations

import gymnasium

from ...errors import BadInput
from ...network import Interface
from .environments import Environment, offered_dynamics
from .fused import Dynamics
from .settings import ControlSettings
from .stepping import pool_has, pool_is_faster

__all__ = ["chosen_stepping"]


def chosen_stepping(
    settings: ControlSettings, interface: Interface, environment: Environment
) -> tuple[str, Dynamics | None]:
    """What computes the environment, and its dynamics for fused rollouts."""
    name, wanted = settings.id, settings.stepping
    dynamics = getattr(environment.unwrapped, "dynamics", None)
    if dynamics is None and not settings.kwargs:  # what is offered for an id has the arguments of the id
        dynamics = offered_dynamics().get(name)
    # Kernels implement neither interfaces nor other rewards nor patience nor wrappers.
    plain = (
        interface.direct
        and settings.terminal_reward
        and settings.patience is None
        and settings.reward is None
        and not settings.wrappers
    )
    as_registered = not (settings.kwargs or settings.wrappers)  # EnvPool has none of ours
    if wanted == "fused" or (wanted == "auto" and dynamics is not None and plain):
        if dynamics is None or not plain:
            with_these = " with these keyword arguments" if settings.kwargs else ""
            reason = (
                f"offers no dynamics{with_these}"
                if dynamics is None
                else "cannot be fused with this interface, reward, patience or wrapper"
            )
            others = "auto, envpool, gymnasium" if as_registered else "auto, gymnasium"
            raise BadInput(f"task.stepping: {name} {reason}; accepted are {others}")
        return "fused", dynamics
    if wanted == "envpool" and not as_registered:
        raise BadInput(
            f"task.stepping: EnvPool takes neither keyword arguments nor wrappers for {name}; accepted are "
            "auto, gymnasium"
        )
    boxed = as_registered and isinstance(environment.observation_space, gymnasium.spaces.Box)
    if wanted == "envpool" and not (boxed and pool_has(name)):
        raise BadInput(f"task.stepping: EnvPool has no {name}; accepted are auto, gymnasium")
    if wanted == "envpool" or (wanted == "auto" and boxed and pool_is_faster(name)):
        return "envpool", None
    return "gymnasium", None
