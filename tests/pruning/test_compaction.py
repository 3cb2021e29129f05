"""A compact network computes what the masked one computes, and nothing in it is superfluous."""

from __future__ import annotations

import copy
from collections import OrderedDict
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from tests.pruning.chains import Sample, conv_samples, dense_samples, sample
from tests.pruning.strangers import CLASSES, STRANGERS, chain, drawn, equal_states, random_mask
from wann.errors import BadInput
from wann.pruning import Chain, Mask, ModelSettings, compact, make_model

thorough = settings(deadline=None, max_examples=40)
ONES = torch.ones(1, 2)


def agrees(of: Sample) -> nn.Sequential:
    small = compact(of.model, of.mask, of.inputs)
    with torch.no_grad():
        torch.testing.assert_close(small(of.inputs), of.model(of.inputs), rtol=1e-11, atol=1e-11)
    return small


def layers(model: nn.Sequential) -> list[nn.Linear | nn.Conv2d]:
    return [module for module in model if isinstance(module, nn.Linear | nn.Conv2d)]


# The same function.


@thorough
@given(dense_samples())
def test_dense_networks_compute_the_same(of: Sample) -> None:
    agrees(of)


@thorough
@given(conv_samples())
def test_convolutional_networks_compute_the_same(of: Sample) -> None:
    agrees(of)


PRESETS = {
    "dense": ModelSettings(hidden=(20, 10), dropout=0.3),
    "logistic regression": ModelSettings(hidden=()),
    "lenet-5": ModelSettings(kind="lenet-5", activation="tanh"),
}


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_the_presets_compute_the_same_and_become_small(preset: ModelSettings) -> None:
    rng = np.random.default_rng(0)
    model = make_model(preset, 16, 10, rng).double().eval()
    mask = random_mask(model, 0.01)
    mask.apply(model)
    images = torch.from_numpy(rng.random((5, 256)))
    small = compact(model, mask, images)
    with torch.no_grad():
        torch.testing.assert_close(small(images), model(images), rtol=1e-12, atol=1e-12)
    if preset.hidden and preset.kind == "dense":
        sizes = [sum(parameter.numel() for parameter in of.parameters()) for of in (small, model)]
        assert sizes[0] < sizes[1] / 2


# Nothing superfluous.


@thorough
@given(dense_samples())
def test_what_is_left_has_live_inputs_and_live_outputs(of: Sample) -> None:
    small = Chain.of(of.model, of.mask, of.inputs).compacted()
    for here, following in pairwise(small.stages):
        assert bool(here.live.any(1).all())
        assert bool(following.live.any(0).all())
        assert here.weight.shape == here.live.shape
        assert following.weight.shape[1] == here.units == len(here.bias)
        assert not bool(here.weight[~here.live].any())


@thorough
@given(conv_samples())
def test_filters_that_are_left_are_heard(of: Sample) -> None:
    small = Chain.of(of.model, of.mask, of.inputs).compacted()
    for here, following in pairwise(small.stages):
        heard = following.live.transpose(0, 1).reshape(max(1, here.units), -1).any(1)[: here.units]
        if here.units > 1 or isinstance(here.layer, nn.Linear):
            assert bool(heard.all())


@thorough
@given(dense_samples() | conv_samples())
def test_compacting_twice_changes_nothing(of: Sample) -> None:
    once = Chain.of(of.model, of.mask, of.inputs).compacted()
    twice = once.compacted()
    assert twice.widths == once.widths
    for one, other in zip(once.stages, twice.stages, strict=True):
        assert torch.equal(one.weight, other.weight)
        assert torch.equal(one.bias, other.bias)
        assert torch.equal(one.live, other.live)


@thorough
@given(dense_samples())
def test_connections_are_those_on_a_path_from_a_live_unit_to_an_output(of: Sample) -> None:
    """By search over the graph: a unit counts if it has live inputs all the way, and leads to an output."""
    masks = list(of.mask.tensors.values())
    fed: list[list[bool]] = [[True] * masks[0].shape[1]]
    for there in masks:
        fed.append(
            [
                any(bool(there[unit, source]) and fed[-1][source] for source in range(there.shape[1]))
                for unit in range(len(there))
            ]
        )
    leads: list[list[bool]] = [[True] * len(masks[-1])]
    for there in reversed(masks):
        leads.insert(
            0,
            [
                any(bool(there[unit, source]) and leads[0][unit] for unit in range(len(there)))
                for source in range(there.shape[1])
            ],
        )
    expected = sum(
        bool(there[unit, source]) and fed[place][source] and leads[place + 1][unit]
        for place, there in enumerate(masks)
        for unit in range(len(there))
        for source in range(there.shape[1])
    )
    small = Chain.of(of.model, of.mask, of.inputs).compacted()
    assert small.connections == expected
    inner = [
        sum(f and g for f, g in zip(fed[place], leads[place], strict=True)) for place in range(1, len(masks))
    ]
    assert small.widths == [*inner, len(masks[-1])]


