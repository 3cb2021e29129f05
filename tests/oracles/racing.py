"""A race by its definition: meet a share, halve, meet the next one; in whole numbers and plain lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from tests.oracles.ranking import ranked

__all__ = ["Network", "Result", "race"]

Share = Sequence[tuple[int, int]]
"""Trials: pairs of weight and episode."""


@dataclass(frozen=True)
class Network:
    """A network: its enabled connections, and its return at each weight and episode, None if not finite."""

    connections: int
    table: Sequence[Sequence[int | None]]

    def utilities(self, met: Share, exponent: int) -> list[Fraction] | None:
        """At each weight met the utility of the mean over the episodes met; None if one is not finite."""
        found = []
        for weight in {weight for weight, _ in met}:
            values = [self.table[weight][episode] for where, episode in met if where == weight]
            if None in values:
                return None
            average = Fraction(sum(value for value in values if value is not None), len(values))
            found.append(average * abs(average) ** (exponent - 1))
        return found


@dataclass(frozen=True)
class Result:
    """Networks from best to worst, those of them that met all, and the trials that each one met."""

    order: list[int]
    complete: list[int]
    met: dict[int, list[tuple[int, int]]]


def race(
    networks: Sequence[Network],
    rounds: Sequence[Share],
    *,
    exponent: int,
    by_connections: bool,
    most_connections: int | None,
) -> Result:
    """The result for one beginning; ``by_connections``: the second objective, else the best weight."""
    running = list(range(len(networks)))
    met: dict[int, list[tuple[int, int]]] = {one: [] for one in running}
    order: list[int] = []
    unfit: list[int] = []
    for number, share in enumerate(rounds):
        points: dict[int, tuple[float, float]] = {}
        for one in running:
            met[one] += share
            network = networks[one]
            found = network.utilities(met[one], exponent)
            if found is None or (most_connections is not None and network.connections > most_connections):
                unfit.append(one)
                continue
            second = Fraction(1, max(1, network.connections)) if by_connections else max(found)
            points[one] = (float(sum(found) / len(found)), float(second))
        best = sorted(points, key=lambda one: (-points[one][0], networks[one].connections, one))
        last = number == len(rounds) - 1
        going_on = [] if last else sorted(best[: (len(running) + 1) // 2])
        staying = sorted(set(best) - set(going_on))
        order = [staying[place] for place in ranked([points[one] for one in staying])] + order
        complete, running = staying if last else [], going_on
    unfit.sort(key=lambda one: (networks[one].connections if most_connections is not None else 0, one))
    return Result(order + unfit, complete, met)
