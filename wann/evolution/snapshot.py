"""The state of a search as arrays, for checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..files import array_of
from ..genome import DIGEST, Population, decode, encode
from .champion import Champion

__all__ = ["Snapshot"]

_LARGEST: Final = 2**53
"""The highest node id and counts that are accepted: as in network JSON, and far from the end of 64 bits."""


@dataclass(frozen=True)
class Snapshot:
    """What a search knows between two generations; see ``Search`` for the attributes.

    Attributes:
        population: the genomes of the coming generation.
        newest_node: the highest node id ever handed out.
        evaluations: episodes played so far.
        steps: environment steps made so far.
        champions: the best genome so far of each remaining beginning.
        tested: digests of the candidates that have been promoted or refused.
    """

    population: Population
    newest_node: int
    evaluations: int
    steps: int
    champions: list[Champion | None]
    tested: set[bytes]

    def encode(self) -> dict[str, NDArray[np.generic]]:
        """Arrays from which ``decode`` makes an equal snapshot."""
        numbers = np.array([self.newest_node, self.evaluations, self.steps], np.int64)
        arrays: dict[str, NDArray[np.generic]] = {"numbers": numbers}
        arrays["tested"] = np.frombuffer(b"".join(sorted(self.tested)), np.uint8)
        arrays |= encode("population", self.population)
        for beginning, champion in enumerate(self.champions):
            if champion is not None:
                arrays |= champion.encode(_prefix(beginning))
        return arrays

    @classmethod
    def decode(
        cls,
        arrays: Mapping[str, NDArray[np.generic]],
        shape: tuple[int, int],
        generation: int,
        beginnings: int,
    ) -> Self:
        """The snapshot that ``encode`` wrote.

        Args:
            arrays: of a checkpoint.
            shape: (inputs, outputs) of the task.
            generation: of the checkpoint.
            beginnings: how many remain in that generation.

        Raises:
            BadInput: the arrays do not describe a search.
        """
        try:
            population = decode("population", arrays, shape)
            newest, evaluations, steps = _numbers(arrays, population)
            champions = [
                Champion.decode(_prefix(beginning), arrays, shape, generation)
                for beginning in range(beginnings)
            ]
            tested = array_of(arrays, "tested", np.uint8, (None,)) if "tested" in arrays else np.empty(0)
            digests = tested.astype(np.uint8).reshape(-1, DIGEST)
        except ValueError as error:
            raise BadInput(
                f"the checkpoint does not describe a search ({error}); remove it, and an earlier one is used"
            ) from None
        return cls(population, newest, evaluations, steps, champions, {row.tobytes() for row in digests})


def _numbers(arrays: Mapping[str, NDArray[np.generic]], population: Population) -> tuple[int, int, int]:
    """The newest node, evaluations and steps."""
    newest, evaluations, steps = array_of(arrays, "numbers", np.int64, (3,)).tolist()
    counted = 0 <= evaluations <= _LARGEST and 0 <= steps <= _LARGEST
    if not (counted and population.newest_node <= newest <= _LARGEST):
        raise ValueError(f"numbers {newest}, {evaluations}, {steps} do not count what was made")
    return newest, evaluations, steps


def _prefix(beginning: int) -> str:
    return f"champion.{beginning}" if beginning else "champion"