# By hand.


def of_two_layers(
    first: list[list[float]], bias: list[float], second: list[list[float]], last: list[float]
) -> nn.Sequential:
    model = nn.Sequential(
        nn.Linear(len(first[0]), len(first)), nn.Sigmoid(), nn.Linear(len(first), len(second))
    ).double()
    with torch.no_grad():
        for name, values in (("0.weight", first), ("0.bias", bias), ("2.weight", second), ("2.bias", last)):
            model.get_parameter(name).copy_(torch.tensor(values, dtype=torch.float64))
    return model


def test_what_a_unit_without_inputs_yields_goes_into_the_next_biases() -> None:
    model = of_two_layers([[1.0, 2.0], [0.0, 0.0]], [0.5, -1.0], [[3.0, 4.0]], [0.25])
    gone = torch.tensor([[True, True], [False, False]])
    small = compact(model, Mask({"0.weight": gone, "2.weight": torch.ones(1, 2, dtype=torch.bool)}), ONES)
    first, second = layers(small)
    assert first.weight.tolist() == [[1.0, 2.0]]
    assert first.bias is not None
    assert first.bias.tolist() == [0.5]
    assert second.weight.tolist() == [[3.0]]
    assert second.bias is not None
    assert second.bias.item() == pytest.approx(0.25 + 4.0 / (1 + torch.e))


def test_live_weights_that_sum_to_zero_are_not_dead() -> None:
    model = of_two_layers([[1.0, -1.0], [2.0, 1.0]], [0.0, 0.0], [[1.0, -1.0], [-1.0, 1.0]], [0.0, 0.0])
    small = compact(model, Mask.dense(model), ONES)
    assert [tuple(layer.weight.shape) for layer in layers(small)] == [(2, 2), (2, 2)]
    assert Chain.of(model, Mask.dense(model), ONES).compacted().connections == 8


def test_a_weight_of_value_zero_that_is_there_is_there() -> None:
    model = of_two_layers([[0.0, 0.0], [2.0, 1.0]], [0.0, 0.0], [[1.0, -1.0]], [0.0])
    chained = Chain.of(model, Mask.dense(model), ONES).compacted()
    assert (chained.widths, chained.connections) == ([2, 1], 6)


def test_removing_a_unit_may_make_another_superfluous() -> None:
    """A chain of single connections, cut at its end: all of it goes, one layer after the other."""
    model = chain(2, 2, 2, 2, 1, activation=nn.Tanh).double()
    one = torch.tensor([[True, False], [False, True]])
    cut = torch.tensor([[False, True]])
    mask = Mask({"0.weight": one, "2.weight": one, "4.weight": one, "6.weight": cut})
    assert Chain.of(model, mask, ONES).compacted().widths == [1, 1, 1, 1]
    first = torch.tensor([[False, False], [True, True]])
    mask = Mask(
        {"0.weight": first, "2.weight": one, "4.weight": one, "6.weight": torch.tensor([[True, True]])}
    )
    assert Chain.of(model, mask, ONES).compacted().widths == [1, 1, 1, 1]


