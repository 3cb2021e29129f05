"""What is removed from a layer at a sparsity: its smallest weights, or its units of the least norm.

Both are ranked once; what is kept of every layer is then a comparison of ranks with a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Protocol

from torch import Tensor, nn

from ..errors import BadInput
from .budget import Cost
from .compaction import Chain
from .layers import Layer
from .mask import Mask, prunable
from .neurons import keeping_neurons, neuron_ranks, ranks

__all__ = ["REMOVALS", "Removal", "Resource"]

Resource = Literal["weights", "flops"]


class Removal(Protocol):
    """What is removed from the layers of a network.

    Attributes:
        totals: weights or units of each layer that can be pruned, in the order of computation.
    """

    totals: tuple[int, ...]

    def cost(self, resource: Resource) -> Cost:
        """What the network costs for what is kept."""

    def mask(self, kept: Sequence[int]) -> Mask:
        """The mask that keeps so much of each layer."""


class WeightRemoval:
    """The weights of the least magnitude are removed, in any network (AMC's fine-grained pruning).

    Args:
        model: the network with its trained weights.
        layers: its layers.
        example: inputs [examples, ...].
    """

    def __init__(self, model: nn.Module, layers: Sequence[Layer], example: Tensor) -> None:
        del example
        self.totals = tuple(layer.weights for layer in layers)
        self._layers = layers
        weights = prunable(model)
        self._ranks = {layer.parameter: _by_magnitude(weights[layer.parameter]) for layer in layers}

    def cost(self, resource: Resource) -> Cost:
        """A weight costs one, or one multiply-add at each position."""
        return Cost(tuple(1 if resource == "weights" else layer.positions for layer in self._layers))

    def mask(self, kept: Sequence[int]) -> Mask:
        """The largest weights of each layer; of equal ones the first."""
        return Mask(
            {name: rank < count for (name, rank), count in zip(self._ranks.items(), kept, strict=True)}
        )


def _by_magnitude(weight: Tensor) -> Tensor:
    """Rank of each weight within its layer, int64[shape of the weight]."""
    magnitude = weight.detach().double().abs()
    return ranks(magnitude.flatten()).reshape(magnitude.shape)


class UnitRemoval:
    """Whole units of the least norm are removed, of all layers but the last (see ``neuron_norms``).

    AMC removes input channels; those of a layer are the units of the layer before it.

    Args:
        model: a sequence of layers with its trained weights.
        layers: its layers.
        example: inputs [examples, ...].

    Raises:
        BadInput: the network is no sequence of layers, or has no layer but the last.
    """

    def __init__(self, model: nn.Module, layers: Sequence[Layer], example: Tensor) -> None:
        self._dense = Mask.dense(model)
        self._chain = Chain.of(model, self._dense, example)
        self._ranks = neuron_ranks(self._chain)
        self._layers = layers
        self.totals = tuple(len(rank) for rank in self._ranks.values())
        if not self.totals:
            raise BadInput(f"{type(model).__name__} has no hidden units that could be removed")

    def cost(self, resource: Resource) -> Cost:
        """A pair of units costs the weights between them, or their multiply-adds."""
        first, last = self._layers[0].inputs, self._layers[-1].outputs
        units = (first, *self.totals, last)
        prices = tuple(
            layer.weights // (read * had) * (1 if resource == "weights" else layer.positions)
            for layer, read, had in zip(self._layers, units[:-1], units[1:], strict=True)
        )
        return Cost(prices, (first, last))

    def mask(self, kept: Sequence[int]) -> Mask:
        """The weights between the units of the highest norms."""
        stays = {name: rank < count for (name, rank), count in zip(self._ranks.items(), kept, strict=True)}
        return keeping_neurons(self._dense, self._chain, stays)


REMOVALS: Final[dict[str, type[WeightRemoval | UnitRemoval]]] = {
    "weights": WeightRemoval,
    "units": UnitRemoval,
}
"""What can be removed."""
