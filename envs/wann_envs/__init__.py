"""Environments of the project for Gymnasium, registered when this package is imported.

``gymnasium.make("wann_envs:wann/CartPoleSwingUp-v0")`` imports and makes one in a single call.
"""

from __future__ import annotations

from typing import Any, Final

import gymnasium

from .cartpole_swingup import CartPoleSwingUpEnv, SwingUpDynamics
from .layer_sparsity import LayerSparsityEnv

__all__ = ["ENVIRONMENTS", "CartPoleSwingUpEnv", "LayerSparsityEnv", "SwingUpDynamics"]

ENVIRONMENTS: Final[dict[str, dict[str, Any]]] = {
    "wann/CartPoleSwingUp-v0": {
        "entry_point": "wann_envs.cartpole_swingup:CartPoleSwingUpEnv",
        "max_episode_steps": 1000,
    },
    "wann/CartPoleSwingUpHard-v0": {
        "entry_point": "wann_envs.cartpole_swingup:CartPoleSwingUpEnv",
        "max_episode_steps": 200,
        "kwargs": {"step_seconds": 0.05},
    },
    "wann/LayerSparsity-v0": {
        "entry_point": "wann_envs.layer_sparsity:LayerSparsityEnv",
        "max_episode_steps": 1000,
    },
}
"""Ids and what ``gymnasium.register`` is told of them."""

for _name, _described in ENVIRONMENTS.items():
    # A reload must not warn that it overrides what it registered itself.
    if _name not in gymnasium.registry:
        gymnasium.register(_name, **_described)
