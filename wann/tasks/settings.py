"""Settings that every kind of task has; each kind adds its own."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from ..settings import Settings

__all__ = ["TaskSettings"]


class TaskSettings(Settings):
    """Which problem networks are evaluated on, and how often.

    Attributes:
        id: a Gymnasium environment id or the name of a set of images; ``wann tasks`` lists them.
        episodes: episodes, or batches of images, for each weight in each generation.
        redraw_every: generations after which new episodes, or a new batch, are drawn.
    """

    renamed: ClassVar = {"keep": "redraw_every"}

    id: str
    episodes: Annotated[int, Field(ge=1, le=100_000)] = 3
    redraw_every: Annotated[int, Field(ge=1, le=1_000_000)] = 1
