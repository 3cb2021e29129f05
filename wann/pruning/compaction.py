"""Masked networks made physically small: what cannot matter is folded away, until nothing more can be.

A unit without live inputs is a constant: what it adds to the units after it goes into their biases. A unit
without live outputs is not needed. Removing one may make another superfluous, so both are repeated to a
fixed point; masked and compact network compute the same.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final

import torch
from torch import Tensor, nn

from ..errors import BadInput
from .mask import LAYERS, Mask, prunable

__all__ = ["Chain", "Stage", "by_unit", "compact"]

_ELEMENTWISE: Final = (
    *(nn.ReLU, nn.Tanh, nn.Sigmoid, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Softplus, nn.Hardtanh),
    *(nn.Identity, nn.Dropout),
)
_POOLING: Final = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d)
_NORMALISING: Final = (nn.BatchNorm1d, nn.BatchNorm2d)


@dataclass(frozen=True)
class Stage:
    """A layer and what follows it until the next one.

    Attributes:
        name: of the layer.
        layer: as it was; its shape is that of ``weight`` no more.
        weight: float64[units, ...], zero where weights are gone.
        bias: float64[units].
        live: bool[units, ...], which weights are there.
        after: names and modules.
    """

    name: str
    layer: nn.Linear | nn.Conv2d
    weight: Tensor
    bias: Tensor
    live: Tensor
    after: list[tuple[str, nn.Module]] = field(default_factory=list)

    @property
    def units(self) -> int:
        """Units, or filters."""
        return len(self.weight)

    def constants(self) -> Tensor:
        """What each unit yields where no input reaches it, float64[units]."""
        values = self.bias
        for _, module in self.after:
            if isinstance(module, _ELEMENTWISE) and not isinstance(module, nn.Dropout):
                values = module(values)
        return values

    def module(self, dtype: torch.dtype) -> nn.Linear | nn.Conv2d:
        """The layer in its present shape."""
        old = self.layer
        made: nn.Linear | nn.Conv2d
        if isinstance(old, nn.Linear):
            made = nn.Linear(1, 1)
            made.in_features, made.out_features = self.weight.shape[1], self.units
        else:
            made = nn.Conv2d(1, 1, 1)
            made.stride, made.padding, made.dilation = old.stride, old.padding, old.dilation
            made.in_channels, made.out_channels = self.weight.shape[1], self.units
            made.kernel_size = old.kernel_size
        made.weight = nn.Parameter(self.weight.to(dtype))
        made.bias = nn.Parameter(self.bias.to(dtype))
        return made


@dataclass(frozen=True)
class Chain:
    """A network whose layers follow one another.

    Attributes:
        before: names and modules before the first layer.
        stages: the layers.
        dtype: of the network's numbers.
    """

    before: list[tuple[str, nn.Module]]
    stages: list[Stage]
    dtype: torch.dtype

    @classmethod
    def of(cls, model: nn.Module, mask: Mask | None = None) -> Chain:
        """Take a network apart; batch normalisation becomes part of the layer before it.

        Raises:
            BadInput: a mask of another network, or one whose modules are no chain that is known here.
        """
        mask = Mask.dense(model) if mask is None else mask
        mask.check(model)
        names: dict[Tensor, str] = {weight: name for name, weight in prunable(model).items()}
        before: list[tuple[str, nn.Module]] = []
        stages: list[Stage] = []
        for name, module in _links(model):
            if isinstance(module, LAYERS):
                stages.append(_stage(name, module, mask.tensors[names[module.weight]]))
            elif isinstance(module, _NORMALISING) and stages and not stages[-1].after:
                stages[-1] = _normalised(stages[-1], module)
            elif isinstance(module, (*_ELEMENTWISE, *_POOLING, nn.Flatten)):
                (stages[-1].after if stages else before).append((name, module))
            elif isinstance(module, nn.Unflatten) and not stages:
                before.append((name, module))
            else:
                raise BadInput(
                    f"{name or type(model).__name__} ({type(module).__name__}): only layers that follow one "
                    "another in torch.nn.Sequential can be compacted, with activations and pooling between"
                )
        dtype = stages[0].layer.weight.dtype
        return cls(before, stages, dtype)

    def module(self, dtype: torch.dtype | None = None) -> nn.Sequential:
        """The network as a module, in evaluation mode."""
        modules = list(self.before)
        for stage in self.stages:
            modules += [(stage.name, stage.module(dtype or self.dtype)), *stage.after]
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        for name, module in modules:
            flat = name.replace(".", "_") or "layer"
            while flat in parts:
                flat += "_"
            parts[flat] = copy.deepcopy(module)
        return nn.Sequential(parts).eval()

    @property
    def connections(self) -> int:
        """Weights that are there."""
        return sum(int(stage.live.sum()) for stage in self.stages)

    @property
    def biases(self) -> int:
        """Biases that are not zero."""
        return sum(int((stage.bias != 0).sum()) for stage in self.stages)

    @property
    def widths(self) -> list[int]:
        """Units of each layer."""
        return [stage.units for stage in self.stages]

    def compacted(self) -> Chain:
        """The network without units that are constant or lead nowhere; see the module.

        Of a convolution one filter is always left, since a layer of none cannot be computed.
        """
        stages = list(self.stages)
        changed = True
        while changed:
            changed = False
            for place in range(len(stages) - 1):
                here, following = stages[place], stages[place + 1]
                silent = ~here.live.flatten(1).any(1) & _foldable(here, following)
                unheard = ~by_unit(following.live, here.units).any(2).any(0)
                gone = silent | unheard
                if isinstance(here.layer, nn.Conv2d) and bool(gone.all()):
                    gone[0] = False
                if bool(gone.any()):
                    stages[place : place + 2] = _without(here, following, gone)
                    changed = True
        return replace(self, stages=stages)


def compact(model: nn.Module, mask: Mask | None = None) -> nn.Sequential:
    """A small network that computes what the masked one computes, in evaluation mode.

    Raises:
        BadInput: see ``Chain.of``.
    """
    return Chain.of(model, mask).compacted().module()


def _links(model: nn.Module, name: str = "") -> Iterator[tuple[str, nn.Module]]:
    if isinstance(model, nn.Sequential) and type(model).forward is nn.Sequential.forward:
        for child, module in model.named_modules(remove_duplicate=False):  # one may be met more than once
            if child and "." not in child:
                yield from _links(module, f"{name}.{child}" if name else child)
    else:
        yield name, model


def _stage(name: str, layer: nn.Linear | nn.Conv2d, live: Tensor) -> Stage:
    if isinstance(layer, nn.Conv2d) and layer.groups != 1:
        raise BadInput(f"{name}: a convolution in groups cannot be compacted")
    if isinstance(layer, nn.Conv2d) and layer.padding_mode != "zeros":
        raise BadInput(f"{name}: a convolution with padding {layer.padding_mode} cannot be compacted")
    weight = layer.weight.detach().double() * live
    bias = (
        torch.zeros(len(weight), dtype=torch.float64) if layer.bias is None else layer.bias.detach().double()
    )
    return Stage(name, layer, weight, bias.clone(), live.clone())


def _normalised(stage: Stage, norm: nn.BatchNorm1d | nn.BatchNorm2d) -> Stage:
    if norm.running_mean is None or norm.running_var is None:
        raise BadInput(f"batch normalisation after {stage.name} keeps no statistics: it cannot be compacted")
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    shift = -norm.running_mean.double() * scale
    if norm.affine:
        scale, shift = scale * norm.weight.detach().double(), shift * norm.weight.detach().double()
        shift = shift + norm.bias.detach().double()
    wide = scale.reshape(-1, *[1] * (stage.weight.ndim - 1))
    return replace(stage, weight=stage.weight * wide, bias=stage.bias * scale + shift)


def by_unit(weights: Tensor, units: int) -> Tensor:
    """A layer's weights by the unit before that they come from: [units after, units before, uses]."""
    flat = weights.flatten(1)
    return flat.reshape(len(flat), units, flat.shape[1] // max(1, units))


def _foldable(here: Stage, following: Stage) -> Tensor:
    """Whether a constant of a unit is one number wherever the next layer sees it."""
    constant = True
    if isinstance(here.layer, nn.Conv2d):
        rings: list[nn.AvgPool2d | nn.Conv2d] = [
            module for _, module in here.after if isinstance(module, nn.AvgPool2d)
        ]
        rings += [following.layer] if isinstance(following.layer, nn.Conv2d) else []
        constant = all(
            module.padding in (0, (0, 0), "valid") and getattr(module, "divisor_override", None) is None
            for module in rings
        )
    if constant:
        return torch.ones(here.units, dtype=torch.bool)
    return here.constants() == 0  # zeros are zeros with any padding


def _without(here: Stage, following: Stage, gone: Tensor) -> list[Stage]:
    """Both stages without these units; what the silent ones yield goes into the next biases."""
    shape = following.weight.shape
    columns, live = by_unit(following.weight, here.units), by_unit(following.live, here.units)
    constants = here.constants()
    folded = (columns.sum(2)[:, gone] * constants[gone]).sum(1)
    stay = ~gone
    rest = (shape[1] // here.units * int(stay.sum()), *shape[2:])
    return [
        replace(here, weight=here.weight[stay], bias=here.bias[stay], live=here.live[stay]),
        replace(
            following,
            weight=columns[:, stay].reshape(shape[0], *rest),
            bias=following.bias + folded,
            live=live[:, stay].reshape(shape[0], *rest),
        ),
    ]
