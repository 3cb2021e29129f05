"""Sets of images as tasks: classification."""

from .datasets import DATA_SETS, ImageSet
from .settings import ImageSettings
from .task import ClassificationTask, batch_size, make_classification, memory_bytes

__all__ = [
    "DATA_SETS",
    "ClassificationTask",
    "ImageSet",
    "ImageSettings",
    "batch_size",
    "make_classification",
    "memory_bytes",
]
