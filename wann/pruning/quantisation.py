"""Post-training quantisation of weights and activations to eight bits (Jacob et al. 2018, eq. 1 to 4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..files import npz_bytes
from .compaction import Chain
from .sparse import smallest
from .stages import Stage

__all__ = ["Quantised"]

_LARGEST = 127


@dataclass(frozen=True)
class _Layer:
    """A quantised layer.

    Attributes:
        stage: the layer.
        weight: integers from -127 to 127 as float64, which adds them exactly.
        scale: float64[units], the value of one step of a weight.
        step: the value of one step of an input.
    """

    stage: Stage
    weight: Tensor
    scale: Tensor
    step: float


@dataclass(frozen=True)
class Quantised:
    """A chain of layers whose weights and inputs are integers of eight bits, symmetric about zero.

    Sums are exact, as in integers of 32 bits; biases and activations between layers are floating point.

    Attributes:
        chain: the network.
        layers: its layers, quantised.
    """

    chain: Chain
    layers: list[_Layer]

    @classmethod
    def of(cls, chain: Chain, calibration: Tensor, *, per_channel: bool = True) -> Quantised:
        """Quantise a chain.

        Args:
            chain: the network.
            calibration: inputs; the largest magnitude of a layer's inputs for them is mapped to 127.
            per_channel: whether each unit or filter has a scale of its own, or each layer.
        """
        layers: list[_Layer] = []
        values = calibration.double()
        with torch.no_grad():
            for _, module in chain.before:
                values = module(values)
            for stage in chain.stages:
                step = float(values.abs().max()) / _LARGEST if values.numel() else 1.0
                flat = stage.weight.flatten(1).abs()
                largest = flat.amax(1) if flat.shape[1] else torch.zeros(stage.units, dtype=torch.float64)
                if not per_channel:
                    largest = largest.max().expand(stage.units) if stage.units else largest
                scale = torch.where(largest > 0, largest / _LARGEST, torch.ones_like(largest))
                wide = scale.reshape(-1, *[1] * (stage.weight.ndim - 1))
                layers.append(_Layer(stage, torch.round(stage.weight / wide), scale, step or 1.0))
                values = _after(stage, stage.module(torch.float64)(values))
        return cls(chain, layers)

    @torch.no_grad()
    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs float64[examples, outputs]."""
        values = inputs.double()
        for _, module in self.chain.before:
            values = module(values)
        for layer in self.layers:
            steps = torch.round(values / layer.step).clamp(-_LARGEST, _LARGEST)
            sums = _sums(layer, steps)
            shape = (-1, 1, 1) if isinstance(layer.stage.layer, nn.Conv2d) else (-1,)
            real = sums * (layer.scale * layer.step).reshape(shape) + layer.stage.bias.reshape(shape)
            values = _after(layer.stage, real)
        return values

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays to store: compressed rows of int8, a scale for each unit, a step for each layer, biases."""
        stored: dict[str, NDArray[Any]] = {}
        for layer in self.layers:
            name, live = layer.stage.name, layer.stage.live.flatten(1).numpy()
            row, column = np.nonzero(live)
            stored[f"{name}.rows"] = smallest(np.concatenate([[0], np.cumsum(live.sum(axis=1))]))
            stored[f"{name}.columns"] = smallest(column)
            stored[f"{name}.values"] = layer.weight.flatten(1).numpy()[row, column].astype(np.int8)
            scales = np.unique(layer.scale.numpy()) if len(layer.scale) else layer.scale.numpy()
            stored[f"{name}.scale"] = (scales if len(scales) == 1 else layer.scale.numpy()).astype(np.float32)
            stored[f"{name}.step"] = np.array([layer.step], np.float32)
            stored[f"{name}.bias"] = layer.stage.bias.numpy().astype(np.float32)
        return stored

    def to_bytes(self) -> bytes:
        """The content of an npz file."""
        return npz_bytes(self.arrays())


def _sums(layer: _Layer, steps: Tensor) -> Tensor:
    old = layer.stage.layer
    if isinstance(old, nn.Linear):
        return nn.functional.linear(steps, layer.weight)
    return nn.functional.conv2d(steps, layer.weight, None, old.stride, old.padding, old.dilation)


def _after(stage: Stage, values: Tensor) -> Tensor:
    for _, module in stage.after:
        values = module(values)
    return values
