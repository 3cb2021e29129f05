"""How good a network is: the four conditions, tuning, statistics."""

from .conditions import LIMIT, Assessor, Budget
from .score import CONDITIONS, Score
from .tuning import TuningSettings, train_weights

__all__ = [
    "CONDITIONS",
    "LIMIT",
    "Assessor",
    "Budget",
    "Score",
    "TuningSettings",
    "train_weights",
]
