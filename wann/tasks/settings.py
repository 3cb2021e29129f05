"""Settings that every kind of task has; each kind adds its own."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from ..settings import Settings

__all__ = ["ClassificationSettings", "TaskSettings"]


class TaskSettings(Settings):
    """Which problem networks are evaluated on, and how often.

    Attributes:
        id: a Gymnasium environment id, the name of a set of images, or ``data`` for one's own; ``wann
            tasks`` lists them.
        episodes: episodes, or batches of images, for each weight in each generation.
        redraw_every: generations after which new episodes, or a new batch, are drawn. Until then, under fixed
            weights, elites keep their returns and are not evaluated again.
    """

    renamed: ClassVar = {"keep": "redraw_every"}

    id: str
    episodes: Annotated[int, Field(ge=1, le=100_000)] = 3
    redraw_every: Annotated[int, Field(ge=1, le=1_000_000)] = 1


class ClassificationSettings(TaskSettings):
    """Which loss classifiers are judged by, and how much memory they are computed in.

    Attributes:
        temperatures: of the softmax over the classes; the loss of a network on a batch under a weight is
            its cross-entropy at the best of them. The published search uses 1 alone, so that a network must
            not only order the classes but also be equally confident under every weight.
        memory: megabytes that the values of nodes may take on each thread or worker while a batch is
            classified; more networks than fit are computed in parts. Never affects results.
    """

    temperatures: Annotated[
        tuple[Annotated[float, Field(ge=1e-3, le=1e3)], ...], Field(min_length=1, max_length=100)
    ] = (1.0,)
    memory: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
