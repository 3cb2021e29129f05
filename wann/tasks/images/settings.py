"""Settings of the classification of images."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator

from ..settings import TaskSettings
from .datasets import DATA_SETS

__all__ = ["ImageSettings"]


class ImageSettings(TaskSettings):
    """Which set of images networks classify, and by which loss.

    Attributes:
        images: images in a batch; 1,000 if not given.
        temperatures: of the softmax over the classes; the loss of a network on a batch under a weight is
            its cross-entropy at the best of them. The published search uses 1 alone, so that a network must
            not only order the classes but also be equally confident under every weight.
        data: folder with ``mnist/`` and ``fashion-mnist/``; if not given, the one that the environment
            variable WANN_DATA names, else the user's cache, to which they are downloaded.
        memory: megabytes that the values of nodes may take on each thread or worker while images are
            classified; more networks than fit are computed in parts. Never affects results.
    """

    images: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    temperatures: Annotated[
        tuple[Annotated[float, Field(ge=1e-3, le=1e3)], ...], Field(min_length=1, max_length=100)
    ] = (1.0,)
    data: Path | None = None
    memory: Annotated[int, Field(ge=1, le=1_000_000)] | None = None

    @field_validator("id")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in DATA_SETS:
            raise ValueError(f"{name!r} is no set of images; accepted are {', '.join(DATA_SETS)}")
        return name
