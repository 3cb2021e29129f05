"""Whole units removed: what is left is a smaller dense network."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from ..errors import BadInput
from .compaction import Chain
from .mask import Mask
from .stages import Stage

__all__ = ["neuron_norms", "without_neurons"]


def neuron_norms(chain: Chain) -> dict[str, Tensor]:
    """What each hidden unit is worth: the norm of its incoming weights and bias, times that of the outgoing.

    A filter of a convolution is a unit. A unit whose norm is zero on either side is worth nothing, which the
    norm of one side alone would not say.

    Returns:
        float64[units] for each layer but the last, by the layer's name.
    """
    return {
        here.name: _incoming(here) * torch.linalg.vector_norm(here.columns(following.weight), dim=(0, 1, 3))
        for here, following in pairwise(chain.stages)
    }


def _incoming(stage: Stage) -> Tensor:
    norms: Tensor = torch.cat([stage.weight.flatten(1), stage.bias[:, None]], 1).norm(dim=1)
    return norms


def without_neurons(
    model: nn.Module, mask: Mask, example: Tensor, density: float, scope: str = "layer"
) -> Mask:
    """The mask without the hidden units that are worth least; inputs and outputs are never removed.

    Args:
        model: layers that follow one another.
        mask: which weights are there.
        example: inputs [examples, ...], which show where the units of a layer reach the next one.
        density: share of the hidden units of the whole network that stays.
        scope: ``layer``: that share of each layer; ``global``: the best of all, norm over layer's mean.

    Raises:
        BadInput: no such scope, no chain of layers, or nothing left in a layer.
    """
    if scope not in ("layer", "global"):
        raise BadInput(f"scope {scope!r}: of neurons accepted are layer, global")
    chain = Chain.of(model, mask, example)
    stages, norms = chain.stages, neuron_norms(chain)
    if scope == "layer":
        kept = {name: _best(norm, round(density * len(norm))) for name, norm in norms.items()}
    else:
        scaled = torch.cat([norm / norm.mean().clamp_min(1e-300) for norm in norms.values()])
        chosen = _best(scaled, round(density * len(scaled))).split([len(norm) for norm in norms.values()])
        kept = dict(zip(norms, chosen, strict=True))
    tensors = dict(mask.tensors)
    shared = [stage.name for stage in stages if f"{stage.name}.weight" not in tensors]
    if len(stages) > 1 and shared:
        raise BadInput(
            f"layer {shared[0]} shares its weights with another: its units cannot be removed alone"
        )
    for here, following in pairwise(stages):
        stays = kept[here.name]
        if not bool(stays.any()):
            raise BadInput(f"nothing would be left in layer {here.name}; ask for a lower sparsity")
        mine, theirs = f"{here.name}.weight", f"{following.name}.weight"
        tensors[mine] = tensors[mine] & stays.reshape(-1, *[1] * (here.weight.ndim - 1))
        live = here.columns(tensors[theirs]) & stays[:, None]
        tensors[theirs] = live.reshape(tensors[theirs].shape)
    return mask.shrunk(tensors)


def _best(norms: Tensor, count: int) -> Tensor:
    kept = torch.zeros(len(norms), dtype=torch.bool)
    kept[torch.sort(norms, descending=True, stable=True).indices[:count]] = True
    return kept
