"""Conversion of pruned networks to ``Network``, for the same format, pictures and scores as evolved ones."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from torch import nn

from ..activations import BY_NAME
from ..errors import BadInput
from ..network import Network
from .compaction import Chain
from .stages import Stage

__all__ = ["to_network"]

_NAMES: Final = {nn.ReLU: "relu", nn.Tanh: "tanh", nn.Sigmoid: "sigmoid"}


def to_network(chain: Chain, task: str | None = None, **provenance: Any) -> Network:
    """The live structure of a chain of linear layers with its weights; biases become bias connections.

    Raises:
        BadInput: there is a convolution, or an activation that ``Network`` does not have.
    """
    stages = chain.stages
    if chain.before or any(isinstance(stage.layer, nn.Conv2d) for stage in stages):
        raise BadInput("only linear layers can become nodes and connections; this network has others")
    inputs, outputs = stages[0].weight.shape[1], stages[-1].units
    first = 1 + inputs
    sources = np.arange(1, first)
    hidden = first + outputs
    activation: list[int] = []
    source, target, weights = [], [], []
    for stage in stages:
        last = stage is stages[-1]
        units = np.arange(first, first + outputs) if last else np.arange(hidden, hidden + stage.units)
        hidden += 0 if last else stage.units
        kind = BY_NAME[_activation(stage)].id
        activation = [kind] * outputs + activation if last else activation + [kind] * stage.units
        row, column = np.nonzero(stage.live.numpy())
        bias = np.flatnonzero(stage.bias.numpy())
        source += [sources[column], np.zeros(len(bias), np.int64)]
        target += [units[row], units[bias]]
        weights += [stage.weight.numpy()[row, column], stage.bias.numpy()[bias]]
        sources = units
    return Network(
        inputs,
        outputs,
        np.array(activation, np.int8),
        np.concatenate(source).astype(np.int64),
        np.concatenate(target).astype(np.int64),
        np.concatenate(weights),
        task=task,
        provenance=provenance,
    )


def _activation(stage: Stage) -> str:
    modules = [module for _, module in stage.after if not isinstance(module, nn.Dropout | nn.Identity)]
    if not modules:
        return "linear"
    if len(modules) > 1 or type(modules[0]) not in _NAMES:
        raise BadInput(
            f"after {stage.name}: {', '.join(type(module).__name__ for module in modules)}; accepted are "
            f"{', '.join(kind.__name__ for kind in _NAMES)}"
        )
    return _NAMES[type(modules[0])]
