"""Compressed rows compute what the compact network computes, and take the bytes that are claimed."""

from __future__ import annotations

import io
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import nn

from tests.pruning.chains import Sample, conv_samples, dense_samples, sample
from tests.pruning.strangers import CLASSES, chain, random_mask
from wann.errors import BadInput
from wann.files import npz_bytes
from wann.pruning import Chain, Mask, ModelSettings, SparseChain, make_model
from wann.pruning.sparse import dense_bytes, latency, smallest

thorough = settings(deadline=None, max_examples=30)
IMAGE = torch.linspace(0, 1, 256)[None]


def stored(content: bytes) -> dict[str, NDArray[np.generic]]:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


@thorough
@given(dense_samples() | conv_samples())
def test_compressed_rows_compute_what_the_compact_network_computes(of: Sample) -> None:
    compacted = Chain.of(of.model, of.mask, of.inputs).compacted()
    inputs = of.inputs.float()
    found = SparseChain.of(compacted)(inputs)
    assert found.dtype == torch.float32
    with torch.no_grad():
        torch.testing.assert_close(found, compacted.module(torch.float32)(inputs), rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(found.double(), of.model(of.inputs), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("stride", "padding"),
    [*product([1, 2, (2, 1)], [0, 1, (0, 2), "valid"]), (1, "same")],
)
@pytest.mark.filterwarnings("ignore:Using padding=.same. with even kernel")
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("kernel", [3, (1, 3), 2])
def test_convolutions_of_every_geometry(
    stride: int | tuple[int, int],
    padding: int | tuple[int, int] | str,
    dilation: int,
    kernel: int | tuple[int, int],
) -> None:
    layer = nn.Conv2d(2, 3, kernel, stride, padding, dilation)
    of = sample(
        [layer, nn.Tanh(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(12, 2)], (2, 9, 8), [0.6, 1.0], 0
    )
    sparse = SparseChain.of(Chain.of(of.model, of.mask, of.inputs))
    if padding == "same" and kernel == 2 and dilation == 1:
        with pytest.raises(BadInput, match="padding 'same' with an even kernel"):
            sparse(of.inputs.float())
        return
    with torch.no_grad():
        torch.testing.assert_close(
            sparse(of.inputs.float()).double(), of.model(of.inputs), rtol=1e-4, atol=1e-5
        )


@thorough
@given(dense_samples() | conv_samples())
def test_the_stored_arrays_are_the_whole_network(of: Sample) -> None:
    """Dense weights come back from rows, columns and values alone."""
    compacted = Chain.of(of.model, of.mask, of.inputs).compacted()
    arrays = stored(SparseChain.of(compacted).to_bytes())
    assert len(arrays) == 4 * len(compacted.stages)
    for stage in compacted.stages:
        rows, columns, values, bias = (
            arrays[f"{stage.name}.{part}"] for part in ("rows", "columns", "values", "bias")
        )
        dense = np.zeros(tuple(stage.weight.flatten(1).shape), np.float32)
        for unit in range(len(dense)):
            for place in range(int(rows[unit]), int(rows[unit + 1])):
                dense[unit, int(columns[place])] = values[place]
        np.testing.assert_array_equal(dense, stage.weight.flatten(1).numpy().astype(np.float32))
        np.testing.assert_array_equal(bias, stage.bias.numpy().astype(np.float32))
        assert len(values) == int(stage.live.sum())
        assert values.dtype == bias.dtype == np.float32


def test_weights_that_are_there_are_stored_whatever_their_value() -> None:
    model = chain(4, 3, 2)
    with torch.no_grad():
        model.get_parameter("0.weight")[0] = 0.0
    matrices = SparseChain.of(Chain.of(model, Mask.dense(model), torch.ones(1, 4))).matrices
    assert [matrix.nnz for matrix in matrices] == [12, 6]


def pruned(density: float) -> tuple[nn.Module, Mask]:
    model = make_model(ModelSettings(hidden=(60, 30)), 16, 10, np.random.default_rng(0))
    mask = random_mask(model, density)
    mask.apply(model)
    return model, mask


def test_zeros_do_not_shrink_a_file_but_compressed_rows_do() -> None:
    sizes = {}
    for density in (1.0, 0.3, 0.05, 0.01):
        model, mask = pruned(density)
        masked = Chain.of(model, mask, IMAGE)
        compacted = masked.compacted()
        sparse = len(SparseChain.of(compacted).to_bytes())
        sizes[density] = (dense_bytes(masked), sparse)
        weights = 256 * 60 + 60 * 30 + 30 * 10
        assert abs(dense_bytes(masked) - 4 * (weights + 100)) < 2000  # zip and npy headers
    assert len({dense for dense, _ in sizes.values()}) == 1
    assert sizes[1.0][1] > sizes[1.0][0]
    assert sizes[0.05][1] < sizes[0.05][0] / 8
    assert sizes[0.01][1] < sizes[0.05][1] < sizes[0.3][1] < sizes[1.0][1]


def test_bytes_are_those_of_the_file() -> None:
    model, mask = pruned(0.1)
    sparse = SparseChain.of(Chain.of(model, mask, IMAGE).compacted())
    arrays = sparse.arrays()
    content = sparse.to_bytes()
    assert content == npz_bytes(arrays)
    assert content == SparseChain.of(Chain.of(model, mask, IMAGE).compacted()).to_bytes()
    payload = sum(array.nbytes for array in arrays.values())
    assert payload < len(content) < payload + 400 * len(arrays)


@given(st.integers(0, 2**32 - 1))
def test_indices_are_stored_in_the_smallest_type_that_holds_them(largest: int) -> None:
    found = smallest(np.array([0, largest]))
    assert found.tolist() == [0, largest]
    width = 1 if largest < 2**8 else 2 if largest < 2**16 else 4
    assert found.dtype.itemsize == width
    assert found.dtype.kind == "u"


def test_no_indices_are_stored_too() -> None:
    assert smallest(np.array([], np.int64)).dtype == np.uint8


def test_latency_is_a_median_of_seconds() -> None:
    model = chain(4, 3, CLASSES)
    calls: list[int] = []

    def network(inputs: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        found: torch.Tensor = model(inputs)
        assert not found.requires_grad
        return found

    assert 0 < latency(network, torch.ones(1, 4), seconds=0.0) < 0.1
    assert len(calls) == 12  # the first one is not counted
