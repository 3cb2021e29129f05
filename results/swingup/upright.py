"""How long networks hold the pole up: the share of the last 300 steps with cos(angle) > 0.8.

    python results/swingup/upright.py results/swingup/champions/*.json

Under each of the 100 midpoints of [-2, 2] as the shared weight, 10 episodes of its own; printed are the
median and the mean over the weights.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray
from wann_envs.cartpole_swingup import SwingUpDynamics
from wann_envs.swingup_dynamics import Physics, advance, observe, start

import wann
from wann.assessment import midpoints
from wann.kernels.compiler import inlined, kernel
from wann.kernels.lanes import LANES, positive
from wann.kernels.rollout import play
from wann.network import Network, compile_population
from wann.streams import Stream, episode_seeds

__all__ = ["upright"]

_STEPS: Final = 1000
_LAST: Final = 300
_HIGH: Final = np.float32(0.8)


@inlined
def _advance(physics, state, values, output):  # type: ignore[no-untyped-def]
    """One step of the environment, rewarded where the pole is up."""
    state, _, going = advance(physics, state, values, output)
    return state, positive(state[5] - _HIGH), going


@kernel
def _rollout(physics, limit, program, weights, starts, first, last, totals, steps):  # type: ignore[no-untyped-def]
    play(start, observe, _advance, physics, limit, program, weights, starts, first, last, totals, steps)


@dataclass(frozen=True)
class _Upright(SwingUpDynamics):
    kernel: ClassVar[Callable[..., None]] = staticmethod(_rollout)


def upright(network: Network, seed: int = 0, weights: int = 100, episodes: int = 10) -> NDArray[np.float64]:
    """Share of the last 300 of 1,000 steps with the pole up, float64[weights]; never after a fall."""
    dynamics, lanes = _Upright(Physics()), weights * episodes
    starts = dynamics.starts(episode_seeds(seed, Stream.SHARED_EPISODES, lanes))
    table = np.repeat(midpoints(weights), episodes).astype(np.float32)[:, None]
    program = compile_population(network.population).merged
    counts = []
    for limit in (_STEPS, _STEPS - _LAST):
        returns, lengths = np.zeros((1, lanes)), np.zeros((1, lanes), np.int32)
        dynamics.rollout(limit, program, table, starts, 0, -(-lanes // LANES), returns, lengths)
        counts.append(returns[0])
    return np.asarray(((counts[0] - counts[1]) / _LAST).reshape(weights, episodes).mean(axis=1))


def main() -> None:
    """Print a line for each network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("networks", type=Path, nargs="+")
    parser.add_argument("--seed", type=int, default=1_000_003)
    given = parser.parse_args()
    for path in given.networks:
        share = upright(wann.load(path), given.seed)
        print(f"{path}: median {np.median(share):.3f}, mean {share.mean():.3f}")  # noqa: T201


if __name__ == "__main__":
    main()
