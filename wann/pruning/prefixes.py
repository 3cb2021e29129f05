"""Outputs of a network under many masks: what the first layers compute is kept for masks that agree there."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor, nn

from .criteria import forwarded
from .mask import prunable

__all__ = ["MaskedOutputs"]

_MOST_KEPT: Final = 2**28  # bytes


class MaskedOutputs:
    """What a network returns for the same inputs under one mask after the other.

    A network that is ``torch.nn.Sequential`` is cut before each of its parts that has prunable layers. What
    comes out of a piece depends on the masks of the layers up to there, so that it is computed once for each
    beginning of masks, and the latest are kept. Any other network is a single piece.

    Args:
        model: the network in evaluation mode; its weights become masked ones.
        parameters: names of its prunable weights in the order of computation.
        inputs: float32[examples, ...].
    """

    def __init__(self, model: nn.Module, parameters: Sequence[str], inputs: Tensor) -> None:
        self._weights = prunable(model)
        self._dense = {name: weight.detach().clone() for name, weight in self._weights.items()}
        self._pieces = _pieces(model, parameters)
        self._inputs = inputs
        self._known: OrderedDict[tuple[int, ...], Tensor] = OrderedDict()
        self._size = 0

    @torch.no_grad()
    def of(self, mask: Mapping[str, Tensor], key: Sequence[int]) -> Tensor:
        """Outputs float32[examples, outputs].

        Args:
            mask: bool[shape of the weight] by the weight's name.
            key: a number for each mask, in the order of computation: the masks of the first layers up to any
                one are the same where their numbers are. Layers without a number follow the last one's.

        Raises:
            BadInput: the network's forward fails.
        """
        values, done = self._longest(key)
        for module, layers in self._pieces[done:]:
            for name in layers:
                torch.mul(self._dense[name], mask[name], out=self._weights[name])
            done += 1
            last = done == len(self._pieces)
            values = forwarded(module, values) if last else module(values)
            if not last:
                self._keep((done, *key[: self._depth(done)]), values)
        return values

    def _depth(self, done: int) -> int:
        """The number of layers in the first pieces."""
        return sum(len(layers) for _, layers in self._pieces[:done])

    def _longest(self, key: Sequence[int]) -> tuple[Tensor, int]:
        """What the longest known beginning returns, and the number of its pieces."""
        for done in range(len(self._pieces) - 1, 0, -1):
            name = (done, *key[: self._depth(done)])
            if name in self._known:
                self._known.move_to_end(name)
                return self._known[name], done
        return self._inputs, 0

    def _keep(self, name: tuple[int, ...], values: Tensor) -> None:
        self._known[name] = values
        self._size += values.nbytes
        while self._size > _MOST_KEPT:
            self._size -= self._known.popitem(last=False)[1].nbytes


def _pieces(model: nn.Module, parameters: Sequence[str]) -> list[tuple[nn.Module, list[str]]]:
    """The pieces of a network, and the names of the weights in each."""
    if type(model) is not nn.Sequential:
        return [(model, list(parameters))]
    pieces: list[tuple[nn.Sequential, list[str]]] = [(nn.Sequential(), [])]
    for child, module in model.named_children():
        layers = [name for name in parameters if name.startswith(f"{child}.")]
        if layers and pieces[-1][1]:
            pieces.append((nn.Sequential(), []))
        pieces[-1][0].append(module)
        pieces[-1][1].extend(layers)
    return [(module.eval(), layers) for module, layers in pieces]
