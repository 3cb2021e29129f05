"""Settings of the training of an encoder."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue

from ...settings import Settings

__all__ = ["SIDE", "EncoderSettings"]

SIDE = 64
"""Pixels of an edge of the squares that images are resized to."""


class EncoderSettings(Settings):
    """Which frames are collected, and how an autoencoder learns them (Ha & Schmidhuber 2018).

    Attributes:
        kwargs: keyword arguments of ``gymnasium.make`` for the environment.
        wrappers: around it, each as ``module:Class``, the innermost first.
        episode_limit: steps after which an episode is truncated; the environment's own limit if not given.
        frames: how many are collected.
        stride: steps of the environment from one frame to the next, in which an action is repeated.
        latents: numbers that a frame becomes.
        channels: of the four convolutions; those of the paper are 32, 64, 128, 256, four times as slow.
        epochs: passes over the frames.
        batch: frames in a step of Adam.
        rate: initial learning rate, annealed to zero along half a cosine.
        tolerance: nats for each latent, below which the divergence from the prior costs nothing.
    """

    kwargs: dict[str, JsonValue] = Field(default_factory=dict)
    wrappers: tuple[str, ...] = ()
    episode_limit: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    frames: Annotated[int, Field(ge=10, le=1_000_000)] = 10_000
    stride: Annotated[int, Field(ge=1, le=1000)] = 5
    latents: Annotated[int, Field(ge=1, le=1024)] = 16
    channels: Annotated[
        tuple[Annotated[int, Field(ge=1, le=1024)], ...], Field(min_length=4, max_length=4)
    ] = (16, 32, 64, 128)
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 10
    batch: Annotated[int, Field(ge=1, le=100_000)] = 50
    rate: Annotated[float, Field(gt=0.0, le=1.0)] = 1e-3
    tolerance: Annotated[float, Field(ge=0.0, le=100.0)] = 0.5
