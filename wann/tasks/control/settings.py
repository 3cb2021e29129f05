"""Settings of Gymnasium environments."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue, field_validator, model_validator

from ...network import Squash
from ..settings import TaskSettings
from ..task import Rules

__all__ = ["ControlSettings", "Stepping"]

Stepping = Literal["auto", "fused", "envpool", "gymnasium"]
_ELSEWHERE: Final = {
    "max_episode_steps": "it is task.episode_limit",
    "render_mode": "pictures and videos set it",
    "disable_env_checker": "it is always true",
    "vectorization_mode": "environments step side by side as task.lanes says",
}
"""Arguments of ``gymnasium.make`` that are no keyword arguments of an environment."""
Name = Annotated[str, Field(min_length=1, max_length=100)]


class ControlSettings(TaskSettings):
    """Which environment networks are evaluated in, and what they observe and do there.

    Attributes:
        kwargs: keyword arguments of ``gymnasium.make`` for this environment, such as ``gravity = 5``; they
            become part of the champion.
        wrappers: around the environment, each as ``module:Class``, the innermost first; they become part of
            the champion.
        episode_limit: steps after which an episode is truncated; the environment's own limit if not given.
        threshold: the return from which on an episode counts as a success; the environment's own
            threshold if not given.
        encoder: what makes the numbers that networks read of images. ``pixels:8x8``: the mean of each of
            8 x 8 equal parts, in grey; ``pixels:8x8x3``: of each of 3 channels; an ``.npz`` file that ``wann
            encoder train`` writes; ``module:function``: called with one image as the environment returns
            it, it returns a vector. It becomes part of the champion, and the run keeps the file. Parts of a
            Dict that are no images are read beside it, and ignored where they are no numbers, such as Text.
        frame_skip: steps that each action is repeated for, with their rewards summed; it becomes part of the
            champion. Limits and patience still count the environment's own steps.
        observe: indices, from 0, of the numbers of an observation that networks receive; all if not given.
        normalise: standardise each observed number by its mean and std, both estimated from
            episodes of random actions before the search; they become part of the champion.
        squash: how an output becomes a number of the action: ``scale`` clips it to [-1, 1] and maps that
            interval to the bounds, ``clip`` clips it to the bounds, ``tanh`` maps its tanh to the bounds. If
            not given, ``scale`` where there are bounds, and the unchanged output where there are none.
        input_names: short names of the inputs for pictures.
        output_names: short names of the outputs for pictures.
        patience: steps without progress after which an episode of the search is cut, where progress is a
            return of more than ``patience_gain`` above the return at the last progress (0 at first). The rest
            of the episode counts as 0, so it is for tasks that reward going on: where rewards are negative,
            being cut is worth something. Champions are compared, and scores measured, over whole episodes.
        patience_gain: see ``patience``; in units of the return.
        first_limit: steps after which an episode of the first generation is cut; from there the limit grows
            evenly, with every redraw of the episodes, to the whole limit. Champions are compared, and scores
            measured, over whole episodes.
        limit_grows_for: generations after which the limit that began with ``first_limit`` is the whole one.
        reward: what a step of an episode of the search is worth instead of the environment's reward, as
            ``module:function``: it is called with the observation after the step (float64[size]), the action
            and the environment's reward, and returns a number. Of ``module:Class`` each episode gets an
            instance, which can remember. Generations are ranked by it, and their metrics are in it; champions
            are compared, and scores measured, by the environment's reward.
        terminal_reward: whether the reward of the step that terminates an episode counts in the search;
            the published search for a walker left out its -100 for a fall. Scores always include it.
        stepping: what computes the environment. ``fused``: the whole rollout inside a kernel, for
            environments that offer their dynamics; ``envpool``: C++ threads, for environments that EnvPool
            has, whose episodes differ from Gymnasium's; ``gymnasium``: the environment itself. ``auto``: the
            first of these that is available; a run's configuration records which one that was.
        reuse: whether an environment that was reset behaves like a new one. If not given, true for those
            of Gymnasium's environments that are known to; elsewhere each episode gets a new environment.
        lanes: environments that are stepped together on each thread or worker; never affects results.
    """

    kwargs: dict[str, JsonValue] = Field(default_factory=dict)
    wrappers: tuple[str, ...] = ()
    episode_limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    threshold: float | None = None
    encoder: Annotated[str, Field(min_length=1, max_length=4096)] | None = None
    frame_skip: Annotated[int, Field(ge=1, le=1000)] = 1
    observe: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)] | None = None
    normalise: bool = False
    squash: Squash | None = None
    input_names: tuple[Name, ...] | None = None
    output_names: tuple[Name, ...] | None = None
    patience: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    patience_gain: Annotated[float, Field(ge=0.0, le=1e6)] = 0.0
    first_limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    limit_grows_for: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    reward: str | None = None
    terminal_reward: bool = True
    stepping: Stepping = "auto"
    reuse: bool | None = None
    lanes: Annotated[int, Field(ge=1, le=100_000)] | None = None

    @field_validator("wrappers")
    @classmethod
    def _in_modules(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for name in given:
            if not all(name.partition(":")[::2]):
                raise ValueError(f"{name!r}: write module:Class, such as my_module:MyWrapper")
        return given

    @field_validator("reward")
    @classmethod
    def _in_a_module(cls, given: str | None) -> str | None:
        if given is not None and not (all(given.partition(":")[::2]) or given.endswith("()")):
            raise ValueError(f"{given!r}: write module:function, such as my_module:forward")
        return given

    @field_validator("kwargs")
    @classmethod
    def _of_environments(cls, given: dict[str, JsonValue]) -> dict[str, JsonValue]:
        for name in given:
            if name in _ELSEWHERE:
                raise ValueError(f"{name} is not for the environment: {_ELSEWHERE[name]}")
        return given

    @model_validator(mode="after")
    def _distinct(self) -> ControlSettings:
        if self.observe is not None and len(set(self.observe)) != len(self.observe):
            raise ValueError("observe names an index twice")
        return self

    @model_validator(mode="after")
    def _together(self) -> ControlSettings:
        if self.patience_gain and self.patience is None:
            raise ValueError("patience_gain needs patience, the steps in which it is to be gained")
        if (self.first_limit is None) != (self.limit_grows_for is None):
            raise ValueError("first_limit and limit_grows_for need each other")
        if self.limit_grows_for is not None and self.limit_grows_for < self.redraw_every:
            raise ValueError(
                f"limit_grows_for {self.limit_grows_for} is less than redraw_every {self.redraw_every}: "
                "the limit grows when episodes are redrawn"
            )
        return self

    def rules(self, generation: int, whole: int) -> Rules:
        """How the episodes of a generation differ from whole ones, whose limit is so many steps."""
        limit = None
        if self.first_limit is not None and self.limit_grows_for is not None:
            drawn = generation - generation % self.redraw_every
            limit = self.first_limit + (whole - self.first_limit) * drawn // self.limit_grows_for
            limit = limit if limit < whole else None
        return Rules(limit, self.patience, self.patience_gain, self.reward is not None)
