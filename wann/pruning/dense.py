"""The dense network of a configuration: its model, its examples, and its weights after training."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import torch
from platformdirs import user_cache_path
from torch import nn

from ..errors import BadInput, Failure
from ..files import make_folder, npz_bytes, read_npz, write_atomically
from ..streams import Stream, generator
from ..tasks import DATA_SETS, ImageSet
from ..trust import module_named
from .mask import Mask
from .models import make_model
from .settings import DataSettings, PruneConfig
from .state import State, check_state, state_of
from .training import Examples, one_thread, train

__all__ = ["dense_model", "load_examples", "load_weights", "trained_weights"]

_LARGEST: Final = 2**30  # bytes

Part = Literal["train", "validation", "test"]


def dense_model(config: PruneConfig) -> nn.Module:
    """The network of a configuration with its initial weights, which the seed determines.

    Raises:
        BadInput: see ``make_model``.
    """
    data = DATA_SETS[config.data.name]
    return make_model(
        config.model, data.side, len(data.classes), generator(config.seed, Stream.PRUNING_WEIGHTS)
    )


def load_examples(settings: DataSettings, part: Part) -> Examples:
    """The images of one part.

    Raises:
        BadInput, Failure: they can neither be read nor downloaded.
    """
    data = DATA_SETS[settings.name]
    given = None if settings.folder is None else Path(settings.folder)
    images = data.load("test" if part == "test" else "train", given)
    if part != "test":
        first = len(images) - data.validation
        images = images[:first] if part == "train" else images[first:]
    return _examples(images)


def load_weights(path: Path, model: nn.Module) -> State:
    """The parameters and buffers in an npz file, such as ``rounds/00-dense/final.npz`` of a pruning run.

    Raises:
        BadInput: the file is not an archive of arrays, or they are those of another network.
    """
    arrays = read_npz(path, _LARGEST, "the weights of a network in npz")
    state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    check_state(str(path), state, model.state_dict())
    return state


def trained_weights(config: PruneConfig, tell: Callable[[str], None] | None = None) -> State:
    """The dense network of a configuration after its training: what ``wann prune`` has after round 0.

    They are trained once and kept in the user's cache, under a name that says all they depend on.

    Args:
        config: seed, data, model and training of the network.
        tell: called with a sentence before a training; it goes to standard error if not given.

    Raises:
        BadInput: see ``dense_model``, ``load_examples`` and ``train``.
    """
    model = dense_model(config)
    kept = user_cache_path("wann") / "dense" / f"{_digest(config, model)}.npz"
    with suppress(BadInput):
        return load_weights(kept, model)
    (tell or _say)(
        f"training {config.model.kind} on {config.data.name} for {config.training.iterations:,} iterations; "
        f"its weights are kept in {kept}"
    )
    with one_thread():
        trained = train(
            model,
            Mask.dense(model),
            load_examples(config.data, "train"),
            load_examples(config.data, "validation"),
            config.training,
            config.seed,
        )
    with suppress(BadInput, Failure):
        make_folder(kept.parent)
        write_atomically(kept, npz_bytes({name: tensor.numpy() for name, tensor in trained.final.items()}))
    return trained.final


def _say(sentence: str) -> None:
    sys.stderr.write(f"wann: {sentence}\n")


def _digest(config: PruneConfig, model: nn.Module) -> str:
    """A name for all that the trained weights depend on: settings, initial weights, code of one's own."""
    known = hashlib.sha256(torch.__version__.encode())
    for part in (config.data.name, config.model.model_dump_json(), config.training.model_dump_json()):
        known.update(f"{part}\n".encode())
    known.update(f"{config.seed}\n".encode())
    for name, tensor in state_of(model).items():
        known.update(name.encode() + tensor.numpy().tobytes())
    module = sys.modules.get(module_named(config.model.kind) or "")
    if module is not None and module.__file__ is not None:
        known.update(Path(module.__file__).read_bytes())
    return known.hexdigest()[:32]


def _examples(images: ImageSet) -> Examples:
    return Examples(torch.from_numpy(images.pixels()), torch.from_numpy(images.labels))
