"""A pruned network is a ``Network`` like those that evolved: it computes and counts the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from tests.pruning.chains import Sample, dense_samples
from tests.pruning.strangers import CLASSES, chain, drawn, random_mask
from wann.errors import BadInput
from wann.formats import from_document, render, to_document
from wann.pruning import Chain, Mask, to_network


@settings(deadline=None, max_examples=30)
@given(dense_samples(activations=("relu", "tanh", "sigmoid")))
def test_a_network_computes_what_the_compact_module_computes(of: Sample) -> None:
    compacted = Chain.of(of.model, of.mask, of.inputs).compacted()
    network = to_network(compacted)
    with torch.no_grad():
        expected = compacted.module(torch.float64)(of.inputs).numpy()
    found = network.policy().outputs(of.inputs.numpy().astype(np.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=2e-5)


@settings(deadline=None, max_examples=30)
@given(dense_samples(activations=("relu", "tanh", "sigmoid")))
def test_connections_are_live_weights_and_biases_that_are_not_zero(of: Sample) -> None:
    compacted = Chain.of(of.model, of.mask, of.inputs).compacted()
    network = to_network(compacted)
    assert network.connections == compacted.connections + compacted.biases
    assert (network.inputs, network.outputs) == (of.inputs.shape[1], compacted.widths[-1])
    assert network.size == 1 + network.inputs + sum(compacted.widths)
    assert int((network.source == 0).sum()) == compacted.biases


def test_a_chain_need_not_be_compacted() -> None:
    model = drawn(lambda: chain(6, 5, 4, CLASSES, dropout=0.5)).eval()
    mask = random_mask(model, 0.3)
    mask.apply(model)
    inputs = np.random.default_rng(0).normal(size=(7, 6)).astype(np.float32)
    network = to_network(Chain.of(model, mask, torch.from_numpy(inputs)))
    with torch.no_grad():
        expected = model(torch.from_numpy(inputs)).numpy()
    np.testing.assert_allclose(network.policy().outputs(inputs), expected, rtol=1e-5, atol=1e-6)
    assert network.connections == mask.kept + 12


def test_it_carries_its_task_and_origin_through_a_file() -> None:
    model = chain(6, 5, CLASSES)
    dense = Chain.of(model, Mask.dense(model), torch.ones(1, 6))
    network = to_network(dense, "digits", criterion="magnitude", round=3)
    assert network.task == "digits"
    assert network.provenance == {"criterion": "magnitude", "round": 3}
    again = from_document(to_document(network))
    assert render(to_document(again)) == render(to_document(network))
    inputs = np.ones((1, 6), np.float32)
    np.testing.assert_array_equal(again.policy().outputs(inputs), network.policy().outputs(inputs))


REFUSED: dict[str, tuple[nn.Module, tuple[int, ...], str]] = {
    "convolution": (
        nn.Sequential(nn.Conv2d(1, 1, 3), nn.Flatten(), nn.Linear(4, 2)),
        (1, 1, 4, 4),
        "only linear layers can become nodes",
    ),
    "something before": (
        nn.Sequential(nn.Unflatten(1, (1, 4)), nn.Flatten(), nn.Linear(4, 2)),
        (1, 4),
        "only linear layers",
    ),
    "activation": (
        nn.Sequential(nn.Linear(4, 3), nn.ELU(), nn.Linear(3, 2)),
        (1, 4),
        "after 0: ELU; accepted are ReLU, Tanh, Sigmoid",
    ),
    "two activations": (
        nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Tanh(), nn.Linear(3, 2)),
        (1, 4),
        "after 0: ReLU, Tanh; accepted are",
    ),
}


@pytest.mark.parametrize(("model", "shape", "complaint"), REFUSED.values(), ids=REFUSED)
def test_what_networks_do_not_know_is_refused(
    model: nn.Module, shape: tuple[int, ...], complaint: str
) -> None:
    with pytest.raises(BadInput, match=complaint):
        to_network(Chain.of(model, Mask.dense(model), torch.ones(shape)))
