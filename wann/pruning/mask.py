"""Masks of the kept weights of a network: named boolean tensors that only shrink."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.nn.utils import prune as torch_prune

from ..errors import BadInput
from ..files import npz_bytes, read_npz, write_atomically

__all__ = ["LAYERS", "Mask", "prunable", "unknown_layer"]

LAYERS: Final = (nn.Linear, nn.Conv2d)
"""The kinds of layers whose weights can be pruned."""
_LARGEST: Final = 2**28  # bytes, one for each weight


def prunable(model: nn.Module) -> dict[str, nn.Parameter]:
    """The weights of all Linear and Conv2d layers by their name in ``named_parameters``, in that order.

    A weight shared by several layers appears once.

    Raises:
        BadInput: there is none, ``torch.nn.utils.prune`` manages one of them, or one is parametrised or has
            no shape yet.
    """
    weights: dict[str, nn.Parameter] = {}
    for name, module in model.named_modules():
        if not isinstance(module, LAYERS):
            continue
        if hasattr(module, "weight_mask"):
            raise BadInput(
                f"layer {name}: torch.nn.utils.prune manages its weights; call Mask.of_torch(model), then "
                "torch.nn.utils.prune.remove"
            )
        weight = module.weight
        if not isinstance(weight, nn.Parameter):
            raise BadInput(f"layer {name}: its weights are parametrised; remove the parametrisation first")
        if is_lazy(weight):
            raise BadInput(f"layer {name}: it has no shape yet; pass an example through the network first")
        if not any(weight is known for known in weights.values()):
            weights[f"{name}.weight" if name else "weight"] = weight
    if not weights:
        raise BadInput(f"{type(model).__name__} has no Linear or Conv2d layer whose weights could be pruned")
    return weights


def unknown_layer(name: str, known: Iterable[str]) -> BadInput:
    """The error about a layer that a network does not have."""
    layers = [weight.removesuffix(".weight") for weight in known]
    near = difflib.get_close_matches(name, layers, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(layers)}"
    return BadInput(f"no layer {name!r} in this network; {hint}")


@dataclass(frozen=True, eq=False)
class Mask:
    """The kept weights of a network.

    Sparsity is relative to all weights of the layers that the mask names, and biases are not counted: the
    denominator never changes.

    Attributes:
        tensors: bool[shape of the weight] by the weight's name in ``named_parameters``.

    Raises:
        BadInput: no tensors, or one that is not boolean.
    """

    tensors: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        if not self.tensors:
            raise BadInput("a mask needs at least one tensor")
        for name, tensor in self.tensors.items():
            if tensor.dtype != torch.bool:
                raise BadInput(f"mask of {name}: {tensor.dtype}; accepted is torch.bool")

    @classmethod
    def dense(cls, model: nn.Module) -> Mask:
        """Every weight of every Linear and Conv2d layer.

        Raises:
            BadInput: see ``prunable``.
        """
        return cls(
            {name: torch.ones_like(weight, dtype=torch.bool) for name, weight in prunable(model).items()}
        )

    @classmethod
    def of_torch(cls, model: nn.Module) -> Mask:
        """The mask of ``torch.nn.utils.prune``; layers that it does not manage are dense.

        Raises:
            BadInput: no layer that could be pruned.
        """
        tensors: dict[str, Tensor] = {}
        names: dict[Tensor, str] = {}  # tensors are keys by identity
        for name, module in model.named_modules():
            if isinstance(module, LAYERS):
                kept = getattr(module, "weight_mask", torch.ones_like(module.weight)).detach().bool()
                weight = getattr(module, "weight_orig", module.weight)
                first = names.setdefault(weight, f"{name}.weight" if name else "weight")
                tensors[first] = tensors.get(first, kept) & kept
        return cls(tensors)

    def to_torch(self, model: nn.Module) -> None:
        """Pass the mask to ``torch.nn.utils.prune``, which manages it from then on.

        Raises:
            BadInput: the mask belongs to another network.
        """
        self.check(model)
        names = {id(weight): name for name, weight in prunable(model).items()}
        for module in model.modules():
            if isinstance(module, LAYERS):
                torch_prune.custom_from_mask(module, "weight", self.tensors[names[id(module.weight)]])

    @property
    def kept(self) -> int:
        """Number of kept weights."""
        return sum(int(tensor.sum()) for tensor in self.tensors.values())

    @property
    def total(self) -> int:
        """Number of weights in all."""
        return sum(tensor.numel() for tensor in self.tensors.values())

    @property
    def sparsity(self) -> float:
        """Share of the weights that are removed."""
        return 1 - self.kept / self.total

    def layers(self) -> dict[str, tuple[int, int]]:
        """Weights kept and weights in all, by the layer's name."""
        return {
            name.removesuffix(".weight"): (int(tensor.sum()), tensor.numel())
            for name, tensor in self.tensors.items()
        }

    def emptied(self) -> list[str]:
        """Names of the layers without a kept weight."""
        return [name for name, (kept, _) in self.layers().items() if kept == 0]

    def shrunk(self, tensors: Mapping[str, Tensor]) -> Mask:
        """The mask that follows this one.

        Raises:
            BadInput: it belongs to another network, or restores a removed weight.
        """
        self._check_names({name: tensor.shape for name, tensor in tensors.items()})
        for name, tensor in tensors.items():
            revived = int((tensor & ~self.tensors[name]).sum())
            if revived:
                raise BadInput(
                    f"mask of {name}: {revived:,} removed weights would be restored; masks only shrink"
                )
        return Mask(dict(tensors))

    def check(self, model: nn.Module) -> None:
        """Check that the mask belongs to this network.

        Raises:
            BadInput: a layer is missing, unknown or of another shape.
        """
        self._check_names({name: weight.shape for name, weight in prunable(model).items()})

    def _check_names(self, shapes: Mapping[str, torch.Size]) -> None:
        for name, tensor in self.tensors.items():
            if name not in shapes:
                raise BadInput(
                    f"a mask of another network: it names {name}, the network has {', '.join(shapes)}"
                )
            if tensor.shape != shapes[name]:
                raise BadInput(
                    f"a mask of another network: {name} is {_shape(tensor.shape)} in the mask "
                    f"and {_shape(shapes[name])} in the network"
                )
        missing = [name for name in shapes if name not in self.tensors]
        if missing:
            raise BadInput(f"a mask of another network: it does not name {', '.join(missing)}")

    @torch.no_grad()
    def apply(self, model: nn.Module) -> None:
        """Set the removed weights to zero.

        Raises:
            BadInput: the mask belongs to another network.
        """
        self.check(model)
        for name, weight in prunable(model).items():
            weight.mul_(self.tensors[name])

    def holds(self, model: nn.Module) -> bool:
        """Whether all removed weights are zero (NaN is not)."""
        weights = prunable(model)
        return all(not bool((weights[name][~mask] != 0).any()) for name, mask in self.tensors.items())

    def save(self, path: Path) -> None:
        """Write npz: a boolean array for each weight, by its name.

        Raises:
            BadInput, Unwritable: see ``write_atomically``.
        """
        write_atomically(path, self.to_bytes())

    def to_bytes(self) -> bytes:
        """The content of the npz file; equal masks have equal bytes."""
        arrays = {name: np.ascontiguousarray(tensor.numpy()) for name, tensor in self.tensors.items()}
        return npz_bytes(arrays, compressed=True)

    @classmethod
    def load(cls, path: Path) -> Mask:
        """Read npz.

        Raises:
            BadInput: the file is not a mask.
        """
        arrays = read_npz(path, _LARGEST, "a mask in npz")
        for name, array in arrays.items():
            if array.dtype != np.bool_:
                raise BadInput(f"{path}: {name} holds {array.dtype}; a mask holds booleans only")
        if not arrays:
            raise BadInput(f"{path}: an empty mask")
        return cls({name: torch.from_numpy(array) for name, array in arrays.items()})


def _shape(size: Iterable[int]) -> str:
    return " x ".join(map(str, size))
