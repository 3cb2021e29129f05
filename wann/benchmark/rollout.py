"""The rollout of one network: the published implementation, the kernel and straight-line C in one run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import gymnasium
import numpy as np
from numpy.typing import NDArray

from ..kernels.lanes import LANES
from ..network import Network
from ..tasks import make_task, task_settings
from .networks import grow
from .published import DenseNetwork, play
from .straight_line import LAYOUTS, CompilerMissing, StraightLine

__all__ = ["TASK", "Race", "RolloutRow", "measure_rollouts"]

TASK: Final = "wann/CartPoleSwingUp-v0"
_ENDLESS: Final = 1e6  # m of track: no episode terminates, so that all implementations take the same steps
_SEED: Final = 0
_LARGEST_WEIGHT: Final = 2.0


@dataclass(frozen=True)
class RolloutRow:
    """Nanoseconds for one step of one episode under one weight, best of the repetitions.

    Attributes:
        connections: connections of the network, all effective.
        hidden: hidden nodes of the network.
        published: dense matrices in numpy, one episode at a time.
        kernel: the rollout that searches run, one core, LANES episodes at once.
        compiled: straight-line C of this one network, the faster layout; None without a compiler.
    """

    connections: int
    hidden: int
    published: float
    kernel: float
    compiled: float | None

    @property
    def speedup(self) -> float:
        """How many times faster the kernel is than the published implementation."""
        return self.published / self.kernel

    @property
    def ratio_to_c(self) -> float | None:
        """Time of the kernel over that of straight-line C; None without a compiler."""
        return None if self.compiled is None else self.kernel / self.compiled


class Race:
    """The three implementations side by side, from the same states with the same weights.

    Attributes:
        network: the network.
        weights: float32[LANES], a shared weight for each lane.
        starts: float32[LANES, 4], initial states.
        programs: straight-line C by layout; empty without a compiler.
    """

    def __init__(self, network: Network, seed: int = _SEED) -> None:
        make_task(task_settings(TASK))  # registers the environment
        environment: Any = gymnasium.make(TASK, track=_ENDLESS).unwrapped
        self._dynamics = environment.dynamics
        self.network = network
        rng = np.random.default_rng(seed)
        self.weights = rng.uniform(-_LARGEST_WEIGHT, _LARGEST_WEIGHT, LANES).astype(np.float32)
        self.starts: NDArray[np.float32] = self._dynamics.starts(rng.integers(0, 2**31, LANES))
        self.programs: dict[str, StraightLine] = {}

    def compile(self) -> None:
        """Write and compile the C programs.

        Raises:
            CompilerMissing: there is no C compiler, or it fails.
        """
        physics = self._dynamics.physics._asdict()
        self.programs = {layout: StraightLine.of(self.network, physics, layout) for layout in LAYOUTS}

    def by_published(self, steps: int, lanes: int = LANES) -> NDArray[np.float64]:
        """Returns float64[lanes] of the first lanes, computed with numpy."""
        returns = np.empty(lanes)
        for lane in range(lanes):
            dense = DenseNetwork.of(self.network, float(self.weights[lane]))
            returns[lane], _ = play(dense, self.starts[lane].astype(np.float64), steps, _ENDLESS)
        return returns

    def by_kernel(self, steps: int) -> NDArray[np.float64]:
        """Returns float64[LANES], computed by the kernel."""
        returns, lengths = np.empty((1, LANES)), np.empty((1, LANES), np.int32)
        self._dynamics.rollout(
            steps,
            self.network.batch.program,
            self.weights[:, None],
            self.starts,
            0,
            1,
            returns,
            lengths,
        )
        return _whole(returns[0], lengths, steps)

    def by_compiled(self, steps: int, layout: str) -> NDArray[np.float64]:
        """Returns float64[LANES], computed by the C program of this layout."""
        returns, lengths = np.empty(LANES), np.empty(LANES, np.int32)
        self.programs[layout](steps, self.weights, self.starts, returns, lengths)
        return _whole(returns, lengths, steps)


def _whole(returns: NDArray[np.float64], lengths: NDArray[np.int32], steps: int) -> NDArray[np.float64]:
    if (lengths != steps).any():
        raise AssertionError("an episode ended early: the implementations would not do the same work")
    return returns


def measure_rollouts(
    sizes: Sequence[int], steps: int, repetitions: int, show: Callable[[str], None]
) -> tuple[tuple[RolloutRow, ...], str | None]:
    """Time rollouts; a row for a network of each size, and a note if C could not be compiled.

    Args:
        sizes: connections of the networks.
        steps: steps of an episode with the kernel and with C; a tenth with the published implementation.
        repetitions: repetitions of all implementations in turn; the shortest time of each counts.
        show: called with a few words on what is measured next.
    """
    rows, note = [], None
    for size in sizes:
        show(f"rollout of a network with {size} connections")
        race = Race(grow(size, _SEED))
        try:
            race.compile()
        except CompilerMissing as error:
            note = f"straight-line C: not measured, {error}"
        rows.append(_measure(race, steps, repetitions))
    return tuple(rows), note


def _measure(race: Race, steps: int, repetitions: int) -> RolloutRow:
    published_steps = max(1, steps // 10)
    dense = DenseNetwork.of(race.network, float(race.weights[0]))
    start = race.starts[0].astype(np.float64)
    implementations: dict[str, Callable[[], object]] = {
        "published": lambda: play(dense, start, published_steps, _ENDLESS),
        "kernel": lambda: race.by_kernel(steps),
    }
    for layout in race.programs:
        implementations[layout] = partial(race.by_compiled, steps, layout)
    best = dict.fromkeys(implementations, np.inf)
    # The first call loads the kernel from its cache; it is not counted.
    race.by_kernel(1)
    for _ in range(repetitions):
        for name, run in implementations.items():
            begun = time.perf_counter()
            run()
            best[name] = min(best[name], time.perf_counter() - begun)
    work = 1e9 / (steps * LANES)
    compiled = [best[layout] * work for layout in race.programs]
    return RolloutRow(
        race.network.connections,
        race.network.hidden,
        best["published"] * 1e9 / published_steps,
        best["kernel"] * work,
        min(compiled) if compiled else None,
    )
