"""Who survives: ranking, selection and the ask/tell search."""

from .ranking import crowding_distance, non_dominated_fronts, rank
from .search import Champion, Generation, Search, generation_weights, selection_weights
from .selection import select
from .settings import SearchSettings, WeightSettings

__all__ = [
    "Champion",
    "Generation",
    "Search",
    "SearchSettings",
    "WeightSettings",
    "crowding_distance",
    "generation_weights",
    "non_dominated_fronts",
    "rank",
    "select",
    "selection_weights",
]
