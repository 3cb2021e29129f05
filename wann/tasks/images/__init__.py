"""Sets of images as tasks: classification."""

from .datasets import DATA_SETS, ImageSet
from .settings import ImageSettings
from .task import ClassificationTask, make_classification

__all__ = ["DATA_SETS", "ClassificationTask", "ImageSet", "ImageSettings", "make_classification"]
