"""The modules of a network in the order of computation, with their inputs and outputs for an example.

The types of the modules tell what a network computes. So only PyTorch's own types are accepted: a subclass
may compute something else, and so may a module with hooks or overridden methods.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor, nn

from ..errors import BadInput
from .mask import LAYERS, Mask, prunable

__all__ = ["ELEMENTWISE", "NORMALISING", "POOLING", "Link", "trace"]

ELEMENTWISE: Final = (
    *(nn.ReLU, nn.ReLU6, nn.Tanh, nn.Sigmoid, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Softplus),
    *(nn.Hardtanh, nn.Identity, nn.Dropout),
)
POOLING: Final = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveMaxPool2d, nn.AdaptiveAvgPool2d)
NORMALISING: Final = (nn.BatchNorm1d, nn.BatchNorm2d)
_KNOWN: Final = (*LAYERS, *ELEMENTWISE, *POOLING, *NORMALISING, nn.Flatten, nn.Unflatten)
_IMPASSABLE: Final = (RuntimeError, ValueError, IndexError, TypeError)  # of shapes and types that do not fit


@dataclass(frozen=True)
class Link:
    """A module of the masked network.

    Attributes:
        name: name of the module within the network.
        module: a copy in evaluation mode, on the CPU, in float64, with removed weights zero; it does not
            modify its inputs.
        live: bool[shape of the weight], the kept weights of a layer; None for other modules.
        inputs: float64[examples, ...], inputs of the module.
        outputs: float64[examples, ...], outputs of the module.
    """

    name: str
    module: nn.Module
    live: Tensor | None
    inputs: Tensor
    outputs: Tensor

    def refused(self, reason: str) -> BadInput:
        """An error about this module."""
        return _refused(self.name, self.module, reason)


@torch.no_grad()
def trace(model: nn.Module, mask: Mask, example: Tensor) -> list[Link]:
    """Pass an example through the masked network, module by module; the network is not modified.

    Args:
        model: Linear, Conv2d and other supported modules in torch.nn.Sequential, perhaps nested.
        mask: the kept weights.
        example: inputs [examples, ...].

    Raises:
        BadInput: the mask belongs to another network, a module may compute something else than its type
            says, the example does not fit the network, or a value is not finite.
    """
    mask.check(model)
    live: dict[int, Tensor] = {}
    for name, weight in prunable(model).items():
        if weight.is_meta or not weight.is_floating_point():
            raise BadInput(f"{name}: {weight.dtype} on {weight.device}; accepted are real numbers")
        live[id(weight)] = mask.tensors[name].cpu()
    if not isinstance(example, Tensor) or example.ndim < 2 or not example.numel() or example.is_complex():
        kind = type(example).__name__
        given = f"{list(example.shape)} of {example.dtype}" if isinstance(example, Tensor) else kind
        raise BadInput(f"{given}; accepted is a tensor of real numbers [examples, ...]", argument="example")
    links: list[Link] = []
    values = example.detach().cpu().double()
    for name, module in _sequence(model, ""):
        kept = None if not isinstance(module, LAYERS) else live[id(module.weight)]
        try:
            masked = _masked(module, kept)
            outputs = masked(values)
        except _IMPASSABLE as error:
            raise _refused(
                name, module, f"it fails on the example, here of shape {list(values.shape)}: {error}"
            ) from None
        if not isinstance(outputs, Tensor):
            raise _refused(name, module, f"it returns a {type(outputs).__name__}, not a tensor")
        if not bool(outputs.isfinite().all()):
            raise _refused(name, module, "its outputs for the example are not finite")
        links.append(Link(name, masked, kept, values, outputs))
        values = outputs
    return links


def _sequence(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """Modules by name in the order of computation, possibly with repetitions."""
    held = [*vars(module).items(), *_held_by_parameters(module)]
    hooks = sorted(
        {attribute.strip("_") for attribute, value in held if attribute.endswith("_hooks") and value}
    )
    if hooks:
        raise _refused(name, module, f"its {', '.join(hooks)} would be lost; remove them first")
    own = sorted(attribute for attribute in vars(module) if callable(getattr(type(module), attribute, None)))
    if own:
        raise _refused(name, module, f"its {', '.join(own)} is overridden")
    if type(module) is nn.Sequential:
        for child, inner in module.named_modules(remove_duplicate=False):
            if child and "." not in child:
                yield from _sequence(inner, f"{name}.{child}" if name else child)
    elif type(module) in _KNOWN:
        yield name, module
    else:
        raise _refused(
            name,
            module,
            "only layers in torch.nn.Sequential can be compacted, with activations and pooling between them, "
            "each of exactly PyTorch's type",
        )


def _held_by_parameters(module: nn.Module) -> Iterator[tuple[str, object]]:
    for parameter in module.parameters(recurse=False):
        for attribute in ("_backward_hooks", "_post_accumulate_grad_hooks"):
            yield attribute, getattr(parameter, attribute, None)


def _masked(module: nn.Module, live: Tensor | None) -> nn.Module:
    made = copy.deepcopy(module).cpu().double().eval()
    if "inplace" in vars(made):  # its inputs are needed again
        vars(made)["inplace"] = False
    if isinstance(made, LAYERS) and live is not None:
        made.weight = nn.Parameter(made.weight * live, made.weight.requires_grad)
    return made


def _refused(name: str, module: nn.Module, reason: str) -> BadInput:
    kind = type(module).__name__
    return BadInput(f"{name or kind} ({kind}): {reason}")
