"""Masked networks made physically small: what cannot matter is folded away, until nothing more can be.

A unit without live inputs is a constant: what it adds to the units after it goes into their biases. A unit
without live outputs is not needed. Removing one may make another superfluous, so both are repeated to a
fixed point; masked and compact network compute the same, which is verified on an example each time.
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

_ROUNDING: Final = 1e-9  # of the largest term of a sum; float64 rounds by 1e-16 of it


@dataclass(frozen=True)
class Chain:
    """A network whose layers follow one another.

    Attributes:
        before: names and modules before the first layer.
        stages: the layers.
        dtype: of the network's numbers.
        device: where the network computes; all tensors here are on the processor.
        example: float64[examples, ...], what the masked network's values are known for.
    """

    before: list[tuple[str, nn.Module]]
    stages: list[Stage]
    dtype: torch.dtype
    device: torch.device
    example: Tensor

    @classmethod
    def of(cls, model: nn.Module, mask: Mask, example: Tensor) -> Chain:
        """Take a network apart; batch normalisation becomes part of the layer before it.

        Args:
            model: see ``wann.pruning.links.trace``.
            mask: which weights are there.
            example: inputs [examples, ...]; any other number of examples may be sent through it later.

        Raises:
            BadInput: a mask of another network, or one whose modules are no chain that is known here.
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
            BadInput: numbers that are too large for this type.
        """
        parts: OrderedDict[str, nn.Module] = OrderedDict()
        taken = nn.Sequential()
        for name, module in self._modules(dtype or self.dtype):
            flat = name.replace(".", "_") or "layer"
            while flat in parts or hasattr(taken, flat):
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
                unheard = ~here.columns(following.live).any(3).any(1).any(0)
                gone = silent | unheard
                if isinstance(here.layer, nn.Conv2d) and bool(gone.all()):
                    gone[0] = False
                if bool(gone.any()):
                    stages[position : position + 2] = _without(here, following, gone)
                    changed = True
        chain = replace(self, stages=stages)
        chain.verify()
        return chain

    @torch.no_grad()
    def verify(self) -> None:
        """See that each module yields for the example what it yields in the masked network, but for rounding.

        Raises:
            BadInput: it does not; the first module that differs is named.
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
                    f"{name or kind} ({kind}): for the example the compact network yields what is off by "
                    f"{error:.2g} from the masked one; it cannot be compacted"
                )


def compact(model: nn.Module, mask: Mask, example: Tensor) -> nn.Sequential:
    """A small network that computes what the masked one computes, in evaluation mode.

    Both are compared on the example in float64.

    Args:
        model: layers that follow one another in torch.nn.Sequential, with activations and pooling between.
        mask: which weights are there.
        example: inputs [examples, ...], a few as the network will meet them.

    Raises:
        BadInput: see ``Chain.of`` and ``Chain.verify``.
    """
    return Chain.of(model, mask, example).compacted().module()


def _distance(found: Tensor, wanted: Tensor) -> float:
    if found.numel() != wanted.numel():
        return float("inf")
    return float((found.reshape(wanted.shape) - wanted).abs().max()) if found.numel() else 0.0


def _without(here: Stage, following: Stage, gone: Tensor) -> list[Stage]:
    """Both stages without these units; what the silent ones yield goes into the next biases."""
    shape, stay = following.weight.shape, ~gone
    weight, live = here.columns(following.weight), here.columns(following.live)
    constants, _ = here.constants(following)
    folded = (weight.sum((1, 3))[:, gone] * constants[gone]).sum(1)
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