@pytest.mark.parametrize("name", ["sequential", "one layer"])
def test_all_weights_gone_leave_a_constant(name: str) -> None:
    model = drawn(STRANGERS[name].make).double()
    mask = random_mask(model, 0.0)
    mask.apply(model)
    inputs = torch.randn(4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    small = compact(model, mask, inputs)
    with torch.no_grad():
        torch.testing.assert_close(small(inputs), model(inputs), rtol=1e-12, atol=1e-12)
    chained = Chain.of(model, mask, inputs).compacted()
    assert chained.connections == 0
    assert chained.widths == ([0, 0, CLASSES] if name == "sequential" else [CLASSES])


def test_all_weights_of_convolutions_gone_leave_a_constant_too() -> None:
    parts: list[nn.Module] = [
        nn.Conv2d(1, 3, 3, padding=1),
        nn.Sigmoid(),
        nn.Conv2d(3, 2, 3, padding=1),
        nn.ReLU(),
    ]
    of = sample([*parts, nn.Flatten(), nn.Linear(50, 2)], (1, 5, 5), [0.0, 0.0, 0.0], 0)
    agrees(of)


def test_constants_are_not_folded_where_the_border_is_another() -> None:
    """A constant of one inside is zero in the padding around it."""
    parts: list[nn.Module] = [nn.Conv2d(1, 1, 1), nn.Sigmoid(), nn.Conv2d(1, 1, 3, padding=1), nn.Flatten()]
    of = sample([*parts, nn.Linear(25, 2)], (1, 5, 5), [0.0, 1.0, 1.0], 0)
    small = agrees(of)
    assert [layer.weight.shape[0] for layer in layers(small)] == [1, 1, 2]


def test_counts_and_widths_of_the_whole_chain() -> None:
    model = chain(6, 5, CLASSES)
    with torch.no_grad():
        model.get_parameter("0.bias")[:2] = 0.0
    chained = Chain.of(model, Mask.dense(model), torch.ones(1, 6))
    assert (chained.connections, chained.biases, chained.widths) == (45, 6, [5, 3])


# What a chain is.


def test_the_model_stays_as_it_was() -> None:
    model = drawn(lambda: chain(6, 5, 4, CLASSES, dropout=0.5)).train()
    before = copy.deepcopy(model)
    mask = random_mask(model, 0.3)
    small = compact(model, mask, torch.ones(1, 6))
    assert not small.training
    assert equal_states(model, before)
    assert all(module.training for module in model.modules())
    small.train()
    assert all(not parameter.is_set_to(own) for parameter in small.parameters() for own in model.parameters())


def test_the_numbers_have_the_type_that_is_asked_for() -> None:
    model = chain(6, 5, CLASSES)
    assert {
        parameter.dtype for parameter in compact(model, Mask.dense(model), torch.ones(1, 6)).parameters()
    } == {torch.float32}
    wide = Chain.of(model, Mask.dense(model), torch.ones(1, 6)).compacted().module(torch.float64)
    assert {parameter.dtype for parameter in wide.parameters()} == {torch.float64}


def test_one_activation_may_serve_many_layers() -> None:
    act = nn.Tanh()
    of = sample([nn.Linear(4, 5), act, nn.Linear(5, 4), act, nn.Linear(4, 2), act], (4,), [0.5, 0.5, 0.5], 0)
    small = agrees(of)
    assert sum(isinstance(module, nn.Tanh) for module in small) == 3


def test_one_layer_may_be_met_twice() -> None:
    layer = nn.Linear(4, 4)
    of = sample([layer, nn.Tanh(), layer, nn.Tanh(), nn.Linear(4, 2)], (4,), [0.5, 0.5], 3)
    agrees(of)
    other = nn.Linear(4, 4)
    other.weight = layer.weight
    agrees(sample([layer, nn.Tanh(), other, nn.Tanh(), nn.Linear(4, 2)], (4,), [0.5, 0.5], 3))


def test_sequences_within_sequences_are_one_chain() -> None:
    inner = nn.Sequential(OrderedDict(b=nn.Linear(5, 4), c=nn.Sequential(nn.Tanh(), nn.Linear(4, 4))))
    model = nn.Sequential(
        OrderedDict(a=nn.Linear(6, 5), act=nn.ReLU(), inner=inner, inner_b=nn.ReLU(), z=nn.Linear(4, 2))
    )
    model.double()
    mask = random_mask(model, 0.5)
    mask.apply(model)
    assert list(mask.tensors) == ["a.weight", "inner.b.weight", "inner.c.1.weight", "z.weight"]
    inputs = torch.randn(4, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(
            compact(model, mask, inputs)(inputs), model(inputs), rtol=1e-12, atol=1e-12
        )


def test_a_mask_of_another_network_is_refused() -> None:
    with pytest.raises(BadInput, match="a mask of another network"):
        compact(chain(6, 5, CLASSES), Mask.dense(chain(6, 4, CLASSES)), torch.ones(1, 6))
