"""The search: ask for a generation, tell its returns.

It knows neither tasks nor backends: the caller evaluates the population that ``ask`` returns and passes the
returns to ``tell``. Everything random derives from (seed, purpose, generation).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..genome import MutationSettings, Population, digest, first_population, join, mutate
from ..streams import Stream, generator
from .champion import Champion
from .generation import Generation
from .ranking import non_dominated_fronts, rank
from .selection import select
from .settings import SearchSettings
from .snapshot import Snapshot
from .utility import utility

__all__ = ["Search"]

_BEFORE_THE_FIRST: Final = 1 << 62
"""Generations from here on address the mutations of the first population."""
FloatArray = NDArray[np.float64]


@dataclass
class Search:
    """The state of a search at the beginning of a generation.

    Attributes:
        settings: population, ranking, selection.
        mutation: topological changes.
        seed: what every random stream derives from.
        population: the genomes of the coming generation, beginning after beginning.
        generation: its number.
        newest_node: the highest node id ever handed out.
        champions: the best genome so far of each beginning that is left.
        evaluations: episodes met so far, also where the return of an equal network was known.
        steps: environment steps of these episodes.
    """

    settings: SearchSettings
    mutation: MutationSettings
    seed: int
    population: Population
    generation: int = 0
    newest_node: int = 0
    champions: list[Champion | None] = field(default_factory=lambda: [None])
    evaluations: int = 0
    steps: int = 0
    _asked: bool = field(default=False, init=False)
    _tested: set[bytes] = field(default_factory=set, init=False)

    @classmethod
    def begin(
        cls, settings: SearchSettings, mutation: MutationSettings, inputs: int, outputs: int, seed: int
    ) -> Search:
        """A search before its first generation."""
        size, rng = settings.population * settings.beginnings, generator(seed, Stream.FIRST_POPULATION)
        population = first_population(inputs, outputs, size, settings.enabled, rng)
        newest = population.newest_node
        for change in range(settings.initial_mutations):
            population, newest = mutate(
                population, np.arange(size), mutation, newest, seed, _BEFORE_THE_FIRST + change
            )
        champions: list[Champion | None] = [None] * settings.beginnings
        return cls(settings, mutation, seed, population, newest_node=newest, champions=champions)

    @property
    def champion(self) -> Champion | None:
        """The best genome so far."""
        return max(filter(None, self.champions), key=_worth, default=None)

    @property
    def finished(self) -> bool:
        """Whether no generation is left to ask for."""
        return self.ending is not None

    @property
    def last(self) -> bool:
        """Whether the search ends with this generation, whose candidates have been promoted."""
        return self._ends_after(self.generation + 1) is not None

    @property
    def ending(self) -> str | None:
        """The setting that has ended the search: ``generations``, ``target`` or ``patience``."""
        return self._ends_after(self.generation)

    def _ends_after(self, done: int) -> str | None:
        champion = self.champion
        mean, promoted = (champion.mean, champion.generation) if champion else (-np.inf, done)
        return self.settings.ending(done, mean, promoted)

    def ask(self) -> Population:
        """The genomes to evaluate, once in each generation; ``tell`` comes next.

        Raises:
            RuntimeError: they have been asked for, and not told.
        """
        if self._asked:
            raise RuntimeError("ask() was called twice without tell() between them")
        self._asked = True
        return self.population

    def candidates(self, returns: FloatArray, *, comparable: bool = True) -> NDArray[np.int64]:
        """Genomes that may be better than the champion of their beginning, int64[n], by beginning.

        Of each beginning these are at most ``settings.candidates``, the best by their mean return that
        have not been promoted or refused before. Ties go to fewer connections, then to the lower index.

        Args:
            returns: float64[population, weights].
            comparable: whether these returns can be compared with those of the re-test: only then genomes
                are left out whose mean return is below the champion's.
        """
        means = self._fitness(returns)
        order = np.lexsort((self.population.connections, -means))
        chosen: list[int] = []
        for beginning in range(self._beginnings):
            own = [index for index in order[self._of(order) == beginning].tolist() if means[index] > -np.inf]
            if comparable:
                own = [index for index in own if self._beats(index, float(means[index]))]
            # A genome that lost once loses again: the selection episodes are the same for all.
            own = own[: self.settings.candidates]
            chosen += [index for index in own if self._digest(index) not in self._tested]
        return np.array(chosen, np.int64)

    def better_half(self, candidates: NDArray[np.int64], means: FloatArray) -> NDArray[np.int64]:
        """The better half of the candidates of each beginning, rounded up; ``means`` float64[candidates]."""
        worth = np.where(np.isfinite(means), means, -np.inf)
        order = candidates[np.argsort(-worth, kind="stable")]
        own = [order[self._of(order) == beginning] for beginning in range(self._beginnings)]
        return np.concatenate([indices[: -(-len(indices) // 2)] for indices in own])

    def promote(self, index: int, mean: float) -> bool:
        """Make a candidate the champion of its beginning if it is better on the selection episodes.

        That is if its mean there is higher, or as high with fewer connections. It is no candidate again.
        """
        self._tested.add(self._digest(index))
        if not np.isfinite(mean) or not self._beats(index, mean):
            return False
        genome = self.population.take(np.array([index]))
        self.champions[self._of(index)] = Champion(genome, mean, self.generation)
        return True

    def _beats(self, index: int, mean: float) -> bool:
        """Whether a genome with this mean is better than its beginning's champion, or as good and smaller."""
        champion = self.champions[self._of(index)]
        if champion is None or mean != champion.mean:
            return champion is None or mean > champion.mean
        return bool(self.population.connections[index] < champion.connections)

    def _digest(self, index: int) -> bytes:
        return digest(self.population.take(np.array([index])))

    @property
    def _beginnings(self) -> int:
        return len(self.champions)

    def _of(self, index: Any) -> Any:
        """The beginning that genomes belong to."""
        return index // self.settings.population

    def tell(self, returns: FloatArray, episodes: int, steps: int) -> Generation:
        """Take the returns of the population and breed the next generation.

        Args:
            returns: float64[population, weights], mean return of each genome at each weight.
            episodes: how many were met for that.
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
        returns = utility(returns, self.settings.exponent(self.generation))
        means = self._fitness(returns)
        second = self._second_objective(returns, by_connections=rng.random() < self.settings.complexity)
        self._breed(means, second)
        self.generation += 1
        self._halve()
        return row

    def front(self, returns: FloatArray) -> NDArray[np.int64]:
        """Genomes that no other one beats in both mean return and connections, by connections."""
        means = self._fitness(returns)
        connections = self.population.connections
        fronts = non_dominated_fronts(means, -connections.astype(np.float64))
        members = np.flatnonzero((fronts == 0) & np.isfinite(means))
        _, distinct = np.unique(connections[members], return_index=True)
        return members[distinct]

    def _fitness(self, returns: FloatArray) -> FloatArray:
        """Means over the weights, float64[population]; -inf where one failed or has too many connections."""
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
            self.champion.connections if self.champion else 0,
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
        """Replace the population by elites and mutated children, each beginning from its own."""
        elites, parents = [], []
        for beginning in range(self._beginnings):
            rng = generator(self.seed, Stream.PARENTS, self.generation, *filter(None, [beginning]))
            own = np.arange(self.settings.population) + beginning * self.settings.population
            passing, chosen = select(own[self._ranked(own, means, second)], self.settings, rng)
            elites.append(passing)
            parents.append(chosen)
        children, self.newest_node = mutate(
            self.population,
            np.concatenate(parents),
            self.mutation,
            self.newest_node,
            self.seed,
            self.generation,
        )
        bred = []
        for beginning, passing in enumerate(elites):
            own = np.arange(len(parents[0])) + beginning * len(parents[0])
            bred += [self.population.take(passing), children.take(own)]
        self.population = join(bred)

    def _ranked(self, own: NDArray[np.int64], means: FloatArray, second: FloatArray) -> NDArray[np.int64]:
        """Positions in ``own`` from best to worst; the failed and the too large last, smaller ones first."""
        means, second = means[own], second[own]
        finite, failed = np.flatnonzero(np.isfinite(means)), np.flatnonzero(~np.isfinite(means))
        if self.settings.most_connections is not None:
            failed = failed[np.argsort(self.population.connections[own][failed], kind="stable")]
        return np.concatenate([finite[rank(means[finite], second[finite])], failed])

    def _halve(self) -> None:
        """Drop the worse beginnings, by their champions, when it is time."""
        count = self.settings.living(self.generation)
        if count < self._beginnings:
            order = sorted(range(self._beginnings), key=lambda one: _worth(self.champions[one]), reverse=True)
            kept = sorted(order[:count])
            size = self.settings.population
            self.population = self.population.take(
                np.concatenate([np.arange(size) + beginning * size for beginning in kept])
            )
            self.champions = [self.champions[beginning] for beginning in kept]

    def snapshot(self) -> Snapshot:
        """The search as it is now; its ``encode`` gives arrays from which ``restore`` makes an equal one."""
        return Snapshot(
            self.population,
            self.newest_node,
            self.evaluations,
            self.steps,
            list(self.champions),
            set(self._tested),
        )

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
        """A search as a ``snapshot`` described it; ``shape`` is (inputs, outputs) of the task.

        Raises:
            BadInput: the arrays do not describe a search with these settings.
        """
        kept = Snapshot.decode(arrays, shape, generation, settings.living(generation))
        expected = settings.population * len(kept.champions)
        if len(kept.population) != expected:
            raise BadInput(
                f"the checkpoint holds {len(kept.population)} genomes, but the configuration says {expected}"
            )
        search = cls(
            settings,
            mutation,
            seed,
            kept.population,
            generation,
            kept.newest_node,
            kept.champions,
            kept.evaluations,
            kept.steps,
        )
        search._tested = kept.tested
        return search


def _means(returns: FloatArray) -> FloatArray:
    """Mean over the weights, float64[population]; -inf where a return is not finite."""
    finite = np.isfinite(returns).all(axis=1)
    means = np.full(len(returns), -np.inf)
    means[finite] = returns[finite].mean(axis=1)
    return means


def _worth(champion: Champion | None) -> tuple[float, int]:
    """What beginnings are compared by: the mean of their champion, then its fewer connections."""
    return (-np.inf, 0) if champion is None else (champion.mean, -champion.connections)
