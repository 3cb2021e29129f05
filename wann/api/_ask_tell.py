"""Ask and tell: a search whose caller evaluates the networks, for problems that are no environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import BadInput
from ..evolution import Generation, SearchSettings
from ..evolution import Search as Evolution
from ..experiment import read_ancestor
from ..genome import MutationSettings
from ..network import Network
from ..settings import Settings, load_settings
from ..streams import check_seed
from ._search import blaming_settings, changes_of

__all__ = ["Search"]


class _Settings(Settings):
    search: SearchSettings = SearchSettings()
    mutation: MutationSettings = MutationSettings()


class Search:
    """A search for a problem of one's own, which asks for returns and knows nothing else of the problem.

    In each generation ``ask`` gives networks, and ``tell`` takes what each of them is worth. Whoever calls
    them decides on the weights that the networks are tried with. Equal seeds and returns give equal networks.

    Args:
        inputs: numbers that a network receives, besides the bias.
        outputs: numbers that it returns.
        seed: from which all networks derive.
        settings: changes to the published settings, by dotted keys of the sections ``search`` and
            ``mutation``: ``{"search.population": 64, "search.generations": 100}``. There is no
            ``search.racing``: whoever tells returns has evaluated every network.

    Raises:
        BadInput: an unknown setting or a bad value.
    """

    def __init__(
        self, inputs: int, outputs: int, *, seed: int = 0, settings: Mapping[str, Any] | None = None
    ) -> None:
        check_seed(seed)
        for name, count in (("inputs", inputs), ("outputs", outputs)):
            if count < 1:
                raise BadInput(f"{count}; accepted are numbers from 1", argument=name)
        with blaming_settings():
            chosen = load_settings(_Settings, {}, changes_of(settings or {}))
        if chosen.search.racing > 1:
            raise BadInput(
                f"search.racing: {chosen.search.racing}; accepted is 1: tell() takes what all networks met",
                argument="settings",
            )
        ancestor = read_ancestor(chosen.search, chosen.mutation, inputs, outputs)
        self._search = Evolution.begin(
            chosen.search,
            chosen.mutation,
            inputs,
            outputs,
            seed,
            None if ancestor is None else ancestor.population,
        )
        self._seed = seed
        self._asked = False

    def ask(self) -> list[Network]:
        """The networks of this generation; ``tell`` comes next.

        Raises:
            RuntimeError: they have been asked for, and not told.
        """
        population = self._search.ask()
        self._asked = True
        provenance = {"seed": self._seed, "generation": self._search.generation}
        return [Network.of_genome(population, one, provenance=provenance) for one in range(len(population))]

    def tell(self, returns: ArrayLike) -> Generation:
        """Take the returns of the networks, higher ones are better, and breed the next generation.

        Args:
            returns: float[networks, weights], in the order of ``ask``: what each network is worth with each
                weight that it was tried with; or float[networks]. A network whose return is not finite is
                ranked last.

        Returns:
            The metrics of the generation.

        Raises:
            BadInput: not as many returns as networks.
            RuntimeError: nothing has been asked for.
        """
        if not self._asked:
            raise RuntimeError("tell() was called without ask() before it")
        values = np.asarray(returns, np.float64)
        values = values[:, None] if values.ndim == 1 else values
        expected = len(self._search.population)
        if values.ndim != 2 or len(values) != expected or not values.shape[1]:
            raise BadInput(
                f"an array of shape {np.shape(returns)}; accepted is a row for each of {expected} networks",
                argument="returns",
            )
        for candidate in self._search.candidates(values).tolist():
            self._search.promote(candidate, float(values[candidate].mean()))
        self._asked = False
        return self._search.tell(values, values.size, 0)

    @property
    def champion(self) -> Network | None:
        """The network with the highest mean return so far, of equal ones the smallest; None at first."""
        champion = self._search.champion
        if champion is None:
            return None
        provenance = {"seed": self._seed, "generation": champion.generation, "selection_mean": champion.mean}
        return Network.of_genome(champion.population, 0, provenance=provenance)

    @property
    def generation(self) -> int:
        """The number of the coming generation, from 0."""
        return self._search.generation

    @property
    def finished(self) -> bool:
        """Whether the generations of the settings are over; one may go on nevertheless."""
        return self._search.finished

    def __repr__(self) -> str:
        done, all_of_them = self._search.generation, self._search.settings.generations
        return f"Search(generation {done:,} of {all_of_them:,}, {len(self._search.population):,} networks)"
