"""The time of a whole generation by phase, and the speed-up of a second thread."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ..evaluation import LocalEvaluator, available_cores
from ..evolution import Search, SearchSettings, generation_weights
from ..experiment import CHECKPOINT_SECONDS, Config, Generations
from ..network import NetworkBatch, compile_population
from ..runs import Checkpoint, RunFolder
from ..settings import render_settings
from ..streams import Stream, episode_seeds
from ..tasks import Task, Trial, make_task, task_settings
from .rollout import TASK

__all__ = ["PHASES", "GenerationRow", "TimedSearch", "measure_generations", "warmed_up"]

PHASES: Final = ("compile", "evaluate", "champion", "vary", "record")
_TYPICAL: Final = 50  # connections, as the published champion has


@dataclass(frozen=True)
class GenerationRow:
    """Seconds of one generation on one core, median of the repetitions.

    Attributes:
        population: number of genomes.
        connections: median over the population.
        steps: mean steps of an episode.
        compile: compiling genomes to programs.
        evaluate: all episodes, on one thread.
        champion: evaluating candidates for champion on their own episodes.
        vary: ranking, selection, mutation and the row of metrics.
        record: writing the rows of metrics and timing, and this generation's share of a checkpoint.
        threads: speed-up of the evaluation on two threads; None on one core.
    """

    population: int
    connections: float
    steps: float
    compile: float
    evaluate: float
    champion: float
    vary: float
    record: float
    threads: float | None

    @property
    def seconds(self) -> float:
        """Seconds of the whole generation."""
        return self.compile + self.evaluate + self.champion + self.vary + self.record

    @property
    def overhead(self) -> float:
        """Share of the time outside the evaluation."""
        return 1.0 - self.evaluate / self.seconds


def warmed_up(task: Task, population: int, generations: int) -> tuple[Config, Search]:
    """A search whose networks have grown to a typical size, without an episode.

    Returns are noise minus the distance from that size: the population becomes as diverse as in a real
    search, in a fraction of the time.
    """
    settings = SearchSettings(population=population, generations=generations + 1_000_000)
    config = Config(task=task_settings(task.id), search=settings)
    search = Search.begin(config.search, config.mutation, task.inputs, task.outputs, config.seed)
    for generation in range(generations):
        rng = np.random.default_rng([config.seed, generation])
        distance = np.abs(search.ask().connections - _TYPICAL)
        noise = rng.normal(0.0, 2.0, (population, config.weights.count))
        search.tell(noise - distance[:, None], episodes=0, steps=0)
    return config, search


def measure_generations(
    populations: Sequence[int], growth: int, repetitions: int, show: Callable[[str], None]
) -> tuple[GenerationRow, ...]:
    """Time generations; a row for each population size.

    Args:
        populations: genomes in a generation.
        growth: untimed generations in which the networks grow before.
        repetitions: timed generations.
        show: called with a few words on what is measured next.
    """
    task = make_task(task_settings(TASK))
    rows = []
    for population in populations:
        show(f"generation of {population:,} networks")
        config, search = warmed_up(task, population, growth)
        with (
            tempfile.TemporaryDirectory() as folder,
            RunFolder.create(Path(folder) / "run", render_settings(config), "front") as run,
        ):
            rows.append(TimedSearch(config, search, task, run).row(repetitions))
    return tuple(rows)


class TimedSearch:
    """A search whose generations are timed."""

    def __init__(self, config: Config, search: Search, task: Task, run: RunFolder) -> None:
        self._config, self._search, self._task, self._run = config, search, task, run
        self._generations = Generations(config, task, search)
        self._steps: list[float] = []

    def row(self, repetitions: int) -> GenerationRow:
        """Medians over this number of generations."""
        with LocalEvaluator(self._task, 1) as one:
            self._generation(one)  # loads kernels and warms caches; not timed
            self._steps.clear()
            times = [self._generation(one) for _ in range(repetitions)]
        seconds = {name: float(np.median([time[name] for time in times])) for name in PHASES}
        checkpoint = min(self._checkpoint() for _ in range(3))
        seconds["record"] += checkpoint * min(1.0, sum(seconds.values()) / CHECKPOINT_SECONDS)
        connections = float(np.median(self._search.population.connections))
        return GenerationRow(
            len(self._search.population),
            connections,
            float(np.mean(self._steps)),
            **seconds,
            threads=self._threads(repetitions),
        )

    def _generation(self, evaluator: LocalEvaluator) -> dict[str, float]:
        step = self._generations.step(evaluator)
        begun = time.perf_counter()
        self._run.append(self._run.metrics, asdict(step.row))
        self._run.append(self._run.timing, asdict(step.phases))
        step.phases.record = time.perf_counter() - begun
        self._steps.append(step.steps)
        return asdict(step.phases)

    def _checkpoint(self) -> float:
        begun = time.perf_counter()
        self._run.save(Checkpoint(self._search.generation, self._search.snapshot().encode()))
        return time.perf_counter() - begun

    def _threads(self, repetitions: int) -> float | None:
        if available_cores() < 2:
            return None
        batch = compile_population(self._search.population)
        with LocalEvaluator(self._task, 1) as one, LocalEvaluator(self._task, 2) as two:
            pairs = [(self._evaluation(one, batch), self._evaluation(two, batch)) for _ in range(repetitions)]
        one_thread, two_threads = np.min(pairs, axis=0)
        return float(one_thread / two_threads)

    def _evaluation(self, evaluator: LocalEvaluator, batch: NetworkBatch) -> float:
        config, generation = self._config, self._search.generation
        weights = generation_weights(config.weights, config.seed, generation)
        seeds = episode_seeds(config.seed, Stream.SEARCH_EPISODES, config.task.episodes, generation)
        begun = time.perf_counter()
        evaluator.evaluate(batch, weights, Trial(seeds))
        return time.perf_counter() - begun
