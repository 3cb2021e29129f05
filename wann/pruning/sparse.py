"""Sparse layers in compressed rows, stored and computed."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_array
from torch import Tensor, nn

from ..errors import BadInput
from ..files import npz_bytes
from .compaction import Chain
from .stages import Stage

__all__ = ["SparseChain", "dense_bytes", "latency"]

_SMALL: Final = (np.uint8, np.uint16, np.uint32)


@dataclass(frozen=True)
class SparseChain:
    """A chain of layers with weights in compressed sparse rows (CSR).

    Attributes:
        chain: the network.
        matrices: float32[units, inputs of a unit] in compressed rows, one for each layer.
    """

    chain: Chain
    matrices: list[csr_array]

    @classmethod
    def of(cls, chain: Chain) -> SparseChain:
        """The sparse form of a chain."""
        return cls(chain, [_rows(stage) for stage in chain.stages])

    def __call__(self, inputs: Tensor) -> Tensor:
        """Outputs float32[examples, outputs]."""
        values = inputs
        for _, module in self.chain.before:
            values = module(values)
        for stage, matrix in zip(self.chain.stages, self.matrices, strict=True):
            values = _layer(stage, matrix, values)
            for _, module in stage.after:
                values = module(values)
        return values

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays to store: row pointers, columns, values and biases of each layer; small integer types."""
        stored: dict[str, NDArray[Any]] = {}
        for stage, matrix in zip(self.chain.stages, self.matrices, strict=True):
            stored[f"{stage.name}.rows"] = smallest(matrix.indptr)
            stored[f"{stage.name}.columns"] = smallest(matrix.indices)
            stored[f"{stage.name}.values"] = matrix.data
            stored[f"{stage.name}.bias"] = stage.bias.numpy().astype(np.float32)
        return stored

    def to_bytes(self) -> bytes:
        """The content of an npz file."""
        return npz_bytes(self.arrays())


def _rows(stage: Stage) -> csr_array:
    """The kept weights, including zeros."""
    live = stage.live.flatten(1).numpy()
    row, column = np.nonzero(live)
    values = stage.weight.flatten(1).numpy()[row, column].astype(np.float32)
    pointers = np.concatenate([[0], np.cumsum(live.sum(axis=1))])
    return csr_array((values, column.astype(np.int32), pointers.astype(np.int32)), shape=live.shape)


def _layer(stage: Stage, matrix: csr_array, values: Tensor) -> Tensor:
    bias = stage.bias.to(torch.float32)
    if isinstance(stage.layer, nn.Linear):
        rows = values.reshape(math.prod(values.shape[:-1]), values.shape[-1]).numpy()
        return torch.from_numpy((matrix @ rows.T).T).reshape(*values.shape[:-1], stage.units) + bias
    layer = stage.layer
    padding = _padding(layer)
    patches = nn.functional.unfold(
        values, layer.kernel_size, dilation=layer.dilation, padding=padding, stride=layer.stride
    )
    count, width, _ = patches.shape
    sums = matrix @ patches.permute(1, 0, 2).reshape(width, -1).numpy()
    size = [_output_size(layer, padding[axis], values.shape[2 + axis], axis) for axis in (0, 1)]
    return torch.from_numpy(sums).reshape(-1, count, *size).transpose(0, 1) + bias[:, None, None]


def _padding(layer: nn.Conv2d) -> tuple[int, int]:
    if layer.padding == "valid":
        return 0, 0
    if isinstance(layer.padding, str):
        reach = [
            dilation * (size - 1) for dilation, size in zip(layer.dilation, layer.kernel_size, strict=True)
        ]
        if any(length % 2 for length in reach):
            raise BadInput("padding 'same' with an even kernel is not supported in compressed rows")
        return reach[0] // 2, reach[1] // 2
    return layer.padding[0], layer.padding[1]


def _output_size(layer: nn.Conv2d, padding: int, length: int, axis: int) -> int:
    """Number of positions of a kernel along an axis."""
    reach = layer.dilation[axis] * (layer.kernel_size[axis] - 1) + 1
    return (length + 2 * padding - reach) // layer.stride[axis] + 1


def smallest(numbers: NDArray[Any]) -> NDArray[Any]:
    """Non-negative integers in the smallest unsigned type that holds them."""
    largest = int(numbers.max(initial=0))
    return numbers.astype(next(kind for kind in _SMALL if largest <= np.iinfo(kind).max))


def dense_bytes(chain: Chain) -> int:
    """Size of an npz file with all weights, including zeros, and biases in float32."""
    arrays = {}
    for stage in chain.stages:
        arrays[f"{stage.name}.weight"] = stage.weight.numpy().astype(np.float32)
        arrays[f"{stage.name}.bias"] = stage.bias.numpy().astype(np.float32)
    return len(npz_bytes(arrays))


def latency(network: Callable[[Tensor], Tensor], inputs: Tensor, seconds: float = 0.2) -> float:
    """Median seconds of a forward pass, over at least eleven passes and this many seconds."""
    times: list[float] = []
    with torch.no_grad():
        network(inputs)
        began = time.perf_counter()
        while len(times) < 11 or time.perf_counter() - began < seconds:
            before = time.perf_counter()
            network(inputs)
            times.append(time.perf_counter() - before)
    return float(np.median(times))
