"""Frames of episodes that are played at random, and by a network: what an encoder learns from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ...encoding import PixelEncoder, image_shape
from ...network import Network, Policy
from ...streams import Stream, episode_seeds, generator
from ...trust import BY_HAND
from ..control import ControlSettings, ControlTask, Factory, make_control
from .settings import SIDE, EncoderSettings

__all__ = ["collected_frames", "frames_task", "image_of"]

_ANY: Final = "pixels:1x1"  # some encoder, since no network reads it
_EPISODES: Final = 32  # played together; the frames of the better half of them are kept
_PATIENCE: Final = 100  # steps in which the return has not risen, after which an episode is cut
_PERSISTENCE: Final = 0.8  # correlation of a random action with the one before
_SPREAD: Final = 1.5  # of the means of random actions over episodes, in stds of an action within one
_STRAYING: Final = 0.1  # share of a network's actions that are random instead
_LIMIT: Final = 2.0  # of the shared weights with which a network plays


def frames_task(name: str, settings: EncoderSettings, factory: Factory | None = None) -> ControlTask:
    """The environment whose frames are to be encoded.

    Args:
        name: its id.
        settings: what it is made with.
        factory: what makes it instead of Gymnasium.

    Raises:
        BadInput: there is no such environment, or none of its observations is an image.
    """
    made_with = settings.model_dump(include={"kwargs", "wrappers", "episode_limit"})
    return make_control(ControlSettings(id=name, encoder=_ANY, **made_with), trust=BY_HAND, factory=factory)


def image_of(task: ControlTask) -> tuple[slice, spaces.Box]:
    """Where the first image stands among the numbers of an observation, and its space."""
    return task.world.observations.images[0]


def collected_frames(
    task: ControlTask,
    settings: EncoderSettings,
    seed: int,
    network: Network | None = None,
    show: Callable[[int], None] = lambda _: None,
) -> NDArray[np.uint8]:
    """Frames of the better half of many episodes, resized to squares: uint8[frames, side, side, channels].

    Args:
        task: the environment, as ``frames_task`` makes it.
        settings: how many frames, and how far apart.
        seed: from which episodes and actions derive.
        network: who plays every other round, under a random shared weight; nobody if None.
        show: called with the number of frames so far.

    Raises:
        BadInput: the environment fails, or the network does not fit it.
    """
    kept: list[NDArray[np.uint8]] = []
    count, turn = 0, 0
    while count < settings.frames:
        rng = generator(seed, Stream.ENCODER_ACTIONS, turn)
        policy = None
        if network is not None and turn % 2:
            policy = network.policy(float(rng.uniform(-_LIMIT, _LIMIT)))
        seeds = episode_seeds(seed, Stream.ENCODER_EPISODES, _EPISODES, turn)
        kept.append(_better_half(*_played(task, settings.stride, seeds, rng, policy)))
        turn, count = turn + 1, count + len(kept[-1])
        show(min(count, settings.frames))
    return np.concatenate(kept)[: settings.frames]


def _played(
    task: ControlTask,
    stride: int,
    seeds: NDArray[np.int64],
    rng: np.random.Generator,
    policy: Policy | None,
) -> tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.float64]]:
    """All frames of these episodes, the episode of each frame, and the return of each episode."""
    where, space = image_of(task)
    channels = image_shape(space)[2]
    squares, driver = PixelEncoder(SIDE, SIDE, channels), _Driver(task, rng, len(seeds))
    frames, episodes = [], []
    returns, best, since = np.zeros(len(seeds)), np.zeros(len(seeds)), np.zeros(len(seeds), np.int64)
    lanes = task.world.open(seeds)
    try:
        while len(playing := lanes.playing):
            seen = lanes.observations.reshape(len(playing), -1)
            frames.append(np.rint(squares.encode(seen[:, where], space) * 255).astype(np.uint8))
            episodes.append(playing.copy())
            actions = driver.actions(playing, seen, policy)
            done = lanes.step(actions, np.full(len(playing), stride))
            returns[playing] += np.nan_to_num(done.before + done.last)
            since[playing] += stride
            risen = playing[returns[playing] > best[playing]]
            best[risen], since[risen] = returns[risen], 0
            over = done.terminated | done.truncated | (since[playing] >= _PATIENCE)
            if over.any():
                lanes.drop(over)
    finally:
        lanes.close()
    shape = (-1, SIDE, SIDE, channels)
    return np.concatenate(frames).reshape(shape), np.concatenate(episodes), returns


def _better_half(
    frames: NDArray[np.uint8], episodes: NDArray[np.int64], returns: NDArray[np.float64]
) -> NDArray[np.uint8]:
    return frames[np.isin(episodes, np.argsort(-returns, kind="stable")[: (len(returns) + 1) // 2])]


class _Driver:
    """Random actions, each correlated with the one before; of a network nine in ten actions.

    Args:
        task: whose actions.
        rng: the source of randomness.
        episodes: how many there are; each has means of its own.
    """

    def __init__(self, task: ControlTask, rng: np.random.Generator, episodes: int) -> None:
        self._actions, self._rng = task.world.actions, rng
        self._means = _SPREAD * rng.normal(size=(episodes, task.outputs))
        self._noise = rng.normal(size=(episodes, task.outputs))

    def actions(self, playing: NDArray[np.int64], seen: NDArray[Any], policy: Policy | None) -> NDArray[Any]:
        """The next action of each episode in progress."""
        fresh = self._rng.normal(size=self._noise.shape)
        self._noise = _PERSISTENCE * self._noise + np.sqrt(1 - _PERSISTENCE**2) * fresh
        raw = np.tanh(self._means + self._noise)[playing].astype(np.float32)
        if policy is not None:
            straying = self._rng.random(len(self._means))[playing] < _STRAYING
            raw = np.where(straying[:, None], raw, policy.outputs(seen))
        return self._actions.of_outputs(raw)
