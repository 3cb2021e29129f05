"""Single episodes of an environment, played and rendered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import BadInput, described
from ...network import Actions, Observations
from ..task import RenderedEpisode
from .environments import Environment, close_environment, preserved_process_state
from .recipe import Recipe
from .stepper import Stepper

__all__ = ["EnvironmentRenderer"]

_FRAMES_PER_SECOND: Final = 30.0  # where an environment does not declare its own


@dataclass(frozen=True)
class EnvironmentRenderer:
    """Plays episodes in Gymnasium's own environment, whatever else computes the task.

    Attributes:
        recipe: how the environment is made.
        observations: how observations become vectors.
        actions: how outputs become actions.
        episode_limit: steps after which an episode is truncated.
        frame_skip: steps that each action is repeated for.
    """

    recipe: Recipe
    observations: Observations
    actions: Actions
    episode_limit: int
    frame_skip: int

    def episode(self, outputs: Callable[[Any], Any], seed: int) -> RenderedEpisode:
        """Play and render one episode; see ``Renderer.episode``."""
        # A new environment for each episode: not every reset restores everything.
        environment = self.recipe.bare("rgb_array")
        try:
            with preserved_process_state():
                frames, total = self._play(environment, outputs, seed)
        finally:
            close_environment(environment, self.recipe.name)
        rate = float(environment.metadata.get("render_fps") or _FRAMES_PER_SECOND)
        return RenderedEpisode(frames, rate, total)

    def _play(
        self, environment: Environment, outputs: Callable[[Any], Any], seed: int
    ) -> tuple[list[NDArray[np.uint8]], float]:
        stepper = Stepper(self.recipe.name, self.observations)
        observation = stepper.reset(environment, seed)
        frames, total, over = [_frame(self.recipe.name, environment)], 0.0, False
        action: Any = None
        while not over:
            if (len(frames) - 1) % self.frame_skip == 0:
                action = self.actions.of_outputs(outputs(observation)[None, :])[0]
            observation, reward, terminated, truncated = stepper.step(environment, action, seed)
            frames.append(_frame(self.recipe.name, environment))
            total += reward
            over = terminated or truncated or len(frames) > self.episode_limit
        return frames, total


def _frame(name: str, environment: Environment) -> NDArray[np.uint8]:
    try:
        frame = environment.render()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - foreign code, perhaps without a display
        reason = described(error)
        hint = "; pip install 'wann[video]'" if "pygame" in reason else ""
        raise BadInput(f"task.id: {name} cannot be rendered ({reason}){hint}") from None
    if not isinstance(frame, np.ndarray) or frame.shape[2:] != (3,) or 0 in frame.shape:
        found = f"an array of shape {frame.shape}" if isinstance(frame, np.ndarray) else type(frame).__name__
        raise BadInput(f"task.id: {name} renders {found}; accepted are frames [height, width, 3]")
    return np.asarray(frame, np.uint8)
