"""Removal of whole units, which leaves a smaller dense network."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn

from ..errors import BadInput
from .compaction import Chain
from .mask import Mask, unknown_layer
from .stages import Stage

__all__ = ["keeping_neurons", "neuron_norms", "neuron_ranks", "ranks", "without_neurons"]


def neuron_norms(chain: Chain) -> dict[str, Tensor]:
    """Score of each hidden unit: norm of its incoming weights and bias, times norm of its outgoing weights.

    A filter of a convolution is a unit. A unit with a norm of zero on either side has no effect.

    Returns:
        float64[units] for each layer but the last, by the layer's name.
    """
    return {
        here.name: _incoming(here) * torch.linalg.vector_norm(here.columns(following.weight), dim=(0, 1, 3))
        for here, following in pairwise(chain.stages)
    }


def neuron_ranks(chain: Chain) -> dict[str, Tensor]:
    """Rank of each hidden unit within its layer, 0 for the highest norm; of equal ones the first is ahead.

    Returns:
        int64[units] for each layer but the last, by the layer's name.
    """
    return {name: ranks(norm) for name, norm in neuron_norms(chain).items()}


def ranks(scores: Tensor) -> Tensor:
    """Rank of each score, int64[scores], 0 for the highest; of equal ones the first is ahead."""
    order = torch.sort(scores, descending=True, stable=True).indices
    found = torch.empty_like(order)
    found[order] = torch.arange(len(order))
    return found


def _incoming(stage: Stage) -> Tensor:
    norms: Tensor = torch.cat([stage.weight.flatten(1), stage.bias[:, None]], 1).norm(dim=1)
    return norms


def without_neurons(
    model: nn.Module,
    mask: Mask,
    example: Tensor,
    density: float,
    scope: str = "layer",
    own: Mapping[str, float] | None = None,
) -> Mask:
    """The mask without the hidden units of the lowest scores; inputs and outputs are never removed.

    Args:
        model: a sequence of layers.
        mask: the kept weights.
        example: inputs [examples, ...], to trace the units of each layer to the next one.
        density: share of the dense network's hidden units to keep.
        scope: ``layer``: that share of each layer; ``global``: the best of all, by score over layer mean.
        own: densities of layers with one of their own, of scope ``layer``.

    Raises:
        BadInput: an unknown scope or layer, an unsupported network, or a layer that would lose all its units.
    """
    if scope not in ("layer", "global"):
        raise BadInput(f"{scope!r}; accepted for neurons are layer, global", argument="scope")
    chain = Chain.of(model, mask, example)
    norms, own = neuron_norms(chain), own or {}
    for layer in own:
        if layer not in norms:
            raise unknown_layer(layer, norms)
    if scope == "layer":
        kept = {name: ranks(norm) < round(own.get(name, density) * len(norm)) for name, norm in norms.items()}
    else:
        scaled = torch.cat([norm / norm.mean().clamp_min(1e-300) for norm in norms.values()])
        chosen = (ranks(scaled) < round(density * len(scaled))).split([len(norm) for norm in norms.values()])
        kept = dict(zip(norms, chosen, strict=True))
    return keeping_neurons(mask, chain, kept)


def keeping_neurons(mask: Mask, chain: Chain, kept: Mapping[str, Tensor]) -> Mask:
    """The mask without the weights to and from hidden units that are not kept.

    Args:
        mask: the kept weights.
        chain: the layers of the network.
        kept: bool[units] for each layer but the last, by the layer's name.

    Raises:
        BadInput: a layer shares its weights with another one, or would lose all its units.
    """
    stages, tensors = chain.stages, dict(mask.tensors)
    shared = [stage.name for stage in stages if f"{stage.name}.weight" not in tensors]
    if len(stages) > 1 and shared:
        raise BadInput(
            f"layer {shared[0]} shares its weights with another layer: its units cannot be removed alone"
        )
    for here, following in pairwise(stages):
        stays = kept[here.name]
        if not bool(stays.any()):
            raise BadInput(f"nothing would be left in layer {here.name}; use a lower sparsity")
        mine, theirs = f"{here.name}.weight", f"{following.name}.weight"
        tensors[mine] = tensors[mine] & stays.reshape(-1, *[1] * (here.weight.ndim - 1))
        live = here.columns(tensors[theirs]) & stays[:, None]
        tensors[theirs] = live.reshape(tensors[theirs].shape)
    return mask.shrunk(tensors)
