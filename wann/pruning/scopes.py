"""How many weights each layer keeps, and which: exactly as many as asked for, ties by index."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import torch
from torch import Tensor

from ..errors import BadInput
from .mask import Mask, unknown_layer

__all__ = ["SCOPES", "checked_sparsity", "layer_densities", "select", "select_above"]

Densities = dict[str, float]


def checked_sparsity(sparsity: float, of: str = "sparsity") -> float:
    """A sparsity that leaves something.

    Raises:
        BadInput: it is outside [0, 1).
    """
    if not 0 <= sparsity < 1:
        raise BadInput(f"{of} {sparsity:g}: accepted are numbers from 0 to below 1")
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
"""Among which weights scores are compared; ``global`` compares all with all."""


def layer_densities(
    mask: Mask, density: float, scope: str, own: Mapping[str, float] | None = None
) -> Densities | None:
    """The share of weights that each layer keeps, or None if scores decide it.

    Args:
        mask: of the network.
        density: share of all weights that is kept.
        scope: one of ``SCOPES``.
        own: densities of layers that have one of their own, by the layer's name.

    Raises:
        BadInput: no such scope or layer, or an own density where scores decide.
    """
    if scope not in SCOPES:
        raise BadInput(f"scope {scope!r}: accepted are {', '.join(SCOPES)}")
    allocate = SCOPES[scope]
    own = own or {}
    for layer in own:
        if f"{layer}.weight" not in mask.tensors:
            raise unknown_layer(layer, mask.tensors)
    if allocate is None:
        if own:
            raise BadInput(
                "scope 'global' compares all weights with all: a layer has no rate of its own there"
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
    """Keep the best of the weights that are there.

    Exactly ``round(density * total)`` weights are kept, of all or of each layer, or those that are there if
    they are fewer. Among equal scores the first in the order of the tensors is kept.

    Args:
        mask: which weights are there.
        scores: of the weights' shapes, by name; those of weights that are gone are not looked at.
        density: share of all weights, pruned ones among them, that is kept.
        scope: one of ``SCOPES``.
        keeps: ``highest`` or ``lowest`` scores.
        own: densities of layers that have one of their own.
        collapse: whether a layer may lose all its weights.

    Raises:
        BadInput: a score is NaN, a layer is unknown, or would lose all its weights.
    """
    sign = 1.0 if keeps == "highest" else -1.0
    for name, score in scores.items():
        if bool(torch.isnan(score[mask.tensors[name]]).any()):
            raise BadInput(f"{name}: a score is NaN; the network does not compute, or a gradient overflowed")
    ranked = {name: sign * scores[name].double() for name in mask.tensors}
    densities = layer_densities(mask, density, scope, own)
    if densities is None:
        flat = torch.cat([score.flatten() for score in ranked.values()])
        there = torch.cat([tensor.flatten() for tensor in mask.tensors.values()])
        kept = _best(there, flat, round(density * mask.total))
        parts = kept.split([tensor.numel() for tensor in mask.tensors.values()])
        shapes = [tensor.shape for tensor in mask.tensors.values()]
        chosen = {name: part.reshape(s) for name, part, s in zip(ranked, parts, shapes, strict=True)}
    else:
        chosen = {
            name: _best(
                there.flatten(), ranked[name].flatten(), round(densities[name] * there.numel())
            ).reshape(there.shape)
            for name, there in mask.tensors.items()
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
    """Keep the weights whose score is at least a threshold (Han's q, with the criterion ``deviation``).

    Raises:
        BadInput: a layer is unknown, or would lose all its weights.
    """
    own = own or {}
    for layer in own:
        if f"{layer}.weight" not in mask.tensors:
            raise unknown_layer(layer, mask.tensors)
    chosen = {
        name: there & (scores[name] >= own.get(name.removesuffix(".weight"), threshold))
        for name, there in mask.tensors.items()
    }
    return _checked(mask.shrunk(chosen), collapse=collapse)


def _best(there: Tensor, scores: Tensor, count: int) -> Tensor:
    """The ``count`` highest scores of those that are there, as bool[n]."""
    places = torch.nonzero(there).flatten()
    order = torch.sort(scores[places], descending=True, stable=True).indices
    kept = torch.zeros_like(there)
    kept[places[order[:count]]] = True
    return kept


def _checked(mask: Mask, *, collapse: bool) -> Mask:
    emptied = mask.emptied()
    if emptied and not collapse:
        raise BadInput(
            f"nothing would be left in layer {emptied[0]} ({mask.kept:,} of {mask.total:,} weights are kept "
            "in all); ask for a lower sparsity, another scope, or allow it with pruning.collapse = true"
        )
    return mask
