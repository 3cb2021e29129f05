"""The search: ask for a generation, tell its returns.

It knows neither tasks nor backends; whoever drives it evaluates the population that ``ask`` gives
and hands the returns to ``tell``. Everything random derives from (seed, purpose, generation).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..files import array_of
from ..genome import MutationSettings, Population, decode, digest, encode, first_population, join, mutate
from ..streams import Stream, generator
from .ranking import non_dominated_fronts, rank
from .selection import select
from .settings import SearchSettings, WeightSettings

__all__ = ["Champion", "Generation", "Search", "generation_weights", "selection_weights"]

FloatArray = NDArray[np.float64]
_MOST: Final = 2**53
"""The highest node id and counts that are accepted: as in network JSON, and far from where 64 bits end."""


def generation_weights(settings: WeightSettings, seed: int, generation: int) -> FloatArray:
    """The shared weights of one generation, float64[weights], ascending if drawn."""
    if settings.sampling == "fixed":
        return np.array(settings.values)
    rng = generator(seed, Stream.WEIGHTS, generation)
    positions = (np.arange(settings.strata) + rng.random(settings.strata)) / settings.strata
    return settings.limit * (2.0 * positions - 1.0)


def selection_weights(settings: WeightSettings) -> FloatArray:
    """The weights that candidates for champion are compared with, float64[weights]."""
    if settings.sampling == "fixed":
        return np.array(settings.values)
    positions = (np.arange(settings.strata) + 0.5) / settings.strata
    return settings.limit * (2.0 * positions - 1.0)


@dataclass(frozen=True)
class Champion:
    """The best genome so far.

    Attributes:
        population: a population of this one genome.
        mean: its mean return on the selection episodes.
        generation: when it was found.
    """

    population: Population
    mean: float
    generation: int


@dataclass(frozen=True)
class Generation:
    """Statistics of a generation: a row of metrics.csv.

    Attributes:
        generation: its number, from 0.
        best_mean: mean return of the best genome over weights and episodes.
        median_mean: median of the means.
        best_max: return of the best genome at its best weight.
        best_connections: connections of the genome with the best mean.
        median_connections: median over the generation.
        champion_mean: mean return of the champion on the selection episodes.
        champion_connections: connections of the champion.
        evaluations: episodes played so far.
        steps: environment steps made so far.
        failed: genomes of this generation with a return that is not finite.
    """

    generation: int
    best_mean: float
    median_mean: float
    best_max: float
    best_connections: int
    median_connections: float
    champion_mean: float
    champion_connections: int
    evaluations: int
    steps: int
    failed: int


@dataclass
class Search:
    """The state of a search at the beginning of a generation.

    Attributes:
        settings: population, ranking, selection.
        mutation: topological changes.
        seed: what every random stream derives from.
        population: the genomes of the coming generation.
        generation: its number.
        newest_node: the highest node id ever handed out.
        champion: the best genome so far.
        evaluations: episodes played so far.
        steps: environment steps made so far.
    """

    settings: SearchSettings
    mutation: MutationSettings
    seed: int
    population: Population
    generation: int = 0
    newest_node: int = 0
    champion: Champion | None = None
    evaluations: int = 0
    steps: int = 0
    _asked: bool = field(default=False, init=False)
    _tested: set[bytes] = field(default_factory=set, init=False)

    @classmethod
    def begin(
        cls, settings: SearchSettings, mutation: MutationSettings, inputs: int, outputs: int, seed: int
    ) -> Search:
        """A search before its first generation."""
        rng = generator(seed, Stream.FIRST_POPULATION)
        population = first_population(inputs, outputs, settings.population, settings.enabled, rng)
        return cls(settings, mutation, seed, population, newest_node=population.newest_node)

    @property
    def finished(self) -> bool:
        """Whether all generations have been told."""
        return self.generation >= self.settings.generations

    def ask(self) -> Population:
        """The genomes to evaluate, once in each generation; ``tell`` comes next.

        Raises:
            RuntimeError: they have been asked for, and not told.
        """
        if self._asked:
            raise RuntimeError("ask() was called twice without tell() between them")
        self._asked = True
        return self.population

    def candidate(self, returns: FloatArray, *, comparable: bool = True) -> int | None:
        """The genome to re-test as a champion, if its mean return is high enough.

        ``returns`` float64[population, weights]. Ties go to fewer connections, then to the lower
        index. Where returns are not ``comparable`` with those of the re-test, the best is always
        tested that has not been tested before.
        """
        means = self._fitness(returns)
        best = self._best(means)
        if means[best] == -np.inf:
            return None
        if comparable and not self._beats(best, float(means[best])):
            return None
        # A genome that lost once loses again: the selection episodes are the same for all.
        tested = digest(self.population.take(np.array([best])))
        if tested in self._tested:
            return None
        self._tested.add(tested)
        return best

    def promote(self, index: int, mean: float) -> bool:
        """Make a candidate the champion if its mean on the selection episodes is higher, or it is smaller."""
        if not np.isfinite(mean) or not self._beats(index, mean):
            return False
        self.champion = Champion(self.population.take(np.array([index])), mean, self.generation)
        return True

    def _beats(self, index: int, mean: float) -> bool:
        """Whether a genome with this mean is better than the champion, or as good and smaller."""
        if self.champion is None or mean != self.champion.mean:
            return self.champion is None or mean > self.champion.mean
        return bool(self.population.connections[index] < self.champion.population.connections[0])

    def tell(self, returns: FloatArray, episodes: int, steps: int) -> Generation:
        """Take the returns of the population and breed the next generation.

        Args:
            returns: float64[population, weights], mean return of each genome at each weight.
            episodes: how many were played for that.
            steps: how many environment steps.

        Raises:
            RuntimeError: the population has not been asked for.
            ValueError: there are not as many rows of returns as genomes.
        """
        if not self._asked:
            raise RuntimeError("tell() was called without ask() before it")
        if len(returns) != len(self.population):
            raise ValueError(f"{len(returns)} rows of returns for {len(self.population)} genomes")
        self._asked = False
        means = self._fitness(returns)
        self.evaluations += episodes
        self.steps += steps
        row = self._describe(returns, means)
        rng = generator(self.seed, Stream.RANKING, self.generation)
        second = self._second_objective(returns, by_connections=rng.random() < self.settings.complexity)
        self._breed(means, second)
        self.generation += 1
        return row

    def front(self, returns: FloatArray) -> NDArray[np.int64]:
        """Genomes that none beats in both mean return and connections, by connections."""
        means = self._fitness(returns)
        connections = self.population.connections
        fronts = non_dominated_fronts(means, -connections.astype(np.float64))
        members = np.flatnonzero((fronts == 0) & np.isfinite(means))
        _, distinct = np.unique(connections[members], return_index=True)
        return members[distinct]

    def _fitness(self, returns: FloatArray) -> FloatArray:
        """Means over the weights, float64[population]; -inf for what failed or is too large."""
        means, largest = _means(returns), self.settings.most_connections
        if largest is not None:
            means[self.population.connections > largest] = -np.inf
        return means

    def _best(self, means: FloatArray) -> int:
        return int(np.lexsort((self.population.connections, -means))[0])

    def _describe(self, returns: FloatArray, means: FloatArray) -> Generation:
        best = self._best(means)
        connections = self.population.connections
        finite = means[np.isfinite(means)]
        return Generation(
            self.generation,
            float(means[best]),
            float(np.median(finite)) if finite.size else -np.inf,
            float(returns[best].max()) if finite.size else -np.inf,
            int(connections[best]),
            float(np.median(connections)),
            self.champion.mean if self.champion else -np.inf,
            int(self.champion.population.connections[0]) if self.champion else 0,
            self.evaluations,
            self.steps,
            int((~np.isfinite(returns)).any(axis=1).sum()),
        )

    def _second_objective(self, returns: FloatArray, *, by_connections: bool) -> FloatArray:
        if by_connections:
            return 1.0 / np.maximum(self.population.connections, 1)  # none counts as one
        if self.settings.alternative == "max":
            return np.asarray(returns.max(axis=1))
        half = max(1, returns.shape[1] // 2)
        with np.errstate(invalid="ignore"):  # infinities of both signs: such a genome is ranked last anyway
            return np.asarray(np.sort(returns, axis=1)[:, :half].mean(axis=1))

    def _breed(self, means: FloatArray, second: FloatArray) -> None:
        rng = generator(self.seed, Stream.PARENTS, self.generation)
        elites, parents = select(self._ranked(means, second), self.settings, rng)
        children, self.newest_node = mutate(
            self.population, parents, self.mutation, self.newest_node, self.seed, self.generation
        )
        self.population = join([self.population.take(elites), children])

    def _ranked(self, means: FloatArray, second: FloatArray) -> NDArray[np.int64]:
        """Genomes from best to worst; what failed or is too large comes last, the smaller first."""
        finite, failed = np.flatnonzero(np.isfinite(means)), np.flatnonzero(~np.isfinite(means))
        if self.settings.most_connections is not None:
            failed = failed[np.argsort(self.population.connections[failed], kind="stable")]
        return np.concatenate([finite[rank(means[finite], second[finite])], failed])

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Arrays from which ``restore`` makes an equal search."""
        numbers = np.array([self.newest_node, self.evaluations, self.steps], np.int64)
        arrays: dict[str, NDArray[np.generic]] = {"numbers": numbers}
        arrays |= encode("population", self.population)
        if self.champion is not None:
            arrays |= encode("champion", self.champion.population)
            arrays["champion.mean"] = np.array([self.champion.mean])
            arrays["champion.generation"] = np.array([self.champion.generation])
        return arrays

    @classmethod
    def restore(
        cls,
        settings: SearchSettings,
        mutation: MutationSettings,
        seed: int,
        generation: int,
        arrays: Mapping[str, NDArray[np.generic]],
        shape: tuple[int, int],
    ) -> Search:
        """A search as ``state`` described it; ``shape`` is (inputs, outputs) of the task.

        Raises:
            BadInput: the arrays do not describe a search with these settings.
        """
        try:
            population = decode("population", arrays, shape)
            newest, evaluations, steps = _numbers(arrays, population)
            champion = _champion(arrays, shape, generation) if "champion.mean" in arrays else None
        except ValueError as error:
            raise BadInput(
                f"the checkpoint does not describe a search ({error}); remove it to go on from the one before"
            ) from None
        if len(population) != settings.population:
            raise BadInput(
                f"the checkpoint holds {len(population)} genomes, "
                f"but the configuration says {settings.population}"
            )
        return cls(settings, mutation, seed, population, generation, newest, champion, evaluations, steps)


