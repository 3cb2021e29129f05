"""Short names for the observations and actions of well-known environments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["ACTION_NAMES", "OBSERVATION_NAMES", "SAME_WHATEVER_ARGUMENTS", "WELL_KNOWN"]

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

OBSERVATION_NAMES: Final = {
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
}
"""By the environment's name, without its version."""

ACTION_NAMES: Final = {
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
}
"""By the environment's name, without its version."""

WELL_KNOWN: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "wann/LayerSparsity-v0": (_LAYER, ("sparsity",))
} | {
    f"{name}-{version}": (OBSERVATION_NAMES[name], ACTION_NAMES[name])
    for name, version in (
        ("LunarLander", "v3"),
        ("LunarLanderContinuous", "v3"),
        ("BipedalWalker", "v3"),
        ("BipedalWalkerHardcore", "v3"),
        ("InvertedPendulum", "v5"),
        ("InvertedDoublePendulum", "v5"),
        ("HalfCheetah", "v5"),
        ("Hopper", "v5"),
    )
}
"""Names of inputs and outputs by the id, for environments that need an extra, or a trained network."""

SAME_WHATEVER_ARGUMENTS: Final = frozenset({"wann/LayerSparsity-v0"})
"""Ids of well-known environments whose numbers no keyword argument changes, and that are slow to make."""
