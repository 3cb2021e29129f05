"""Settings of a task: which problem, and what each network meets of it in a generation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from ..settings import Settings

__all__ = ["TaskSettings"]


class TaskSettings(Settings):
    """Which environment or set of images, and how often each network meets it.

    Attributes:
        id: a Gymnasium environment id, or a set of images; ``wann tasks`` lists them.
        episodes: episodes, or batches of images, for each weight in each generation.
        episode_limit: steps after which an episode is cut; the environment's own if not given.
        images: images in a batch; 1,000 if not given.
        keep: generations that meet the same episodes or the same batch.
        temperatures: of the softmax over the classes; what a network loses on a batch under a weight is
            its cross-entropy at the best of them. Published is 1 alone, by which a network must not
            only order the classes but also be sure of them to the same degree under every weight.
        data: folder with ``mnist/`` and ``fashion-mnist/``; else what WANN_DATA names; else they are
            downloaded to the user's cache.
        memory: megabytes that the values of nodes may take on each thread or worker while images are
            computed; more networks than fit are computed in parts. Never shows in the result.
    """

    id: str
    episodes: Annotated[int, Field(ge=1, le=100_000)] = 3
    episode_limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    images: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    keep: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    temperatures: Annotated[
        tuple[Annotated[float, Field(ge=1e-3, le=1e3)], ...], Field(min_length=1, max_length=100)
    ] = (1.0,)
    data: Path | None = None
    memory: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
