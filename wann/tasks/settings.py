"""Settings of a task: which problem, and what each network meets of it in a generation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from ..network import Squash
from ..settings import Settings

__all__ = ["Stepping", "TaskSettings"]

Stepping = Literal["auto", "fused", "envpool", "gymnasium"]
Name = Annotated[str, Field(min_length=1, max_length=100)]


class TaskSettings(Settings):
    """Which environment or set of images, and how often each network meets it.

    Attributes:
        id: a Gymnasium environment id, or a set of images; ``wann tasks`` lists them.
        episodes: episodes, or batches of images, for each weight in each generation.
        redraw_every: generations after which other episodes, or another batch, are drawn.
        episode_limit: steps after which an episode is cut; the environment's own if not given.
        threshold: the return from which on an episode is a success; the environment's own if not given.
        observe: places, from 0, of the numbers of an observation that networks are given; all if not given.
        normalise: give networks each number less its mean and over its deviation, both taken from
            episodes of random actions before the search; they become part of the champion.
        squash: how an output becomes a number of the action: ``scale`` cuts it at -1 and 1 and maps that
            to the bounds, ``clip`` cuts it at the bounds, ``tanh`` maps its tanh to the bounds. If not
            given ``scale`` where there are bounds, and the output itself where there are none.
        input_names: short names for pictures, of what networks are given.
        output_names: short names for pictures.
        terminal_reward: whether the reward of the step that terminates an episode counts in the search;
            the published search for a walker left its -100 for a fall out. Scores always include it.
        stepping: what computes the environment. ``fused``: the whole rollout in a kernel, for those that
            offer it; ``envpool``: C++ threads, for those that EnvPool has, whose episodes are others than
            Gymnasium's; ``gymnasium``: the environment itself. ``auto``: the first of these that can be
            had. What it came to stands in the run's configuration.
        reuse: whether an environment that was reset is as good as new. If not given, for those of
            Gymnasium that are known to be; of others each episode is played in a new one.
        lanes: environments that step together on each thread or worker. Never shows in the result.
        images: images in a batch; 1,000 if not given.
        temperatures: of the softmax over the classes; what a network loses on a batch under a weight is
            its cross-entropy at the best of them. Published is 1 alone, by which a network must not
            only order the classes but also be sure of them to the same degree under every weight.
        data: folder with ``mnist/`` and ``fashion-mnist/``; else what WANN_DATA names; else they are
            downloaded to the user's cache.
        memory: megabytes that the values of nodes may take on each thread or worker while images are
            computed; more networks than fit are computed in parts. Never shows in the result.
    """

    renamed: ClassVar = {"keep": "redraw_every"}

    id: str
    episodes: Annotated[int, Field(ge=1, le=100_000)] = 3
    redraw_every: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    episode_limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    threshold: float | None = None
    observe: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] | None = None
    normalise: bool = False
    squash: Squash | None = None
    input_names: tuple[Name, ...] | None = None
    output_names: tuple[Name, ...] | None = None
    terminal_reward: bool = True
    stepping: Stepping = "auto"
    reuse: bool | None = None
    lanes: Annotated[int, Field(ge=1, le=100_000)] | None = None
    images: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    temperatures: Annotated[
        tuple[Annotated[float, Field(ge=1e-3, le=1e3)], ...], Field(min_length=1, max_length=100)
    ] = (1.0,)
    data: Path | None = None
    memory: Annotated[int, Field(ge=1, le=1_000_000)] | None = None

    @model_validator(mode="after")
    def _distinct(self) -> TaskSettings:
        if self.observe is not None and len(set(self.observe)) != len(self.observe):
            raise ValueError("observe names a place twice")
        return self

    def given(self, *names: str) -> list[str]:
        """Those of these settings that are not what they are by default."""
        return [name for name in names if getattr(self, name) != type(self).model_fields[name].default]
