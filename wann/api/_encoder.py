"""The verb that trains an encoder for an environment of images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..encoding import encoder_bytes
from ..errors import BadInput
from ..files import write_atomically
from ..network import Network
from ..reporting import write_frames
from ..settings import load_settings
from ..streams import check_seed
from ..tasks import Factory, name_of_factory
from ..tasks.encoders import EncoderSettings, Trained, collected_frames, frames_task, train_autoencoder
from ._callbacks import quiet
from ._search import blaming_settings, changes_of

__all__ = ["read_encoder_settings", "train_encoder"]


def read_encoder_settings(changes: Sequence[str] = ()) -> EncoderSettings:
    """The settings of the training of an encoder, with ``key=value`` changes, such as ``frames=20000``.

    Raises:
        BadInput: an unknown key or a bad value.
    """
    return load_settings(EncoderSettings, {}, changes)


def train_encoder(
    task: str | Factory,
    path: Path | str,
    *,
    network: Network | None = None,
    seed: int = 0,
    settings: EncoderSettings | Mapping[str, Any] | None = None,
    collecting: Callable[[int, int], None] = quiet,
    training: Callable[[int, int, float], None] = quiet,
) -> Trained:
    """Collect frames of an environment of images, train an encoder on them, and write its file.

    A picture of frames above their reconstructions is written beside it, as ``NAME.png``.

    Args:
        task: id of the environment, or a callable that returns it.
        path: the file to write, an ``.npz``.
        network: who plays half of the episodes that frames are taken from; random actions play the others.
        seed: from which frames and training derive.
        settings: of frames and training; changes to the defaults, such as ``{"frames": 20_000}``.
        collecting: called with the number of frames so far, and in all.
        training: called after each step of training with its number, the number of steps and the loss.

    Returns:
        The encoder, some frames and reconstructions, and the error of all that it was not trained on.

    Raises:
        BadInput: no such environment, observations without an image, a bad setting, or no PyTorch.
        Failure: the file cannot be written.
    """
    check_seed(seed)
    path = Path(path)
    if path.suffix != ".npz":
        raise BadInput(f"{path}: an encoder is an .npz file", argument="path")
    chosen = settings
    if not isinstance(chosen, EncoderSettings):
        with blaming_settings():
            chosen = read_encoder_settings(changes_of(chosen or {}))
    factory = None if isinstance(task, str) else task
    name = task if isinstance(task, str) else name_of_factory(task)
    problem = frames_task(name, chosen, factory)
    frames = collected_frames(problem, chosen, seed, network, lambda count: collecting(count, chosen.frames))
    trained = train_autoencoder(frames, problem, chosen, seed, training)
    write_atomically(path, encoder_bytes(trained.encoder))
    write_frames([trained.originals, trained.reconstructions], path.with_suffix(".png"))
    return trained
