"""Ranking, selection, and the ask-and-tell search."""

from .champion import Champion
from .generation import Generation
from .racing import shares
from .ranking import crowding_distance, non_dominated_fronts, rank
from .returns import Returns
from .search import Search
from .selection import select
from .settings import SearchSettings, WeightSettings
from .snapshot import Snapshot
from .utility import utility
from .weights import generation_weights, selection_weights

__all__ = [
    "Champion",
    "Generation",
    "Returns",
    "Search",
    "SearchSettings",
    "Snapshot",
    "WeightSettings",
    "crowding_distance",
    "generation_weights",
    "non_dominated_fronts",
    "rank",
    "select",
    "selection_weights",
    "shares",
    "utility",
]