def _means(returns: FloatArray) -> FloatArray:
    """Mean over the weights, float64[population]; -inf where a return is not finite."""
    finite = np.isfinite(returns).all(axis=1)
    means = np.full(len(returns), -np.inf)
    means[finite] = returns[finite].mean(axis=1)
    return means


def _numbers(arrays: Mapping[str, NDArray[np.generic]], population: Population) -> tuple[int, int, int]:
    """The newest node, evaluations and steps."""
    newest, evaluations, steps = array_of(arrays, "numbers", np.int64, (3,)).tolist()
    counted = 0 <= evaluations <= _MOST and 0 <= steps <= _MOST
    if not (counted and population.newest_node <= newest <= _MOST):
        raise ValueError(f"numbers {newest}, {evaluations}, {steps} do not count what was made")
    return newest, evaluations, steps


def _champion(arrays: Mapping[str, NDArray[np.generic]], shape: tuple[int, int], generation: int) -> Champion:
    population = decode("champion", arrays, shape)
    mean = float(array_of(arrays, "champion.mean", np.float64, (1,))[0])
    promoted = int(array_of(arrays, "champion.generation", np.int64, (1,))[0])
    if len(population) != 1 or not np.isfinite(mean) or not 0 <= promoted <= generation:
        raise ValueError(f"{len(population)} champions of generation {promoted} with a mean of {mean:g}")
    return Champion(population, mean, promoted)
