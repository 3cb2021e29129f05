"""A layer of a chain with the modules after it, and the unit that each of its values belongs to."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn

from ..errors import BadInput
from .links import ELEMENTWISE, NORMALISING, Link

__all__ = ["Stage"]


@dataclass(frozen=True)
class Stage:
    """A layer and the modules after it until the next one.

    Attributes:
        name: name of the layer.
        layer: the original layer in float64; its shape may differ from that of ``weight``.
        weight: float64[units, ...], zero where weights are removed.
        bias: float64[units].
        live: bool[units, ...], the kept weights.
        expected: outputs of the masked network's layer, and then of each module of ``after``, for the
            example: float64[rows, units, uses]. In memory each row goes through all units once.
        after: names and modules.
        repeats: rows in one input of the next layer, whose columns are [repeats, units, uses]: one, except
            where positions before the units' axis were flattened.
    """

    name: str
    layer: nn.Linear | nn.Conv2d
    weight: Tensor
    bias: Tensor
    live: Tensor
    expected: list[Tensor]
    after: list[tuple[str, nn.Module]] = field(default_factory=list)
    repeats: int = 1

    @classmethod
    def of(cls, link: Link, layer: nn.Linear | nn.Conv2d, live: Tensor) -> Stage:
        """A layer alone.

        Raises:
            BadInput: a convolution with groups, with padding other than zeros, or of unbatched images.
        """
        if isinstance(layer, nn.Conv2d):
            if layer.groups != 1:
                raise link.refused("a convolution with groups cannot be compacted")
            if layer.padding_mode != "zeros":
                raise link.refused(f"a convolution with padding {layer.padding_mode} cannot be compacted")
            if link.inputs.ndim != 4:
                raise link.refused(
                    f"its input is {list(link.inputs.shape)}; accepted is [examples, channels, height, width]"
                )
        weight = layer.weight.detach()
        bias = torch.zeros(len(weight), dtype=weight.dtype) if layer.bias is None else layer.bias.detach()
        stage = cls(link.name, layer, weight, bias, live, [])
        rows = math.prod(link.outputs.shape[: 1 if isinstance(layer, nn.Conv2d) else -1])
        return replace(stage, expected=[_by_row(link.outputs, rows, stage.units)])

    @property
    def units(self) -> int:
        """Number of units or filters."""
        return len(self.weight)

    def columns(self, following: Tensor) -> Tensor:
        """The next layer's weights (or mask) by unit of this layer: [next units, repeats, units, uses]."""
        flat = following.flatten(1)
        return flat.reshape(
            len(flat), self.repeats, self.units, flat.shape[1] // max(1, self.repeats * self.units)
        )

    def then(self, link: Link) -> Stage:
        """The stage with a module after it.

        Raises:
            BadInput: the module may mix units, or is not supported here.
        """
        module = link.module
        if isinstance(module, NORMALISING):
            if self.after:
                raise link.refused("batch normalisation can be compacted only right after a layer")
            self._need_channels(link)
            stage = _normalised(self, module, link)
        elif isinstance(module, (*ELEMENTWISE, nn.Flatten)):  # the order of values in memory is kept
            stage = replace(self, after=[*self.after, (link.name, module)])
        elif isinstance(module, nn.Unflatten):
            raise link.refused("it can be compacted only before the first layer")
        else:
            self._need_channels(link)
            stage = replace(self, after=[*self.after, (link.name, module)])
        expected = _by_row(link.outputs, len(self.expected[0]), self.units)
        kept = self.expected[: len(stage.after)]
        return replace(stage, expected=[*kept, expected])

    def followed_by(self, link: Link) -> Stage:
        """The stage with a layer after it.

        Raises:
            BadInput: the units of this layer are not the inputs of that one.
        """
        if isinstance(link.module, nn.Conv2d):
            self._need_channels(link)
            return self
        rows, runs = len(self.expected[0]), math.prod(link.inputs.shape[:-1])
        if rows % runs:
            raise link.refused(
                f"its input is {list(link.inputs.shape)}, whose last axis is not the units of {self.name}"
            )
        return replace(self, repeats=rows // runs)

    def _need_channels(self, link: Link) -> None:
        if link.inputs.ndim != (4 if isinstance(self.layer, nn.Conv2d) else 2):
            raise link.refused(
                f"its input is {list(link.inputs.shape)}, whose axis 1 is not the units of {self.name}"
            )

    def constants(self, following: Stage) -> tuple[Tensor, Tensor]:
        """Outputs of units without live inputs, float64[units], and whether they are equal at all positions.

        A constant changes at a border where it is averaged with zeros, or where the next layer pads.
        """
        values = self.bias
        even = torch.ones(self.units, dtype=torch.bool)
        for _, module in self.after:
            if isinstance(module, ELEMENTWISE):
                values = module(values)
            elif isinstance(module, nn.AvgPool2d) and (
                module.padding not in (0, (0, 0)) or module.divisor_override is not None
            ):
                even &= values == 0
        if isinstance(following.layer, nn.Conv2d) and following.layer.padding not in ((0, 0), "valid"):
            even &= values == 0
        return values, even

    def largest_term(self, inputs: Tensor) -> float:
        """An upper bound of the terms in the layer's sums, given its inputs."""
        weight, largest_input, bias = (
            float(values.abs().max()) if values.numel() else 0.0
            for values in (self.weight, inputs, self.bias)
        )
        return weight * largest_input + bias

    def module(self, dtype: torch.dtype) -> nn.Linear | nn.Conv2d:
        """The layer in its present shape.

        Raises:
            BadInput: a weight or bias is too large for the type.
        """
        old = self.layer
        made: nn.Linear | nn.Conv2d
        if isinstance(old, nn.Linear):  # on the meta device no weights are drawn
            made = nn.Linear(1, 1, device="meta")
            made.in_features, made.out_features = self.weight.shape[1], self.units
        else:
            made = nn.Conv2d(1, 1, 1, device="meta")
            made.stride, made.padding, made.dilation = old.stride, old.padding, old.dilation
            made.in_channels, made.out_channels = self.weight.shape[1], self.units
            made.kernel_size = old.kernel_size
        trained = old.weight.requires_grad
        weight, bias = (values.to(dtype, copy=True) for values in (self.weight, self.bias))
        if not bool(weight.isfinite().all() and bias.isfinite().all()):
            raise BadInput(f"{self.name or type(old).__name__}: a weight or bias is too large for {dtype}")
        made.weight = nn.Parameter(weight, trained)
        made.bias = nn.Parameter(bias, trained if old.bias is None else old.bias.requires_grad)
        return made


def _by_row(values: Tensor, rows: int, units: int) -> Tensor:
    return values.reshape(rows, units, values.numel() // max(1, rows * units))


def _normalised(stage: Stage, norm: nn.BatchNorm1d | nn.BatchNorm2d, link: Link) -> Stage:
    if norm.running_mean is None or norm.running_var is None:
        raise link.refused("batch normalisation without running statistics cannot be compacted")
    scale = (norm.running_var + norm.eps).rsqrt()
    shift = -norm.running_mean * scale
    if norm.weight is not None:
        scale, shift = scale * norm.weight.detach(), shift * norm.weight.detach()
    if norm.bias is not None:
        shift = shift + norm.bias.detach()
    wide = scale.reshape(-1, *[1] * (stage.weight.ndim - 1))
    return replace(stage, weight=stage.weight * wide, bias=stage.bias * scale + shift)
