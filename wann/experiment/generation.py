"""One generation of a search: ask, compile, evaluate, promote, tell."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..evaluation import Evaluator
from ..evolution import Generation, Returns, Search, generation_weights, selection_weights
from ..genome import Population
from ..network import NetworkBatch, compile_population
from ..streams import Stream, episode_seeds
from ..tasks import Outcome, Task, Trial
from .config import Config
from .memory import Memory
from .race import race

__all__ = ["Generations", "Phases", "Step"]


@dataclass
class Phases:
    """Seconds that a generation spent: a row of timing.csv."""

    generation: int = 0
    compile: float = 0.0
    evaluate: float = 0.0
    champion: float = 0.0
    vary: float = 0.0
    record: float = 0.0


@dataclass(frozen=True)
class Step:
    """The result of one generation.

    Attributes:
        row: its metrics.
        phases: seconds spent in each part.
        population: the genomes that were evaluated.
        returns: float64[genomes, weights], means over the episodes; NaN at weights that a genome did not meet
            in a race.
        front: indices int64[non-dominated] of the genomes on the first front, by connections; None before
            the last generation.
        steps: mean steps of an episode.
    """

    row: Generation
    phases: Phases
    population: Population
    returns: NDArray[np.float64]
    front: NDArray[np.int64] | None
    steps: float


class Generations:
    """Takes a search from one generation to the next.

    Args:
        config: of the search.
        task: what networks are evaluated on.
        search: its state.
        failed: called with a population and the reasons why some of its networks could not be evaluated, by
            index.
        stopping: whether the search is being interrupted: then no network is blamed for a failure.
    """

    def __init__(
        self,
        config: Config,
        task: Task,
        search: Search,
        failed: Callable[[Population, Mapping[int, str]], None] = lambda *_: None,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self._config = config
        self._task = task
        self._search = search
        self._failed = failed
        self._stopping = stopping
        # Elsewhere weights and episodes are new in each generation, or cost no more than looking them up.
        self._memory = Memory() if task.stepped or config.task.redraw_every > 1 else None

    def step(self, evaluator: Evaluator) -> Step:
        """Evaluate the population, promote its best, and breed the next one.

        Raises:
            BadInput: the task fails for every network, or gives none a finite return.
            Failure: nothing can be evaluated any more.
        """
        search, settings = self._search, self._config
        phases = Phases(search.generation)
        clock = time.perf_counter()
        population = search.ask()
        batch = compile_population(population)
        clock, phases.compile = time.perf_counter(), time.perf_counter() - clock
        weights = generation_weights(settings.weights, settings.seed, search.generation)
        draw = search.generation // settings.task.redraw_every
        seeds = self._seeds(Stream.SEARCH_EPISODES, settings.weights.count, settings.task.episodes, draw)
        trial = self._task.search(seeds, search.generation)
        played = race(search, batch, weights, trial, partial(self._evaluated, evaluator))
        if not np.isfinite(played.returns.values).any():
            raise BadInput(f"task.id: {self._task.id} gave no network of a generation a finite return")
        self._failed(population, played.failed)
        returns = played.returns
        clock, phases.evaluate = time.perf_counter(), time.perf_counter() - clock
        self._promote(evaluator, population, returns, trial)
        clock, phases.champion = time.perf_counter(), time.perf_counter() - clock
        front = search.front(returns) if search.last else None
        if self._memory is not None:
            self._memory.next_generation()
        row = search.tell(returns, played.episodes, played.steps)
        phases.vary = time.perf_counter() - clock
        return Step(row, phases, population, returns.values, front, played.steps / played.episodes)

    def _evaluated(
        self, evaluator: Evaluator, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial
    ) -> Outcome:
        if self._memory is None:
            outcome = evaluator.evaluate(batch, weights, trial)
        else:
            outcome = self._memory.evaluate(evaluator, batch, weights, trial)
        if outcome.failed and self._stopping():
            outcome.checked()  # the interruption may be the cause
        return outcome

    def _promote(self, evaluator: Evaluator, population: Population, returns: Returns, met: Trial) -> None:
        weights, episodes = self._config.weights.compared, self._config.search.champion_episodes
        seeds = self._seeds(Stream.CHAMPION_EPISODES, weights, episodes)
        whole = self._task.selection(seeds)
        # The loss on one batch says little about that on another, a beginning little about the whole.
        spread = self._config.weights.spread(self._search.generation)
        comparable = whole.part == "train" and met.rules.comparable and spread == 1.0
        left = self._search.candidates(returns, comparable=comparable)
        if not len(left):
            return
        rounds = (self._config.search.candidates - 1).bit_length()
        for left_rounds in range(rounds, 0, -1):
            round_trial = replace(whole, seeds=whole.seeds[..., : max(1, whole.episodes >> left_rounds)])
            left = self._search.better_half(left, self._means(evaluator, population, left, round_trial))
        means = self._means(evaluator, population, left, whole)
        for candidate, mean in zip(left.tolist(), means.tolist(), strict=True):
            self._search.promote(candidate, mean)

    def _seeds(self, purpose: Stream, weights: int, episodes: int, *indices: int) -> NDArray[np.int64]:
        """Seeds int64[episodes], or int64[weights, episodes] where each weight meets episodes of its own."""
        weights = weights if self._config.weights.own_episodes else 1
        seeds = episode_seeds(self._config.seed, purpose, weights * episodes, *indices)
        return seeds.reshape(weights, episodes) if weights > 1 else seeds

    def _means(
        self, evaluator: Evaluator, population: Population, indices: NDArray[np.int64], trial: Trial
    ) -> NDArray[np.float64]:
        """Mean returns of some genomes over the selection weights and the episodes of a trial."""
        batch = compile_population(population.take(indices))
        outcome = self._evaluated(evaluator, batch, selection_weights(self._config.weights), trial)
        named = {int(indices[network]): reason for network, reason in outcome.failed.items()}
        self._failed(population, named)
        with np.errstate(invalid="ignore"):  # what is not finite is never promoted
            return np.asarray(outcome.returns.reshape(len(indices), -1).mean(axis=1))
