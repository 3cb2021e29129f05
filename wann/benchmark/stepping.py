"""Environments stepped through a library: the overhead beside their own steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..evaluation import BackendSettings, available_cores, make_evaluator
from ..genome import MutationSettings, first_population, mutate
from ..network import NetworkBatch, compile_population
from ..tasks import ControlSettings, ControlTask, SteppedWorld, Trial, make_control, make_environment

__all__ = ["STEPPED", "SteppingRow", "measure_stepping"]

STEPPED: Final = (
    ("LunarLander-v3", "gymnasium"),
    ("LunarLander-v3", "envpool"),
    ("BipedalWalker-v3", "gymnasium"),
    ("BipedalWalker-v3", "envpool"),
    ("HalfCheetah-v5", "gymnasium"),
    ("HalfCheetah-v5", "envpool"),
)
"""Environments, and the libraries that step them."""
_WEIGHTS: Final = np.array([-1.5, -0.5, 0.5, 1.5])
_MUTATIONS: Final = 20  # mutations of each genome: some forty connections


@dataclass(frozen=True)
class SteppingRow:
    """One environment under one library, on one thread.

    Attributes:
        task: environment id.
        library: the library that steps it.
        steps: steps of all episodes.
        bare: steps per second of the environment alone, replaying the actions of the same episodes.
        played: steps per second of the evaluation, including the networks.
        together: steps per second of the evaluation on all cores; None on one core.
    """

    task: str
    library: str
    steps: int
    bare: float
    played: float
    together: float | None

    @property
    def share(self) -> float:
        """Share of the evaluation's time that the environment takes."""
        return self.played / self.bare


class _Recorded:
    """Lanes that remember which actions were taken."""

    def __init__(self, lanes: Any, log: list[tuple[NDArray[np.int64], NDArray[Any]]]) -> None:
        self._lanes, self._log = lanes, log

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lanes, name)

    def step(self, actions: NDArray[Any], most: NDArray[np.int64]) -> Any:
        """Step every lane, and record lanes and actions."""
        self._log.append((self._lanes.playing.copy(), actions))
        return self._lanes.step(actions, most)


@dataclass(frozen=True)
class _RecordedWorld(SteppedWorld):
    log: Any = None

    def open(self, seeds: NDArray[np.int64]) -> Any:
        """The lanes of ``SteppedWorld``, recording their actions."""
        return _Recorded(super().open(seeds), self.log)


def measure_stepping(
    which: Sequence[tuple[str, str]], population: int, repetitions: int, show: Callable[[str], None]
) -> tuple[tuple[SteppingRow, ...], tuple[str, ...]]:
    """Time the same episodes with networks and with the environment alone.

    Args:
        which: environments, and the libraries that step them.
        population: number of networks.
        repetitions: repetitions of both in turn; the fastest of each counts.
        show: called with a few words on what is measured next.

    Returns:
        The rows, and notes on what could not be measured.
    """
    rows, notes = [], []
    for name, library in which:
        show(f"stepping {name} with {library} ...")
        try:
            task = make_control(ControlSettings.model_validate({"id": name, "stepping": library}))
        except BadInput as error:
            notes.append(f"{name} with {library}: not measured, {error}")
            continue
        rows.append(_measure(task, _grown(task, population), repetitions))
    return tuple(rows), tuple(notes)


def _grown(task: ControlTask, population: int) -> NetworkBatch:
    rng = np.random.default_rng(0)
    genomes = first_population(task.inputs, task.outputs, population, 0.5, rng)
    newest = genomes.newest_node
    for generation in range(_MUTATIONS):
        genomes, newest = mutate(
            genomes, np.arange(population), MutationSettings(add_node=1.0), newest, 0, generation
        )
    return compile_population(genomes)


def _measure(task: ControlTask, batch: NetworkBatch, repetitions: int) -> SteppingRow:
    trial = Trial(np.arange(1))
    log: list[tuple[NDArray[np.int64], NDArray[Any]]] = []
    fields = {name: getattr(task.world, name) for name in SteppedWorld.__dataclass_fields__}
    recorded = replace(task, world=_RecordedWorld(**fields, log=log)).job(batch.merged, _WEIGHTS, trial)
    recorded.run(0, recorded.units)
    steps = int(recorded.outcome.steps.sum())
    seeds = np.zeros(recorded.units, np.int64)
    bare, played = np.inf, np.inf
    for _ in range(repetitions):
        bare = min(
            bare, _pooled(task, seeds, log) if task.stepping == "envpool" else _single(task, seeds, log)
        )
        job = task.job(batch.merged, _WEIGHTS, trial)
        played = min(played, _timed(partial(job.run, 0, job.units)))
    return SteppingRow(
        task.id, task.stepping, steps, steps / bare, steps / played, _together(task, batch, trial, steps)
    )


def _together(task: ControlTask, batch: NetworkBatch, trial: Trial, steps: int) -> float | None:
    if available_cores() < 2:
        return None
    with make_evaluator(task, BackendSettings()) as evaluator:
        evaluator.evaluate(batch, _WEIGHTS[:1], trial)  # starts processes, loads kernels
        return steps / _timed(lambda: evaluator.evaluate(batch, _WEIGHTS, trial))


def _single(
    task: ControlTask, seeds: NDArray[np.int64], log: Sequence[tuple[NDArray[np.int64], NDArray[Any]]]
) -> float:
    """Seconds that Gymnasium's own environments take for the actions of each episode."""
    episodes: list[list[Any]] = [[] for _ in seeds]
    for playing, actions in log:
        choices = actions.tolist() if actions.ndim == 1 else list(actions)
        for episode, action in zip(playing.tolist(), choices, strict=True):
            episodes[episode].append(action)
    made = (make_environment(task.id) for _ in seeds)
    first = make_environment(task.id)
    seconds = 0.0
    for seed, taken in zip(seeds.tolist(), episodes, strict=True):
        environment = first if task.world.reuse else next(made)
        begun = time.perf_counter()
        environment.reset(seed=seed)
        for action in taken:
            environment.step(action)
        seconds += time.perf_counter() - begun
    return seconds


def _pooled(
    task: ControlTask, seeds: NDArray[np.int64], log: Sequence[tuple[NDArray[np.int64], NDArray[Any]]]
) -> float:
    """Seconds that EnvPool takes for the actions of each episode."""

    def replay() -> None:
        lanes = task.world.open(seeds)
        for (_, actions), over in zip(log, _finished(log, len(seeds)), strict=True):
            lanes.step(actions, np.ones(len(actions), np.int64))
            if over.any():
                lanes.drop(over)
        lanes.close()

    return _timed(replay)


def _finished(
    log: Sequence[tuple[NDArray[np.int64], NDArray[Any]]], episodes: int
) -> Iterator[NDArray[np.bool_]]:
    """For each step the lanes whose episode ends with it, bool[episodes]."""
    left = np.zeros(episodes, np.int64)
    for playing, _ in log:
        left[playing] += 1
    for playing, _ in log:
        left[playing] -= 1
        yield left[playing] == 0


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
