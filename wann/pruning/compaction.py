"""Compaction: small dense networks that compute the same as masked ones.

A unit without live inputs is a constant, which is folded into the biases of the next layer. A unit without
live outputs is dropped. Removing one unit may make another superfluous, so both steps are repeated to a fixed
point. That masked and compact network compute the same is verified on an example each time.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Tensor, nn

from ..errors import BadInput
from .links import NORMALISING, trace
from .mask import LAYERS, Mask, prunable
from .stages import Stage

__all__ = ["Chain", "compact"]

_ROUNDING: Final = 1e-9  # relative to the largest term of a sum; float64 rounds by 1e-16


@dataclass(frozen=True)
class Chain:
    """A network as a sequence of layers.

    Attributes:
        before: names and modules before the first layer.
        stages: the layers.
        dtype: type of the network's parameters.
        device: device of the network; all tensors here are on the CPU.
        example: float64[examples, ...], inputs for which the values in the masked network are known.
    """

    before: list[tuple[str, nn.Module]]
    stages: list[Stage]
    dtype: torch.dtype
    device: torch.device
    example: Tensor

    @classmethod
    def of(cls, model: nn.Module, mask: Mask, example: Tensor) -> Chain:
        """The layers of a network; batch normalisation becomes part of the layer before it.

        Args:
            model: see ``wann.pruning.links.trace``.
            mask: the kept weights.
            example: inputs [examples, ...]; later batches may have another number of examples.

        Raises:
            BadInput: the mask belongs to another network, or the modules are not a supported sequence.
        """
        before: list[tuple[str, nn.Module]] = []
        stages: list[Stage] = []
        for link in trace(model, mask, example):
            if isinstance(link.module, LAYERS) and link.live is not None:
                if stages:
                    stages[-1] = stages[-1].followed_by(link)
                stages.append(Stage.of(link, link.module, link.live))
            elif stages:
                stages[-1] = stages[-1].then(link)
            elif isinstance(link.module, NORMALISING):
                raise link.refused("batch normalisation can be compacted only right after a layer")
            else:
                before.append((link.name, link.module))
        first = next(iter(prunable(model).values()))
        chain = cls(before, stages, first.dtype, first.device, example.detach().cpu().double())
        chain.verify()
        return chain

    def module(self, dtype: torch.dtype | None = None) -> nn.Sequential:
        """The network as a module, in evaluation mode.

        Raises:
            BadInput: a parameter is too large for the type.
        """
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        reserved = nn.Sequential()
        for name, module in self._modules(dtype or self.dtype):
            flat = name.replace(".", "_") or "layer"
            while flat in parts or hasattr(reserved, flat):
                flat += "_"
            parts[flat] = copy.deepcopy(module)
        return nn.Sequential(parts).to(self.device).eval()

    def _modules(self, dtype: torch.dtype) -> list[tuple[str, nn.Module]]:
        modules = list(self.before)
        for stage in self.stages:
            modules += [(stage.name, stage.module(dtype)), *stage.after]
        return modules

    @property
    def connections(self) -> int:
        """Number of live weights."""
        return sum(int(stage.live.sum()) for stage in self.stages)

    @property
    def biases(self) -> int:
        """Number of biases that are not zero."""
        return sum(int((stage.bias != 0).sum()) for stage in self.stages)

    @property
    def widths(self) -> list[int]:
        """Number of units of each layer."""
        return [stage.units for stage in self.stages]

    def compacted(self) -> Chain:
        """The network without units that are constant or unused; see the module.

        A convolution keeps at least one filter, since a layer without filters cannot be computed.

        Raises:
            BadInput: see ``verify``.
        """
        stages = list(self.stages)
        changed = True
        while changed:
            changed = False
            for position in range(len(stages) - 1):
                here, following = stages[position], stages[position + 1]
                silent = ~here.live.flatten(1).any(1) & here.constants(following)[1]
                unused = ~here.columns(following.live).any(3).any(1).any(0)
                removed = silent | unused
                if isinstance(here.layer, nn.Conv2d) and bool(removed.all()):
                    removed[0] = False
                if bool(removed.any()):
                    stages[position : position + 2] = _without(here, following, removed)
                    changed = True
        chain = replace(self, stages=stages)
        chain.verify()
        return chain

    @torch.no_grad()
    def verify(self) -> None:
        """Check that each module computes the same as in the masked network, up to rounding.

        Raises:
            BadInput: it does not; the message names the first module that differs.
        """
        expected = [values for stage in self.stages for values in stage.expected]
        layers = iter(self.stages)
        values, largest = self.example, 0.0
        for position, (name, module) in enumerate(self._modules(torch.float64), -len(self.before)):
            if isinstance(module, LAYERS):
                largest = max(largest, next(layers).largest_term(values))
            values = module(values)
            error = 0.0 if position < 0 else _distance(values, expected[position])
            if not error <= _ROUNDING * largest:
                kind = type(module).__name__
                raise BadInput(
                    f"{name or kind} ({kind}): on the example the compact network differs from the masked "
                    f"one by {error:.2g}; it cannot be compacted"
                )


def compact(model: nn.Module, mask: Mask, example: Tensor) -> nn.Sequential:
    """A small network that computes the same as the masked one, in evaluation mode.

    Both are compared on the example in float64.

    Args:
        model: layers in torch.nn.Sequential, with activations and pooling between them.
        mask: the kept weights.
        example: inputs [examples, ...], typical ones.

    Raises:
        BadInput: see ``Chain.of`` and ``Chain.verify``.
    """
    return Chain.of(model, mask, example).compacted().module()


def _distance(values: Tensor, expected: Tensor) -> float:
    if values.numel() != expected.numel():
        return float("inf")
    return float((values.reshape(expected.shape) - expected).abs().max()) if values.numel() else 0.0


def _without(here: Stage, following: Stage, removed: Tensor) -> list[Stage]:
    """Both stages without these units, whose constants are added to the next biases."""
    shape, stay = following.weight.shape, ~removed
    weight, live = here.columns(following.weight), here.columns(following.live)
    constants, _ = here.constants(following)
    folded = (weight.sum((1, 3))[:, removed] * constants[removed]).sum(1)
    rest = (shape[1] // here.units * int(stay.sum()), *shape[2:])
    return [
        replace(
            here,
            weight=here.weight[stay],
            bias=here.bias[stay],
            live=here.live[stay],
            expected=[values[:, stay] for values in here.expected],
        ),
        replace(
            following,
            weight=weight[:, :, stay].reshape(shape[0], *rest),
            bias=following.bias + folded,
            live=live[:, :, stay].reshape(shape[0], *rest),
        ),
    ]
