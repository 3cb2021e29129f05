"""How good a network is: the conditions, ensembles, tuning, statistics."""

from .conditions import LIMIT, Assessor, Budget, mean_of, midpoints
from .gradients import GradientSettings, train_by_gradient
from .images import ENSEMBLE, IMAGE_CONDITIONS, ImageAssessor
from .score import CONDITIONS, ImageScore, Score
from .tuning import TuningSettings, train_weights

__all__ = [
    "CONDITIONS",
    "ENSEMBLE",
    "IMAGE_CONDITIONS",
    "LIMIT",
    "Assessor",
    "Budget",
    "GradientSettings",
    "ImageAssessor",
    "ImageScore",
    "Score",
    "TuningSettings",
    "mean_of",
    "midpoints",
    "train_by_gradient",
    "train_weights",
]
