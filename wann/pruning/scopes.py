"""Selection of the kept weights by scores: exact numbers of each layer, ties by index."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import torch
from torch import Tensor

from ..errors import BadInput
from .mask import Mask, unknown_layer

__all__ = ["SCOPES", "checked_sparsity", "layer_densities", "select", "select_above"]

Densities = dict[str, float]


def checked_sparsity(sparsity: float, argument: str = "sparsity") -> float:
    """A sparsity, checked.

    Raises:
        BadInput: it is outside [0, 1).
    """
    if not 0 <= sparsity < 1:
        raise BadInput(f"{sparsity:g}; accepted are numbers from 0 to below 1", argument=argument)
    return sparsity


def _uniform(mask: Mask, density: float) -> Densities:
    return dict.fromkeys(mask.tensors, density)


def _erdos_renyi(mask: Mask, density: float) -> Densities:
    """In proportion to (sum of dimensions) / (their product), no layer above 1 (Evci et al. 2020, ERK)."""
    sizes = {name: tensor.numel() for name, tensor in mask.tensors.items()}
    share = {name: sum(tensor.shape) / tensor.numel() for name, tensor in mask.tensors.items()}
    full: set[str] = set()
    while True:
        left = density * mask.total - sum(sizes[name] for name in full)
        weighted = sum(share[name] * sizes[name] for name in share if name not in full)
        if not weighted:
            return dict.fromkeys(sizes, 1.0)
        scale = left / weighted
        above = {name for name in share if name not in full and scale * share[name] > 1}
        if not above:
            return {name: 1.0 if name in full else scale * share[name] for name in share}
        full |= above


SCOPES: Final[dict[str, Callable[[Mask, float], Densities] | None]] = {
    "global": None,
    "layer": _uniform,
    "erk": _erdos_renyi,
}
"""The weights whose scores are compared, as densities of the layers; ``global`` compares all with all."""


def layer_densities(
    mask: Mask, density: float, scope: str, own: Mapping[str, float] | None = None
) -> Densities | None:
    """The share of weights that each layer keeps; None if the scores decide.

    Args:
        mask: a mask of the network.
        density: share of all weights to keep.
        scope: one of ``SCOPES``.
        own: densities of layers with one of their own, by the layer's name.

    Raises:
        BadInput: an unknown scope or layer, or a layer's own density with scope ``global``.
    """
    if scope not in SCOPES:
        raise BadInput(f"{scope!r}; accepted are {', '.join(SCOPES)}", argument="scope")
    allocate = SCOPES[scope]
    own = own or {}
    for layer in own:
        if f"{layer}.weight" not in mask.tensors:
            raise unknown_layer(layer, mask.tensors)
    if allocate is None:
        if own:
            raise BadInput(
                "'global' compares all weights with all: layers have no rates of their own",
                argument="scope",
            )
        return None
    return {**allocate(mask, density), **{f"{layer}.weight": value for layer, value in own.items()}}


def select(
    mask: Mask,
    scores: Mapping[str, Tensor],
    density: float,
    scope: str = "global",
    *,
    keeps: str = "highest",
    own: Mapping[str, float] | None = None,
    collapse: bool = False,
) -> Mask:
    """Keep the weights with the best scores.

    Exactly ``round(density * total)`` weights are kept, of all or of each layer, unless fewer are left.
    Among equal scores the first in the order of the tensors is kept.

    Args:
        mask: the weights kept so far.
        scores: scores with the shapes of the weights, by name; those of removed weights are ignored.
        density: share of all weights, including removed ones, to keep.
        scope: one of ``SCOPES``.
        keeps: ``highest`` or ``lowest`` scores.
        own: densities of layers with one of their own.
        collapse: whether a layer may lose all its weights.

    Raises:
        BadInput: a score is NaN, a layer is unknown, or a layer would lose all its weights.
    """
    sign = 1.0 if keeps == "highest" else -1.0
    for name, score in scores.items():
        if bool(torch.isnan(score[mask.tensors[name]]).any()):
            raise BadInput(f"{name}: a score is NaN; an output is not finite, or a gradient overflowed")
    ranked = {name: sign * scores[name].double() for name in mask.tensors}
    densities = layer_densities(mask, density, scope, own)
    if densities is None:
        flat = torch.cat([score.flatten() for score in ranked.values()])
        present = torch.cat([tensor.flatten() for tensor in mask.tensors.values()])
        kept = _best(present, flat, round(density * mask.total))
        parts = kept.split([tensor.numel() for tensor in mask.tensors.values()])
        shapes = [tensor.shape for tensor in mask.tensors.values()]
        chosen = {name: part.reshape(s) for name, part, s in zip(ranked, parts, shapes, strict=True)}
    else:
        chosen = {
            name: _best(
                present.flatten(), ranked[name].flatten(), round(densities[name] * present.numel())
            ).reshape(present.shape)
            for name, present in mask.tensors.items()
        }
    return _checked(mask.shrunk(chosen), collapse=collapse)


def select_above(
    mask: Mask,
    scores: Mapping[str, Tensor],
    threshold: float,
    own: Mapping[str, float] | None = None,
    *,
    collapse: bool = False,
) -> Mask:
    """Keep the weights with a score of at least a threshold (Han's q, with the criterion ``deviation``).

    Raises:
        BadInput: a layer is unknown, or would lose all its weights.
    """
    own = own or {}
    for layer in own:
        if f"{layer}.weight" not in mask.tensors:
            raise unknown_layer(layer, mask.tensors)
    chosen = {
        name: present & (scores[name] >= own.get(name.removesuffix(".weight"), threshold))
        for name, present in mask.tensors.items()
    }
    return _checked(mask.shrunk(chosen), collapse=collapse)


def _best(present: Tensor, scores: Tensor, count: int) -> Tensor:
    """The ``count`` present weights with the highest scores, bool[n]."""
    candidates = torch.nonzero(present).flatten()
    order = torch.sort(scores[candidates], descending=True, stable=True).indices
    kept = torch.zeros_like(present)
    kept[candidates[order[:count]]] = True
    return kept


def _checked(mask: Mask, *, collapse: bool) -> Mask:
    emptied = mask.emptied()
    if emptied and not collapse:
        raise BadInput(
            f"nothing would be left in layer {emptied[0]} ({mask.kept:,} of {mask.total:,} weights are kept "
            "in all); use a lower sparsity or another scope, or allow it with collapse = true"
        )
    return mask
