"""Settings of the search; every default is the published value."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..settings import Settings

__all__ = ["SearchSettings", "WeightSettings"]

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class WeightSettings(Settings):
    """The shared weights that a generation is evaluated with.

    Attributes:
        sampling: ``fixed`` takes ``values``; ``stratified`` draws, anew in each generation, one
            weight from each of ``strata`` equal parts of [-limit, limit].
        values: the weights of ``fixed`` (published).
        strata: how many weights ``stratified`` draws.
        limit: the largest size that ``stratified`` draws.
        own_episodes: whether each weight meets episodes of its own, instead of all weights the same ones
            (published). All networks of a generation meet the same either way.
        begin_at: the weight that ``stratified`` begins with, ``strata`` times the same; from there the drawn
            weights spread evenly, with every generation, until they fill their parts. Champions are compared
            over all of [-limit, limit] (published: none, all generations meet the whole range).
        spread_from: generations that ``begin_at`` alone is for.
        spread_until: generation from which on the weights are spread over the whole range.
        champion_strata: at the midpoints of how many equal parts of [-limit, limit] candidates for champion
            are compared where weights are ``stratified``; as many as ``strata`` if not given. Who is good at
            a few weights may be bad between them.
    """

    sampling: Literal["fixed", "stratified"] = "fixed"
    values: tuple[Annotated[float, Field(ge=-1e3, le=1e3)], ...] = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
    strata: Annotated[int, Field(ge=1, le=10_000)] = 24
    limit: Annotated[float, Field(gt=0.0, le=1e3)] = 2.0
    own_episodes: bool = False
    begin_at: Annotated[float, Field(ge=-1e3, le=1e3)] | None = None
    spread_from: Annotated[int, Field(ge=0)] = 0
    spread_until: Annotated[int, Field(ge=1)] | None = None
    champion_strata: Annotated[int, Field(ge=1, le=10_000)] | None = None

    @model_validator(mode="after")
    def _some(self) -> WeightSettings:
        if not self.values:
            raise ValueError("values must hold at least one weight")
        if self.sampling == "fixed" and self.champion_strata is not None:
            raise ValueError('champion_strata is for sampling = "stratified"; "fixed" compares at its values')
        if (self.begin_at is None) != (self.spread_until is None):
            raise ValueError("begin_at and spread_until are given together, or neither of them")
        if self.begin_at is None or self.spread_until is None:
            return self
        if self.sampling == "fixed":
            raise ValueError(
                'begin_at is for sampling = "stratified"; the values of "fixed" stay as they are'
            )
        if not self.own_episodes:
            raise ValueError("begin_at needs own_episodes: one weight would meet the same episodes again")
        if abs(self.begin_at) > self.limit:
            raise ValueError(f"begin_at {self.begin_at:g} is not within the limit of {self.limit:g}")
        if self.spread_from >= self.spread_until:
            raise ValueError(
                f"spread_from {self.spread_from} must be before spread_until {self.spread_until}"
            )
        return self

    def spread(self, generation: int) -> float:
        """How far the weights of a generation have spread, from 0 (``begin_at``) to 1 (the whole range)."""
        if self.spread_until is None:
            return 1.0
        done = (generation - self.spread_from) / (self.spread_until - self.spread_from)
        return min(max(done, 0.0), 1.0)

    @property
    def count(self) -> int:
        """How many weights a generation is evaluated with."""
        return len(self.values) if self.sampling == "fixed" else self.strata

    @property
    def compared(self) -> int:
        """How many weights candidates for champion are compared at."""
        return self.champion_strata or self.count


class SearchSettings(Settings):
    """Population, ranking and selection.

    Attributes:
        population: genomes in a generation.
        generations: generations in all, at most.
        target: mean return of the champion on its selection episodes at which the search ends, after that
            generation (published: none).
        patience: generations without a better champion after which the search ends (published: none).
        seed_from: a network JSON file, or the folder of a search or of a pruning run for its champion: the
            first network of each beginning is this one, the others are this one after ``initial_mutations``;
            its weights are not used, nor is ``enabled`` (published: none, networks without hidden nodes). The
            run keeps a copy.
        enabled: probability that a connection of the first population is enabled.
        elite: share of the survivors that pass unchanged.
        cull: share of the population that leaves no children.
        tournament: a parent is the best of two tournaments of this size.
        complexity: probability that a generation is ranked by mean return and connections;
            otherwise it is ranked by mean return and ``alternative``.
        alternative: second objective of the other generations: the return at the best weight
            (``max``, published), or the mean over the worse half of the weights (``worst-half``).
        utility_exponent: networks are ranked by the means of u(return) over the weights, where
            u(r) = sign(r) |r|^utility_exponent: above 1 a convex utility, for which being good under some
            weights counts for more than being middling under all. Published is 1, the return itself.
        utility_generations: generations that are ranked by this utility, the later ones by the return itself;
            all of them if not given.
        initial_mutations: mutations of each genome of the first population (published: none).
        beginnings: populations that the search begins with, independent of each other; they live side by
            side, each of ``population`` genomes (published: one).
        halve_every: generations after which the better half of the beginnings goes on, by their champions,
            and again, until one is left: successive halving (Jamieson & Talwalkar 2016).
        racing: rounds in which each beginning races in a generation, by successive halving: all networks meet
            the first share of the weights and episodes, the better half by their means goes on to twice as
            many, and so on; few meet all. Whoever went further is ranked first, and only those that met all
            may become champion (published: 1, all meet all).
        candidates: genomes of a generation, in each beginning, that race to be tested as champion: the better
            half goes on to twice the episodes, until one is left, which meets all ``champion_episodes``
            (published: one).
        champion_episodes: episodes for each weight on which a candidate for champion is re-tested.
        most_connections: a network with more is ranked behind all others, the smaller first, and never
            becomes champion (published: no such limit).
    """

    population: Annotated[int, Field(ge=2, le=1_000_000)] = 192
    generations: Annotated[int, Field(ge=1, le=10_000_000)] = 1024
    target: float | None = None
    patience: Annotated[int, Field(ge=1)] | None = None
    seed_from: Path | None = None
    enabled: Fraction = 0.5
    elite: Fraction = 0.2
    cull: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.2
    tournament: Annotated[int, Field(ge=1)] = 8
    complexity: Fraction = 0.8
    alternative: Literal["max", "worst-half"] = "max"
    utility_exponent: Annotated[int, Field(ge=1, le=16)] = 1
    utility_generations: Annotated[int, Field(ge=0)] | None = None
    initial_mutations: Annotated[int, Field(ge=0, le=10_000)] = 0
    beginnings: Annotated[int, Field(ge=1, le=1024)] = 1
    halve_every: Annotated[int, Field(ge=1)] = 50
    racing: Annotated[int, Field(ge=1, le=16)] = 1
    candidates: Annotated[int, Field(ge=1, le=1024)] = 1
    champion_episodes: Annotated[int, Field(ge=1, le=100_000)] = 16
    most_connections: Annotated[int, Field(ge=1)] | None = None

    @model_validator(mode="after")
    def _fits(self) -> SearchSettings:
        if self.tournament > self.population:
            raise ValueError(
                f"tournament {self.tournament} is larger than the population of {self.population}"
            )
        if self.population < 1 << self.racing - 1:
            raise ValueError(
                f"racing {self.racing} halves the population {self.racing - 1} times; "
                f"{self.population} networks can be halved {self.population.bit_length() - 1} times"
            )
        return self

    def ending(self, done: int, mean: float, promoted: int) -> str | None:
        """The setting that ends a search after ``done`` generations; None if it goes on.

        Args:
            done: generations.
            mean: of the champion on its selection episodes.
            promoted: the generation that it is of.
        """
        if self.target is not None and mean >= self.target:
            return "target"
        if self.patience is not None and done - 1 - promoted >= self.patience:
            return "patience"
        return "generations" if done >= self.generations else None

    def exponent(self, generation: int) -> int:
        """The exponent of the utility that this generation is ranked by."""
        last = self.utility_generations
        return self.utility_exponent if last is None or generation < last else 1

    def living(self, generation: int) -> int:
        """How many beginnings remain in this generation."""
        return max(1, -(-self.beginnings >> min(generation // self.halve_every, 64)))

    @property
    def survivors(self) -> int:
        """How many genomes may have children."""
        return self.population - int(self.cull * self.population)

    @property
    def elites(self) -> int:
        """How many genomes pass unchanged."""
        return int(self.elite * self.survivors)
