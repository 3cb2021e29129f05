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
from .champion import Champion, worth
from .generation import Generation
from .ranking import non_dominated_fronts, rank
from .returns import Returns
from .selection import select
from .settings import SearchSettings
from .snapshot import Snapshot

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
        cls,
        settings: SearchSettings,
        mutation: MutationSettings,
        inputs: int,
        outputs: int,
        seed: int,
        ancestor: Population | None = None,
    ) -> Search:
        """A search before its first generation.

        Args:
            settings: population, ranking, selection.
            mutation: topological changes.
            inputs: of every genome.
            outputs: of every genome.
            seed: what every random stream derives from.
            ancestor: one genome that all others descend from by the initial mutations; the first of each
                beginning is this one itself. If not given, they begin without hidden nodes.
        """
        size, rng = settings.population * settings.beginnings, generator(seed, Stream.FIRST_POPULATION)
        if ancestor is None:
            population = first_population(inputs, outputs, size, settings.enabled, rng)
        else:
            population = ancestor.take(np.zeros(size, np.int64))
        newest = population.newest_node
        for change in range(settings.initial_mutations):
            population, newest = mutate(
                population, np.arange(size), mutation, newest, seed, _BEFORE_THE_FIRST + change
            )
        if ancestor is not None:
            own = np.arange(size)
            population = join([population, ancestor]).take(np.where(own % settings.population, own, size))
        champions: list[Champion | None] = [None] * settings.beginnings
        return cls(settings, mutation, seed, population, newest_node=newest, champions=champions)

    @property
    def champion(self) -> Champion | None:
        """The best genome so far."""
        return max(filter(None, self.champions), key=worth, default=None)

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

    def candidates(self, returns: FloatArray | Returns, *, comparable: bool = True) -> NDArray[np.int64]:
        """Genomes that may be better than the champion of their beginning, int64[n], by beginning.

        Of each beginning these are at most ``settings.candidates``, the best by their mean return, of those
        that met all trials, that have not been promoted or refused before. Ties go to fewer connections,
        then to the lower index.

        Args:
            returns: float64[population, weights], or those of a race.
            comparable: whether these returns can be compared with those of the re-test: only then genomes
                are left out whose mean return is below the champion's.
        """
        means = self._complete_fitness(Returns.of(returns))
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

    def going_on(self, returns: Returns) -> NDArray[np.int64]:
        """Genomes that go on to the next round of a race: the better half of those in the last one.

        Of each beginning that is the half, rounded up, with the higher mean utility; ties go to fewer
        connections, then to the lower index. Nobody goes on who has failed or has too many connections.
        """
        means = self._fitness(returns.utilities(self.settings.exponent(self.generation)))
        left = np.flatnonzero(returns.complete)
        left = left[np.argsort(self.population.connections[left], kind="stable")]
        better = self.better_half(left, means[left])
        return np.sort(better[np.isfinite(means[better])])

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

    def tell(self, returns: FloatArray | Returns, episodes: int, steps: int) -> Generation:
        """Take the returns of the population and breed the next generation.

        Args:
            returns: float64[population, weights], mean return of each genome at each weight, or those of a
                race: whoever went further is ranked ahead of whoever was dropped.
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
        returns = Returns.of(returns)
        self.evaluations += episodes
        self.steps += steps
        row = Generation.of(
            self.generation,
            returns,
            self._fitness(returns),
            self.population.connections,
            self.champion,
            self.evaluations,
            self.steps,
        )
        rng = generator(self.seed, Stream.RANKING, self.generation)
        returns = returns.utilities(self.settings.exponent(self.generation))
        second = self._second_objective(returns, by_connections=rng.random() < self.settings.complexity)
        self._breed(self._fitness(returns), second, returns.reached)
        self.generation += 1
        self._halve()
        return row

    def front(self, returns: FloatArray | Returns) -> NDArray[np.int64]:
        """Genomes that no other one beats in both mean return and connections, by connections.

        Of a race those are looked at that met all trials.
        """
        means = self._complete_fitness(Returns.of(returns))
        connections = self.population.connections
        fronts = non_dominated_fronts(means, -connections.astype(np.float64))
        members = np.flatnonzero((fronts == 0) & np.isfinite(means))
        _, distinct = np.unique(connections[members], return_index=True)
        return members[distinct]

    def _fitness(self, returns: Returns) -> FloatArray:
        """Means over the weights, float64[population]; -inf where one failed or has too many connections."""
        means, largest = returns.means(), self.settings.most_connections
        if largest is not None:
            means[self.population.connections > largest] = -np.inf
        return means

    def _complete_fitness(self, returns: Returns) -> FloatArray:
        """The same, but -inf also where a genome did not meet all trials."""
        return np.where(returns.complete, self._fitness(returns), -np.inf)

    def _second_objective(self, returns: Returns, *, by_connections: bool) -> FloatArray:
        if by_connections:
            return 1.0 / np.maximum(self.population.connections, 1)  # none counts as one
        return returns.highest() if self.settings.alternative == "max" else returns.worse_half()

    def _breed(self, means: FloatArray, second: FloatArray, reached: NDArray[np.int64]) -> None:
        """Replace the population by elites and mutated children, each beginning from its own."""
        elites, parents = [], []
        for beginning in range(self._beginnings):
            rng = generator(self.seed, Stream.PARENTS, self.generation, *filter(None, [beginning]))
            own = np.arange(self.settings.population) + beginning * self.settings.population
            passing, chosen = select(own[self._ranked(own, means, second, reached)], self.settings, rng)
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

    def _ranked(
        self, own: NDArray[np.int64], means: FloatArray, second: FloatArray, reached: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Positions in ``own`` from best to worst, those that went further in a race first.

        The failed and the too large come last, of the latter smaller ones first.
        """
        means, second, reached = means[own], second[own], reached[own]
        finite, failed = np.flatnonzero(np.isfinite(means)), np.flatnonzero(~np.isfinite(means))
        if self.settings.most_connections is not None:
            failed = failed[np.argsort(self.population.connections[own][failed], kind="stable")]
        return np.concatenate([finite[rank(means[finite], second[finite], reached[finite])], failed])

    def _halve(self) -> None:
        """Drop the worse beginnings, by their champions, when it is time."""
        count = self.settings.living(self.generation)
        if count < self._beginnings:
            order = sorted(range(self._beginnings), key=lambda one: worth(self.champions[one]), reverse=True)
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
