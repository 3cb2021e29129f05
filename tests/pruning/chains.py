"""Random chains of layers with random masks, for compaction, storage and quantisation."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from hypothesis import reject
from hypothesis import strategies as st
from torch import Tensor, nn

from wann.pruning import Mask
from wann.pruning.models import reset

__all__ = ["ACTIVATIONS", "Sample", "conv_samples", "dense_samples", "sample"]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "softplus": nn.Softplus,
    "leaky relu": lambda: nn.LeakyReLU(0.2),
}


@dataclass(frozen=True)
class Sample:
    """A network in float64 with biases that are not zero, a mask, and inputs.

    Attributes:
        model: in evaluation mode, the weights that are gone zero.
        mask: which are there.
        inputs: float64[examples, ...].
    """

    model: nn.Sequential
    mask: Mask = field(repr=False)
    inputs: Tensor = field(repr=False)


@torch.no_grad()
def sample(parts: list[nn.Module], shape: tuple[int, ...], densities: list[float], seed: int) -> Sample:
    """Draw weights, biases, statistics of batch normalisation, mask and inputs."""
    model = nn.Sequential(*parts).double().eval()
    rng = np.random.default_rng(seed)
    reset(model, rng)
    for part in parts:
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            for tensor in (part.running_mean, part.running_var, part.weight, part.bias):
                assert tensor is not None
                tensor.copy_(torch.from_numpy(rng.uniform(0.5, 1.5, len(tensor))))
    shares = iter(densities)
    tensors = {}
    for name, there in Mask.dense(model).tensors.items():
        tensors[name] = torch.from_numpy(rng.random(tuple(there.shape)) < next(shares))
    mask = Mask(tensors)
    mask.apply(model)
    return Sample(model, mask, torch.from_numpy(rng.normal(size=(9, *shape))))


some_density = st.sampled_from([0.0, 0.05, 0.15, 0.3, 0.6, 1.0])


@st.composite
def dense_samples(draw: st.DrawFn, activations: tuple[str, ...] = tuple(ACTIVATIONS)) -> Sample:
    """Dense layers, some with batch normalisation, dropout, or without biases."""
    widths = draw(st.lists(st.integers(1, 7), min_size=2, max_size=5))
    parts: list[nn.Module] = []
    for place, (inputs, units) in enumerate(itertools.pairwise(widths)):
        parts.append(nn.Linear(inputs, units, bias=draw(st.booleans())))
        if place < len(widths) - 2:
            parts += [nn.BatchNorm1d(units)] if draw(st.booleans()) else []
            parts.append(ACTIVATIONS[draw(st.sampled_from(activations))]())
            parts += [nn.Dropout(0.5)] if draw(st.booleans()) else []
    densities = [draw(some_density) for _ in widths[1:]]
    return sample(parts, (widths[0],), densities, draw(st.integers(0, 10_000)))


PADDINGS: list[int | str] = [0, 1, 2, "same", "valid"]
POOLS: dict[str, Callable[[], nn.Module]] = {
    "max": lambda: nn.MaxPool2d(2),
    "padded max": lambda: nn.MaxPool2d(2, padding=1),
    "mean": lambda: nn.AvgPool2d(2),
    "padded mean": lambda: nn.AvgPool2d(2, padding=1),
    "padded mean of what is there": lambda: nn.AvgPool2d(2, padding=1, count_include_pad=False),
    "sum": lambda: nn.AvgPool2d(2, divisor_override=1),
    "ragged mean": lambda: nn.AvgPool2d(2, ceil_mode=True),
    "adaptive max": lambda: nn.AdaptiveMaxPool2d(3),
    "adaptive mean": lambda: nn.AdaptiveAvgPool2d(3),
    "none": nn.Identity,
}


@st.composite
def conv_samples(draw: st.DrawFn) -> Sample:
    """Two convolutions with stride, padding, pooling and batch normalisation, then two dense layers."""
    filters = [draw(st.integers(1, 4)) for _ in range(2)]
    parts: list[nn.Module] = []
    channels = 2
    for count in filters:
        padding = draw(st.sampled_from(PADDINGS))
        stride = 1 if padding == "same" else draw(st.integers(1, 2))
        parts.append(
            nn.Conv2d(
                channels, count, draw(st.sampled_from([1, 3])), stride, padding, bias=draw(st.booleans())
            )
        )
        parts += [nn.BatchNorm2d(count)] if draw(st.booleans()) else []
        rest = [
            ACTIVATIONS[draw(st.sampled_from(sorted(ACTIVATIONS)))](),
            POOLS[draw(st.sampled_from(sorted(POOLS)))](),
        ]
        parts += rest if draw(st.booleans()) else rest[::-1]
        channels = count
    parts += [nn.AdaptiveAvgPool2d(2), nn.Flatten()]
    hidden = draw(st.integers(1, 5))
    parts += [nn.Linear(4 * channels, hidden), nn.Tanh(), nn.Linear(hidden, 3)]
    densities = [draw(some_density) for _ in range(4)]
    found = sample(parts, (2, 11, 11), densities, draw(st.integers(0, 10_000)))
    try:
        found.model(found.inputs[:1])
    except RuntimeError:  # pictures that became too small
        reject()
    return found
