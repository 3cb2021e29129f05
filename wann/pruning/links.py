"""The modules of a network in the order in which they compute, and what each of them yields for an example.

What a network computes is told from the types of its modules. So these are PyTorch's own, exactly: a subclass
may compute something else, and so may a module with hooks, or with a method of its own.
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
_IMPASSABLE: Final = (RuntimeError, ValueError, IndexError, TypeError)  # shapes and types that do not fit


@dataclass(frozen=True)
class Link:
    """A module of the masked network.

    Attributes:
        name: of the module within the network.
        module: a copy in evaluation mode, on the processor, in float64, the weights that are gone zero; it
            leaves its inputs as they are.
        live: of a layer, bool[shape of the weight], which weights are there.
        inputs: float64[examples, ...], what reaches the module.
        outputs: float64[examples, ...], what leaves it.
    """

    name: str
    module: nn.Module
    live: Tensor | None
    inputs: Tensor
    outputs: Tensor

    def refused(self, reason: str) -> BadInput:
        """The complaint about this module."""
        return _refused(self.name, self.module, reason)


@torch.no_grad()
def trace(model: nn.Module, mask: Mask, example: Tensor) -> list[Link]:
    """Send an example through the masked network, module by module; the network stays as it is.

    Args:
        model: Linear, Conv2d and what is known here, in torch.nn.Sequential; these may be nested.
        mask: which weights are there.
        example: inputs [examples, ...].

    Raises:
        BadInput: the mask is of another network, a module may compute something else than its type says, or
            the example does not fit the network or makes values that are not finite.
    """
    mask.check(model)
    live: dict[int, Tensor] = {}
    for name, weight in prunable(model).items():
        if weight.is_meta or not weight.is_floating_point():
            raise BadInput(f"{name}: {weight.dtype} on {weight.device}; accepted are real numbers")
        live[id(weight)] = mask.tensors[name].cpu()
    if not isinstance(example, Tensor) or example.ndim < 2 or not example.numel() or example.is_complex():
        kind = type(example).__name__
        found = f"{list(example.shape)} of {example.dtype}" if isinstance(example, Tensor) else kind
        raise BadInput(f"the example is {found}; accepted is a tensor of real numbers [examples, ...]")
    links: list[Link] = []
    values = example.detach().cpu().double()
    for name, module in _sequence(model, ""):
        there = None if not isinstance(module, LAYERS) else live[id(module.weight)]
        try:
            masked = _masked(module, there)
            outputs = masked(values)
        except _IMPASSABLE as error:
            raise _refused(
                name, module, f"the example, here {list(values.shape)}, does not pass it: {error}"
            ) from None
        if not isinstance(outputs, Tensor):
            raise _refused(name, module, f"it yields a {type(outputs).__name__}, not a tensor")
        if not bool(outputs.isfinite().all()):
            raise _refused(name, module, "what it yields for the example is not finite")
        links.append(Link(name, masked, there, values, outputs))
        values = outputs
    return links


def _sequence(module: nn.Module, name: str) -> Iterator[tuple[str, nn.Module]]:
    """Modules by name in the order of their computation; one may be met more than once."""
    held = [*vars(module).items(), *_held_by_parameters(module)]
    hooks = sorted(
        {attribute.strip("_") for attribute, value in held if attribute.endswith("_hooks") and value}
    )
    if hooks:
        raise _refused(name, module, f"its {', '.join(hooks)} would be lost; remove them first")
    own = sorted(attribute for attribute in vars(module) if callable(getattr(type(module), attribute, None)))
    if own:
        raise _refused(name, module, f"its {', '.join(own)} is not that of its type")
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
            "only layers that follow one another in torch.nn.Sequential can be compacted, with activations "
            "and pooling between, each of exactly PyTorch's type",
        )


def _held_by_parameters(module: nn.Module) -> Iterator[tuple[str, object]]:
    for parameter in module.parameters(recurse=False):
        for attribute in ("_backward_hooks", "_post_accumulate_grad_hooks"):
            yield attribute, getattr(parameter, attribute, None)


def _masked(module: nn.Module, live: Tensor | None) -> nn.Module:
    made = copy.deepcopy(module).cpu().double().eval()
    if "inplace" in vars(made):  # what reaches it is needed again
        vars(made)["inplace"] = False
    if isinstance(made, LAYERS) and live is not None:
        made.weight = nn.Parameter(made.weight * live, made.weight.requires_grad)
    return made


def _refused(name: str, module: nn.Module, reason: str) -> BadInput:
    kind = type(module).__name__
    return BadInput(f"{name or kind} ({kind}): {reason}")
