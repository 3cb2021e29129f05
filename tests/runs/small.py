"""A search so small that a test can make hundreds of them."""

from __future__ import annotations

from typing import Any, Final

from wann.experiment import Config, parse_config

__all__ = ["GENERATIONS", "small_search"]

GENERATIONS: Final = 3


def small_search(seed: int = 0, **search: Any) -> Config:
    """Three generations of eight networks."""
    return parse_config(
        {
            "seed": seed,
            "task": {"id": "wann/CartPoleSwingUp-v0", "episodes": 1, "episode_limit": 10},
            "weights": {"values": [-1.0, 1.0]},
            "search": {
                "population": 8,
                "generations": GENERATIONS,
                "tournament": 2,
                "champion_episodes": 1,
                **search,
            },
            "backend": {"workers": 1},
        }
    )
