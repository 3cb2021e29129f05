"""Whole units are removed by what they are worth: both sides of them count."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from tests.pruning.chains import Sample, conv_samples, dense_samples
from tests.pruning.strangers import CLASSES, Residual, chain, drawn, random_mask
from wann.errors import BadInput
from wann.pruning import Chain, Mask, without_neurons
from wann.pruning.neurons import neuron_norms


@settings(deadline=None, max_examples=25)
@given(dense_samples() | conv_samples())
def test_a_unit_is_worth_the_norm_of_what_comes_in_times_that_of_what_goes_out(of: Sample) -> None:
    dense = Chain.of(of.model, of.mask, of.inputs)
    stages, norms = dense.stages, neuron_norms(dense)
    assert list(norms) == [stage.name for stage in stages[:-1]]
    for here, following in itertools.pairwise(stages):
        uses = following.weight.flatten(1).shape[1] // here.units
        for unit in range(here.units):
            into = [float(value) for value in here.weight[unit].flatten()] + [float(here.bias[unit])]
            columns = following.weight.flatten(1)[:, unit * uses : (unit + 1) * uses].flatten()
            expected = np.sqrt(sum(value**2 for value in into)) * np.sqrt(sum(float(v) ** 2 for v in columns))
            assert float(norms[here.name][unit]) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_a_unit_with_a_large_bias_but_no_way_out_goes_first() -> None:
    """What thresholds biases gets wrong."""
    model = chain(3, 4, 2)
    with torch.no_grad():
        model.get_parameter("0.bias").copy_(torch.tensor([1e-4, 100.0, 1e-4, 1e-4]))
        model.get_parameter("2.weight")[:, 1] = 1e-7
    mask = without_neurons(model, Mask.dense(model), torch.ones(1, 3), 0.75)
    assert mask.tensors["0.weight"].any(1).tolist() == [True, False, True, True]


def test_among_layers_of_unlike_scale_each_is_compared_with_its_mean() -> None:
    model = drawn(lambda: chain(4, 6, 6, 2))
    with torch.no_grad():
        model.get_parameter("0.weight").mul_(1000)
        model.get_parameter("0.bias").mul_(1000)
    example = torch.ones(1, 4)
    norms = neuron_norms(Chain.of(model, Mask.dense(model), example))
    assert float(norms["0"].min()) > float(norms["2"].max())
    mask = without_neurons(model, Mask.dense(model), example, 0.5, "global")
    left = [int(mask.tensors[name].any(1).sum()) for name in ("0.weight", "2.weight")]
    assert sum(left) == 6
    assert min(left) >= 1
    worth = torch.cat([norms["0"] / norms["0"].mean(), norms["2"] / norms["2"].mean()])
    stays = torch.cat([mask.tensors["0.weight"].any(1), mask.tensors["2.weight"].any(1)])
    assert float(worth[stays].min()) >= float(worth[~stays].max())


@settings(deadline=None, max_examples=40)
@given(st.floats(0.3, 1), st.integers(0, 1000), st.floats(0.5, 1))
def test_exactly_a_share_of_each_layers_units_stays_and_nothing_returns(
    density: float, seed: int, before: float
) -> None:
    model = drawn(lambda: chain(5, 8, 6, CLASSES), seed)
    given_mask = random_mask(model, before, seed)
    mask = without_neurons(model, given_mask, torch.ones(1, 5), density)
    given_mask.shrunk(mask.tensors)
    norms = neuron_norms(Chain.of(model, given_mask, torch.ones(1, 5)))
    for name, after, units in (("0", "2", 8), ("2", "4", 6)):
        order = sorted(range(units), key=lambda unit, name=name: (-float(norms[name][unit]), unit))  # type: ignore[misc]
        gone = torch.ones(units, dtype=torch.bool)
        gone[order[: round(density * units)]] = False
        assert not bool(mask.tensors[f"{name}.weight"][gone].any())
        assert not bool(mask.tensors[f"{after}.weight"][:, gone].any())


def test_filters_are_units_and_their_uses_in_a_dense_layer_go_with_them() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3))
    images = torch.ones(1, 1, 6, 6)
    mask = without_neurons(model, Mask.dense(model), images, 0.5)
    kept = mask.tensors["0.weight"].flatten(1).any(1)
    assert int(kept.sum()) == 2
    assert mask.tensors["4.weight"].reshape(3, 4, 4).all(2).all(0).tolist() == kept.tolist()
    assert Chain.of(model, mask, images).compacted().widths == [2, 3]


def test_what_is_left_is_a_smaller_dense_network() -> None:
    model = drawn(lambda: chain(5, 8, 6, CLASSES))
    example = torch.ones(1, 5)
    mask = without_neurons(model, Mask.dense(model), example, 0.5)
    small = Chain.of(model, mask, example).compacted()
    assert small.widths == [4, 3, CLASSES]
    assert all(bool(stage.live.all()) for stage in small.stages)
    assert without_neurons(model, mask, example, 0.5).to_bytes() == mask.to_bytes()


def test_complaints() -> None:
    model = chain(3, 4, 2)
    example = torch.ones(1, 3)
    with pytest.raises(BadInput, match="scope: 'erk'; accepted for neurons are layer, global"):
        without_neurons(model, Mask.dense(model), example, 0.5, "erk")
    with pytest.raises(BadInput, match="nothing would be left in layer 0; use a lower sparsity"):
        without_neurons(model, Mask.dense(model), example, 0.01)
    with pytest.raises(BadInput, match=r"only layers in torch\.nn\.Sequential"):
        without_neurons(Residual(), Mask.dense(Residual()), torch.ones(1, 6), 0.5)
    layer = nn.Linear(4, 4)
    twice = nn.Sequential(layer, nn.Tanh(), layer, nn.Tanh(), nn.Linear(4, 2))
    with pytest.raises(BadInput, match="layer 2 shares its weights with another"):
        without_neurons(twice, Mask.dense(twice), torch.ones(1, 4), 0.5)
