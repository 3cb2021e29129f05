"""What the layers of a network look like: the sizes that AMC's policies read, and what a layer costs."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from ..errors import BadInput
from .criteria import forwarded
from .mask import LAYERS, prunable

__all__ = ["Layer", "measured_layers"]


@dataclass(frozen=True)
class Layer:
    """A layer whose weights can be pruned.

    Attributes:
        parameter: name of its weight in ``named_parameters``.
        outputs: n, output channels or units.
        inputs: c, input channels or numbers.
        height: h of the input in pixels; 1 for Linear.
        width: w of the input in pixels; 1 for Linear.
        stride: of a convolution; 0 for Linear, as in AMC's published code.
        kernel: k, pixels in a row of the kernel; 1 for Linear.
        weights: number of weights.
        positions: number of positions at which each weight is multiplied in one forward pass.
    """

    parameter: str
    outputs: int
    inputs: int
    height: int
    width: int
    stride: int
    kernel: int
    weights: int
    positions: int

    @property
    def name(self) -> str:
        """The layer's name within the network."""
        return self.parameter.removesuffix(".weight")

    @property
    def flops(self) -> int:
        """Multiply-adds of one forward pass, without biases."""
        return self.weights * self.positions


def measured_layers(model: nn.Module, example: Tensor) -> list[Layer]:
    """The layers of a network in the order in which they compute.

    Args:
        model: any module with Linear or Conv2d layers; it is not modified.
        example: inputs [examples, ...].

    Raises:
        BadInput: there is no such layer, the forward fails, or a layer takes no part in it.
    """
    observed = copy.deepcopy(model).eval()
    names = {id(weight): name for name, weight in prunable(observed).items()}
    found: dict[str, Layer] = {}

    def note(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        if isinstance(module, LAYERS):
            layer = _layer(names[id(module.weight)], module, given[0], output)
            again = found.get(layer.parameter)  # one weight that is used twice
            positions = layer.positions + (again.positions if again else 0)
            found[layer.parameter] = replace(again or layer, positions=positions)

    for module in observed.modules():
        module.register_forward_hook(note)
    with torch.no_grad():
        forwarded(observed, example[:1])
    for name in names.values():
        if name not in found:
            raise BadInput(f"{name} takes no part in the forward pass: removing it saves nothing")
    return list(found.values())


def _layer(name: str, layer: nn.Linear | nn.Conv2d, given: Tensor, output: Tensor) -> Layer:
    weights, positions = layer.weight.numel(), output[0].numel() // layer.weight.shape[0]
    if isinstance(layer, nn.Linear):
        return Layer(name, layer.out_features, layer.in_features, 1, 1, 0, 1, weights, positions)
    height, width = given.shape[-2:]
    outputs, inputs = layer.out_channels, layer.in_channels
    stride, kernel = layer.stride[0], layer.kernel_size[0]
    return Layer(name, outputs, inputs, height, width, stride, kernel, weights, positions)
