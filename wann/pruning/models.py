"""The dense networks of configurations: those of the presets, and any ``torch.nn.Module`` by its name."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from typing import Annotated, Final, Literal

import numpy as np
import torch
from pydantic import Field, field_validator
from torch import nn

from ..errors import BadInput, described
from ..settings import Settings
from ..trust import BY_HAND, import_trusted, module_named
from .mask import LAYERS

__all__ = ["ModelSettings", "initialise", "make_model", "reset"]

_ACTIVATIONS: Final[dict[str, Callable[[], nn.Module]]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}
_FILTERS: Final = (20, 50)  # LeNet-5 with 430,500 weights, as in Han et al. 2015
_KERNEL: Final = 5
_UNITS: Final = 500
_KINDS: Final = ("dense", "lenet-5")


class ModelSettings(Settings):
    """A dense network.

    Attributes:
        kind: ``dense`` layers; ``lenet-5``: two convolutions with pooling, and 500 hidden units; or
            ``module:function``, which is called without arguments and returns a ``torch.nn.Module`` for
            images as float32[examples, pixels]; the other settings are not for such a network.
        hidden: units of each hidden layer of ``dense``; without any it is a logistic regression.
        activation: activation of hidden units.
        dropout: share of hidden units dropped in a training step.
        initialisation: ``glorot-normal`` or ``glorot-uniform`` with zero biases, or ``default``: U(-b, b)
            with b = 1 / sqrt(inputs of a unit) for weights and biases, as PyTorch does.
    """

    kind: Annotated[str, Field(json_schema_extra={"enum": [*_KINDS, "module:function"]})] = "dense"
    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=100_000)], ...], Field(max_length=32)] = (300, 100)
    activation: Literal["relu", "tanh", "sigmoid"] = "relu"
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    initialisation: Literal["glorot-normal", "glorot-uniform", "default"] = "glorot-normal"

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in _KINDS and not all(kind.partition(":")[::2]):
            raise ValueError(f"{kind!r}; accepted are {', '.join(_KINDS)} and module:function")
        return kind


def make_model(settings: ModelSettings, side: int, classes: int, rng: np.random.Generator) -> nn.Module:
    """A network for images of ``side`` x ``side`` pixels, as float32[examples, side * side].

    Raises:
        BadInput: the images are too small for ``lenet-5``, or a function of one's own makes no network.
    """
    model = _sequence(settings, side, classes) if settings.kind in _KINDS else _called(settings.kind)
    initialise(model, settings, rng)
    return model


def _called(name: str) -> nn.Module:
    """The network that ``module:function`` makes."""
    module, function = BY_HAND.split(name)  # whoever read the name from a file has asked whether to trust it
    try:
        with torch.random.fork_rng(devices=[]):
            model = getattr(import_trusted(module or ""), function)()
    except Exception as error:  # noqa: BLE001 - foreign code
        raise BadInput(f"model.kind: {name} cannot be made ({described(error)})") from None
    if not isinstance(model, nn.Module):
        raise BadInput(f"model.kind: {name} returns {type(model).__name__}; accepted is a torch.nn.Module")
    return model


def _sequence(settings: ModelSettings, side: int, classes: int) -> nn.Sequential:
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    width = side * side
    if settings.kind == "lenet-5":
        parts["image"] = nn.Unflatten(1, (1, side, side))
        channels, size = 1, side
        for number, filters in enumerate(_FILTERS, 1):
            parts[f"conv{number}"] = nn.Conv2d(channels, filters, _KERNEL)
            # Pooling before monotonic activations gives the same result at a quarter of the cost.
            parts[f"conv{number}_pool"] = nn.MaxPool2d(2)
            parts[f"conv{number}_activation"] = _ACTIVATIONS[settings.activation]()
            channels, size = filters, (size - _KERNEL + 1) // 2
        if size < 1:
            raise BadInput(f"model.kind lenet-5: images of {side} x {side} pixels are too small")
        parts["flat"] = nn.Flatten()
        width = channels * size * size
    for number, units in enumerate((_UNITS,) if settings.kind == "lenet-5" else settings.hidden, 1):
        parts[f"hidden{number}"] = nn.Linear(width, units)
        parts[f"hidden{number}_activation"] = _ACTIVATIONS[settings.activation]()
        if settings.dropout:
            parts[f"hidden{number}_dropout"] = nn.Dropout(settings.dropout)
        width = units
    parts["output"] = nn.Linear(width, classes)
    model = nn.Sequential(parts)
    for part in model.modules():
        if isinstance(part, nn.Conv2d):  # convolutions are fastest with channels last
            part.weight.data = part.weight.data.contiguous(memory_format=torch.channels_last)
    return model


@torch.no_grad()
def initialise(model: nn.Module, settings: ModelSettings, rng: np.random.Generator) -> None:
    """Draw all weights at random, in place; a network of one's own draws them as its modules do."""
    if module_named(settings.kind):
        reset(model, rng)
        return
    for module in model.modules():
        if not isinstance(module, LAYERS):
            continue
        shape = tuple(module.weight.shape)
        uses = math.prod(shape[2:])
        fan_in, fan_out = shape[1] * uses, shape[0] * uses
        glorot = math.sqrt(2 / (fan_in + fan_out))
        if settings.initialisation == "glorot-normal":
            weights = rng.normal(0.0, glorot, shape)
        else:
            bound = fan_in**-0.5 if settings.initialisation == "default" else math.sqrt(3) * glorot
            weights = rng.uniform(-bound, bound, shape)
        module.weight.copy_(torch.from_numpy(weights))
        if module.bias is not None:
            module.bias.zero_()
            if settings.initialisation == "default":
                bound = fan_in**-0.5
                module.bias.copy_(torch.from_numpy(rng.uniform(-bound, bound, shape[0])))


def reset(model: nn.Module, rng: np.random.Generator) -> None:
    """Draw all parameters at random, in place, with the ``reset_parameters`` of each module."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int(rng.integers(2**63)))
        for module in model.modules():
            reset_parameters = getattr(module, "reset_parameters", None)
            if callable(reset_parameters):
                reset_parameters()
