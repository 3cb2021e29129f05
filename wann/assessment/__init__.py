"""How good a network is: conditions, scores and their statistics."""

from .assessor import Assessor, assessor_type, make_assessor
from .budget import LIMIT, TUNED_OVER, Budget, budget_of, midpoints, tuning_of
from .control import ControlAssessor
from .images import ENSEMBLE, ImageAssessor
from .score import CONTROL_CONDITIONS, IMAGE_CONDITIONS, AnyScore, ImageScore, Score, Scores

__all__ = [
    "CONTROL_CONDITIONS",
    "ENSEMBLE",
    "IMAGE_CONDITIONS",
    "LIMIT",
    "TUNED_OVER",
    "AnyScore",
    "Assessor",
    "Budget",
    "ControlAssessor",
    "ImageAssessor",
    "ImageScore",
    "Score",
    "Scores",
    "assessor_type",
    "budget_of",
    "make_assessor",
    "midpoints",
    "tuning_of",
]
