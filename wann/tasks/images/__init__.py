"""Sets of images as tasks: classification."""

from .datasets import DATA_SETS, ImageSet
from .task import ClassificationTask, make_classification

__all__ = ["DATA_SETS", "ClassificationTask", "ImageSet", "make_classification"]
