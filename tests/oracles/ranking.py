"""Non-dominated sorting and crowding distance by their definitions (Deb et al. 2002), all pairs."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

__all__ = ["crowding", "dominates", "fronts", "ranked"]

Point = tuple[float, float]


def dominates(one: Point, other: Point) -> bool:
    """At least as good in both objectives, and better in one; both are maximised."""
    return one[0] >= other[0] and one[1] >= other[1] and one != other


def fronts(points: Sequence[Point]) -> list[int]:
    """Peel: the first front is what nobody dominates, the next what only that front dominates."""
    front = [-1] * len(points)
    level = 0
    while -1 in front:
        left = [place for place, member in enumerate(front) if member == -1]
        for place in left:
            if not any(dominates(points[other], points[place]) for other in left):
                front[place] = level
        level += 1
    return front


def crowding(points: Sequence[Point], front: Sequence[int]) -> list[float]:
    """For each objective the distance between the two neighbours, as a part of the front's extent.

    Equal values keep the order of their places; both ends are infinitely far.
    """
    total = [0.0] * len(points)
    for level in set(front):
        members = [place for place, member in enumerate(front) if member == level]
        for objective in (0, 1):
            order = sorted(members, key=lambda place: points[place][objective])
            values = [points[place][objective] for place in order]
            extent = values[-1] - values[0]
            for index, place in enumerate(order):
                if index in (0, len(order) - 1):
                    total[place] = inf
                elif extent > 0:
                    total[place] += (values[index + 1] - values[index - 1]) / extent
    return total


def ranked(points: Sequence[Point]) -> list[int]:
    """Places from best to worst: by front, then the less crowded, then the lower place."""
    front = fronts(points)
    distance = crowding(points, front)
    return sorted(range(len(points)), key=lambda place: (front[place], -distance[place], place))
