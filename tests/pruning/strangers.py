"""Networks as anybody may bring them, and examples for them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from wann.pruning import Examples, Mask
from wann.pruning.state import State, state_of

__all__ = [
    "CLASSES",
    "STRANGERS",
    "Pictures",
    "Residual",
    "Stranger",
    "Tied",
    "batches",
    "chain",
    "drawn",
    "equal_states",
    "examples",
    "random_mask",
    "same",
]

CLASSES = 3


class Residual(nn.Module):
    """Nested, with a residual sum, activations as functions, a layer without bias."""

    def __init__(self, inputs: int = 6, width: int = 5) -> None:
        super().__init__()
        self.enter = nn.Linear(inputs, width)
        self.block = nn.ModuleDict({"one": nn.Linear(width, 4), "two": nn.Linear(4, width, bias=False)})
        self.leave = nn.Linear(width, CLASSES)

    def forward(self, values: Tensor) -> Tensor:
        values = functional.relu(self.enter(values))
        values = values + torch.tanh(self.block["two"](functional.relu(self.block["one"](values))))
        found: Tensor = self.leave(values)
        return found


class Tied(nn.Module):
    """Two layers with one and the same weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 6)
        self.second = nn.Linear(6, 6)
        self.second.weight = self.first.weight
        self.leave = nn.Linear(6, CLASSES)

    def forward(self, values: Tensor) -> Tensor:
        found: Tensor = self.leave(torch.tanh(self.second(torch.tanh(self.first(values)))))
        return found


class Pictures(nn.Module):
    """Convolutions, batch normalisation, a residual sum, two kinds of dropout, a parameter of its own."""

    def __init__(self, noise: float = 0.1) -> None:
        super().__init__()
        self.noise = noise
        self.conv1 = nn.Conv2d(1, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.conv2 = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.drop = nn.Dropout(2 * noise)
        self.leave = nn.Linear(36, CLASSES)
        self.shift = nn.Parameter(torch.zeros(CLASSES))

    def forward(self, images: Tensor) -> Tensor:
        values = functional.relu(self.norm(self.conv1(images)))
        values = functional.max_pool2d(functional.relu(self.conv2(values)) + values, 2)
        values = functional.dropout(values, self.noise, training=self.training)
        found: Tensor = self.leave(self.drop(values.flatten(1))) + self.shift
        return found


class _Idle(nn.Module):
    """A layer that the forward pass never uses, and one that is frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.frozen = nn.Linear(6, 5).requires_grad_(requires_grad=False)
        self.idle = nn.Linear(4, 4)
        self.leave = nn.Linear(5, CLASSES)

    def forward(self, values: Tensor) -> Tensor:
        found: Tensor = self.leave(torch.sigmoid(self.frozen(values)))
        return found


@dataclass(frozen=True)
class Stranger:
    """A kind of network.

    Attributes:
        make: the module, with weights from PyTorch's generator.
        shape: of an example.
    """

    make: Callable[[], nn.Module]
    shape: tuple[int, ...] = (6,)


STRANGERS = {
    "one layer": Stranger(lambda: nn.Linear(6, CLASSES)),
    "sequential": Stranger(lambda: chain(6, 5, 4, CLASSES)),
    "residual": Stranger(Residual),
    "tied": Stranger(Tied),
    "pictures": Stranger(Pictures, (1, 6, 6)),
    "idle": Stranger(_Idle),
}


def drawn(make: Callable[[], nn.Module], seed: int = 0) -> nn.Module:
    """A network with weights from this seed; PyTorch's own generator stays where it was."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return make()


def chain(
    *widths: int,
    activation: Callable[[], nn.Module] = nn.ReLU,
    bias: bool = True,
    dropout: float = 0.0,
) -> nn.Sequential:
    """Dense layers of these widths."""
    parts: list[nn.Module] = []
    for inputs, units in itertools.pairwise(widths):
        parts += [nn.Linear(inputs, units, bias=bias), activation()]
        parts += [nn.Dropout(dropout)] if dropout else []
    return nn.Sequential(*parts[: -2 if dropout else -1])


def examples(shape: Sequence[int] = (6,), count: int = 40, seed: int = 0) -> Examples:
    """Inputs and classes that a linear map tells apart."""
    rng = np.random.default_rng([seed, 1])
    inputs = rng.normal(size=(count, *shape)).astype(np.float32)
    teacher = np.random.default_rng(2).normal(size=(int(np.prod(shape)), CLASSES))
    labels = (inputs.reshape(count, -1) @ teacher).argmax(axis=1)
    return Examples(torch.from_numpy(inputs), torch.from_numpy(labels))


def batches(shape: Sequence[int] = (6,), sizes: Sequence[int] = (20, 13, 7)) -> list[tuple[Tensor, Tensor]]:
    """The same examples in batches of these sizes."""
    found = examples(shape, sum(sizes))
    return list(zip(found.inputs.split(list(sizes)), found.targets.split(list(sizes)), strict=True))


def random_mask(model: nn.Module, density: float, seed: int = 0) -> Mask:
    """Each weight is there with this probability."""
    rng = np.random.default_rng(seed)
    dense = Mask.dense(model).tensors
    return Mask(
        {name: torch.from_numpy(rng.random(tuple(there.shape)) < density) for name, there in dense.items()}
    )


def same(one: Tensor, other: Tensor) -> bool:
    """Whether the type, the shape and all values are equal."""
    return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)


def equal_states(one: State | nn.Module, other: State | nn.Module) -> bool:
    """Whether all parameters and buffers are equal."""
    mine = state_of(one) if isinstance(one, nn.Module) else one
    theirs = state_of(other) if isinstance(other, nn.Module) else other
    return list(mine) == list(theirs) and all(same(mine[name], theirs[name]) for name in mine)
