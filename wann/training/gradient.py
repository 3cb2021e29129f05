"""Training the weights of a fixed topology by gradient descent, through PyTorch.

Only classification is implemented: a batch passes through the network layer by layer, the loss is the
cross-entropy of a softmax, the optimiser is Adam (Kingma & Ba 2015).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..errors import BadInput
from ..network import Network
from ..settings import Settings
from ..streams import Stream, generator
from ..tasks import ClassificationTask, ImageSet

if TYPE_CHECKING:
    import torch

__all__ = ["GradientSettings", "train_by_gradient"]


class GradientSettings(Settings):
    """Length and rate of gradient descent.

    Attributes:
        epochs: passes over the training images.
        batch: images in a step.
        rate: initial learning rate, annealed to zero along half a cosine.
    """

    epochs: Annotated[int, Field(ge=1, le=1_000_000)] = 40
    batch: Annotated[int, Field(ge=1, le=1_000_000)] = 250
    rate: Annotated[float, Field(gt=0.0, le=10.0)] = 0.03


def train_by_gradient(
    network: Network,
    task: ClassificationTask,
    start: float,
    seed: int,
    settings: GradientSettings | None = None,
    show: Callable[[int, int, float], None] | None = None,
) -> NDArray[np.float64]:
    """Train from ``start`` on all connections; the epoch with the best validation accuracy is returned.

    Equal seeds give equal weights with the same PyTorch on the same processor and threads.

    Args:
        network: the topology.
        task: the images.
        start: initial value of all weights; it is compared with the epochs, so that training never
            makes the network worse on the validation images.
        seed: of the order of the images.
        settings: length and rate.
        show: called after each epoch with its index, the number of epochs and the validation accuracy.

    Returns:
        float64[connections]; connections that lead to no output keep ``start``.

    Raises:
        BadInput: PyTorch is not installed.
    """
    try:
        import torch  # noqa: PLC0415 - an extra, and slow to import
    except ImportError:
        raise BadInput(
            "training by gradients needs PyTorch, which is not installed: pip install 'wann[torch]'"
        ) from None
    settings = settings or GradientSettings()
    layers = list(_layers(network))
    weights = torch.full((network.connections,), start, dtype=torch.float32, requires_grad=True)
    optimizer = torch.optim.Adam([weights], settings.rate)
    images, labels = torch.from_numpy(task.train.pixels()), torch.from_numpy(task.train.labels)
    steps = -(-len(labels) // settings.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.epochs * steps)
    best = _accuracy(layers, weights, task.validation), weights.detach().clone()
    for epoch in range(settings.epochs):
        order = torch.from_numpy(generator(seed, Stream.TRAINING, epoch).permutation(len(labels)))
        for chosen in order.split(settings.batch):
            optimizer.zero_grad()
            outputs = _forward(layers, weights, images[chosen])
            torch.nn.functional.cross_entropy(outputs, labels[chosen]).backward()
            torch.nn.utils.clip_grad_norm_([weights], 1.0)
            optimizer.step()
            schedule.step()
        accuracy = _accuracy(layers, weights, task.validation)
        if show is not None:
            show(epoch, settings.epochs, accuracy)
        if accuracy > best[0] and bool(torch.isfinite(weights).all()):
            best = accuracy, weights.detach().clone()
    return best[1].numpy().astype(np.float64)


@dataclass(frozen=True)
class _Layer:
    """Nodes that are computed together.

    Attributes:
        size: number of nodes.
        row: int64[edges], index in the layer of each connection's target.
        column: int64[edges], slot of each connection's source.
        connection: int64[edges], index of each connection in the network.
        kinds: (activation id, first node, node after the last) of each slice with one activation.
    """

    size: int
    row: torch.Tensor
    column: torch.Tensor
    connection: torch.Tensor
    kinds: tuple[tuple[int, int, int], ...]


def _layers(network: Network) -> Any:
    """The network in layers by depth; slots are the bias, the inputs, then the nodes layer by layer.

    The last layer holds the outputs in their order, whatever their depth.
    """
    import torch  # noqa: PLC0415

    program = network.batch.program
    fixed, nodes = 1 + network.inputs, len(program.activation)
    first_output = nodes - network.outputs
    edges = program.edge_rows
    depth = np.zeros(fixed + nodes, np.int64)
    for node in range(nodes):
        sources = program.source[edges[node] : edges[node + 1]]
        depth[fixed + node] = 1 + depth[sources].max(initial=0)
    depth[fixed + first_output :] = depth.max() + 1
    slot = np.concatenate([np.arange(fixed), np.zeros(nodes, np.int64)])
    used = fixed
    for level in np.unique(depth[fixed:]):
        members = np.flatnonzero(depth[fixed:] == level)
        if members[-1] < first_output:
            members = members[np.argsort(program.activation[members], kind="stable")]
        slot[fixed + members] = used + np.arange(len(members))
        used += len(members)
        spans = [np.arange(edges[node], edges[node + 1]) for node in members]
        flat = np.concatenate(spans)
        row = np.repeat(np.arange(len(members)), [len(span) for span in spans])
        kinds = program.activation[members]
        borders = [0, *(np.flatnonzero(np.diff(kinds)) + 1).tolist(), len(members)]
        yield _Layer(
            len(members),
            torch.from_numpy(row),
            torch.from_numpy(slot[program.source[flat]]),
            torch.from_numpy(program.gene[flat]),
            tuple((int(kinds[begin]), begin, end) for begin, end in pairwise(borders)),
        )


def _forward(layers: list[_Layer], weights: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Raw outputs [images, outputs] of [images, pixels]."""
    import torch  # noqa: PLC0415

    values = torch.cat([torch.ones(1, len(images)), images.T])
    computed = values
    for layer in layers:
        matrix = torch.zeros(layer.size, len(values)).index_put(
            (layer.row, layer.column), weights[layer.connection]
        )
        sums = matrix @ values
        computed = torch.cat([_activate(kind, sums[begin:end]) for kind, begin, end in layer.kinds])
        values = torch.cat([values, computed])
    return computed.T


def _activate(kind: int, x: torch.Tensor) -> torch.Tensor:
    """The activation with this id; see ``wann.activations``."""
    import torch  # noqa: PLC0415

    functions: dict[int, Callable[[torch.Tensor], torch.Tensor]] = {
        1: lambda x: x,
        2: lambda x: (x > 0).to(x.dtype),
        3: lambda x: torch.sin(torch.pi * x),
        4: lambda x: torch.exp(-x * x / 2),
        5: torch.tanh,
        6: torch.sigmoid,
        7: torch.neg,
        8: torch.abs,
        9: torch.relu,
        10: lambda x: torch.cos(torch.pi * x),
        11: torch.square,
    }
    return functions[kind](x)


def _accuracy(layers: list[_Layer], weights: torch.Tensor, images: ImageSet) -> float:
    import torch  # noqa: PLC0415

    with torch.no_grad():
        outputs = _forward(layers, weights, torch.from_numpy(images.pixels()))
        return float((outputs.argmax(1) == torch.from_numpy(images.labels)).double().mean())
