"""How good a network is: the conditions, ensembles, statistics."""

from .budget import LIMIT, Budget, budget_of, midpoints, tuning_of
from .control import Assessor, mean_of
from .images import ENSEMBLE, IMAGE_CONDITIONS, ImageAssessor
from .score import CONDITIONS, ImageScore, Score

__all__ = [
    "CONDITIONS",
    "ENSEMBLE",
    "IMAGE_CONDITIONS",
    "LIMIT",
    "Assessor",
    "Budget",
    "ImageAssessor",
    "ImageScore",
    "Score",
    "budget_of",
    "mean_of",
    "midpoints",
    "tuning_of",
]
