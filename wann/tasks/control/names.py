"""Short names for the observations and actions of well-known environments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ...errors import BadInput
from ...network import Observations

__all__ = ["ACTIONS", "OBSERVATIONS", "SAME_WHATEVER_ARGUMENTS", "WELL_KNOWN", "input_names", "output_names"]

_LONGEST: Final = 100

_CART: Final = ("x", "x velocity", "angle", "angular velocity")
_LANDER: Final = ("x", "y", "x velocity", "y velocity", "angle", "angular velocity", "left leg", "right leg")
_LEGS: Final = tuple(
    f"{name} {leg}" for leg in (1, 2) for name in ("hip", "hip speed", "knee", "knee speed", "contact")
)
_WALKER: Final = (
    "hull angle", "hull spin", "x velocity", "y velocity", *_LEGS, *(f"lidar {ray}" for ray in range(1, 11))
)  # fmt: skip
_DOUBLE: Final = (
    "x", "sin 1", "sin 2", "cos 1", "cos 2", "x velocity", "spin 1", "spin 2", "constraint"
)  # fmt: skip
_CHEETAH_JOINTS: Final = ("back thigh", "back shin", "back foot", "front thigh", "front shin", "front foot")
_CHEETAH: Final = (
    "height", "pitch", *_CHEETAH_JOINTS, "x velocity", "y velocity", "pitch velocity",
    *(f"{joint} speed" for joint in _CHEETAH_JOINTS),
)  # fmt: skip
_LAYER: Final = (
    "t", "n", "c", "h", "w", "stride", "k", "flops", "reduced", "rest", "last sparsity",
)  # fmt: skip
_HOPPER_JOINTS: Final = ("thigh", "leg", "foot")
_HOPPER: Final = (
    "height", "pitch", *_HOPPER_JOINTS, "x velocity", "y velocity", "pitch velocity",
    *(f"{joint} speed" for joint in _HOPPER_JOINTS),
)  # fmt: skip

OBSERVATIONS: Final = {
    "CartPole": _CART,
    "Pendulum": ("cos angle", "sin angle", "angular velocity"),
    "Acrobot": ("cos 1", "sin 1", "cos 2", "sin 2", "spin 1", "spin 2"),
    "MountainCar": ("position", "velocity"),
    "MountainCarContinuous": ("position", "velocity"),
    "LunarLander": _LANDER,
    "LunarLanderContinuous": _LANDER,
    "BipedalWalker": _WALKER,
    "BipedalWalkerHardcore": _WALKER,
    "InvertedPendulum": _CART,
    "InvertedDoublePendulum": _DOUBLE,
    "HalfCheetah": _CHEETAH,
    "Hopper": _HOPPER,
    "CarRacing": (),  # an image, whose numbers the encoder names
}
"""By the environment's name, without its version."""

ACTIONS: Final = {
    "CartPole": ("left", "right"),
    "Pendulum": ("torque",),
    "Acrobot": ("torque -1", "torque 0", "torque 1"),
    "MountainCar": ("left", "coast", "right"),
    "MountainCarContinuous": ("force",),
    "LunarLander": ("nothing", "left engine", "main engine", "right engine"),
    "LunarLanderContinuous": ("main engine", "side engines"),
    "BipedalWalker": ("hip 1", "knee 1", "hip 2", "knee 2"),
    "BipedalWalkerHardcore": ("hip 1", "knee 1", "hip 2", "knee 2"),
    "InvertedPendulum": ("force",),
    "InvertedDoublePendulum": ("force",),
    "HalfCheetah": _CHEETAH_JOINTS,
    "Hopper": _HOPPER_JOINTS,
    "CarRacing": ("steering", "gas", "brake"),
}
"""By the environment's name, without its version."""

WELL_KNOWN: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "wann/LayerSparsity-v0": (_LAYER, ("sparsity",))
} | {
    f"{name}-{version}": (OBSERVATIONS[name], ACTIONS[name])
    for name, version in (
        ("LunarLander", "v3"),
        ("LunarLanderContinuous", "v3"),
        ("BipedalWalker", "v3"),
        ("BipedalWalkerHardcore", "v3"),
        ("CarRacing", "v3"),
        ("InvertedPendulum", "v5"),
        ("InvertedDoublePendulum", "v5"),
        ("HalfCheetah", "v5"),
        ("Hopper", "v5"),
    )
}
"""Names of inputs and outputs by the id, for environments that need an extra, or a trained network."""

SAME_WHATEVER_ARGUMENTS: Final = frozenset({"wann/LayerSparsity-v0"})
"""Ids of well-known environments whose numbers no keyword argument changes, and that are slow to make."""


def input_names(
    name: str,
    base: Any,
    given: Sequence[str] | None,
    observations: Observations,
    indices: Sequence[int],
) -> tuple[str, ...]:
    """Short names of the observed numbers.

    Args:
        name: of the environment.
        base: the environment, which may have ``observation_names``.
        given: by the user.
        observations: of which keys of a Dict and encoders name the numbers.
        indices: of the numbers that are observed.

    Raises:
        BadInput: the user gives too few, or too many.
    """
    known: Sequence[str] | None = observations.names
    if observations.encoder is None:
        known = _known(base, "observation", name, OBSERVATIONS) or known
    return _names("input", given, known, indices)


def output_names(name: str, base: Any, given: Sequence[str] | None, outputs: int) -> tuple[str, ...]:
    """Short names of the outputs; see ``input_names``.

    Raises:
        BadInput: the user gives too few, or too many.
    """
    return _names("output", given, _known(base, "action", name, ACTIONS), range(outputs))


def _known(base: Any, kind: str, name: str, table: Mapping[str, Sequence[str]]) -> Sequence[str] | None:
    """Names that the environment itself gives, else those of the table."""
    own: Sequence[str] | None = getattr(base, f"{kind}_names", None)
    return own or table.get(re.sub(r"-v\d+$", "", name))


def _names(
    kind: str, given: Sequence[str] | None, known: Sequence[str] | None, indices: Sequence[int]
) -> tuple[str, ...]:
    if given is not None and len(given) != len(indices):
        raise BadInput(f"task.{kind}_names: {len(given)} names for {len(indices)} {kind}s")
    if given is not None:
        return tuple(given)
    if known and max(indices) < len(known):
        return tuple(str(known[index])[:_LONGEST] or f"{kind} {index + 1}" for index in indices)
    return tuple(f"{kind} {index + 1}" for index in indices)
