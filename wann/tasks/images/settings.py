"""Settings of the classification of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from ..settings import ClassificationSettings
from .datasets import DATA_SETS

__all__ = ["ImageSettings"]


class ImageSettings(ClassificationSettings):
    """Which set of images networks classify.

    Attributes:
        images: images in a batch; 1,000 if not given.
        data: folder with ``mnist/`` and ``fashion-mnist/``; if not given, the one that the environment
            variable WANN_DATA names, else the user's cache, to which they are downloaded.
    """

    images: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    data: Path | None = None

    @field_validator("id")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in DATA_SETS:
            raise ValueError(f"{name!r} is no set of images; accepted are {', '.join(DATA_SETS)}")
        return name

    @model_validator(mode="after")
    def _folder(self) -> ImageSettings:
        if self.data is not None and self.data.suffix.lower() in (".csv", ".npz"):
            raise ValueError(
                f"task.data is {self.data}, a file, but task.id is {self.id}, a set of images: for data of "
                "your own set task.id=data"
            )
        return self
