"""The dense networks that presets begin with, and drawing weights anew."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.pruning.strangers import STRANGERS, Pictures, drawn, equal_states
from wann.errors import BadInput
from wann.pruning import Mask, ModelSettings, make_model
from wann.pruning.models import reset
from wann.pruning.state import state_of


def made(seed: int = 0, side: int = 28, **settings: Any) -> nn.Module:
    return make_model(ModelSettings(**settings), side, 10, np.random.default_rng(seed))


def test_lenet_300_100_has_266200_weights() -> None:
    model = made()
    assert Mask.dense(model).layers() == {
        "hidden1": (235200, 235200),
        "hidden2": (30000, 30000),
        "output": (1000, 1000),
    }
    assert Mask.dense(model).total == 266_200


def test_lenet_5_has_430500_weights_and_takes_rows_of_pixels() -> None:
    model = made(kind="lenet-5")
    assert Mask.dense(model).total == 430_500
    assert model(torch.zeros(2, 784)).shape == (2, 10)


def test_pooling_before_the_activation_is_pooling_after_it() -> None:
    model = made(kind="lenet-5", side=16, activation="tanh")
    images = torch.from_numpy(np.random.default_rng(0).random((3, 256)).astype(np.float32))
    parts = dict(model.named_children())
    values = parts["image"](images)
    for layer in ("conv1", "conv2"):
        values = nn.functional.max_pool2d(torch.tanh(parts[layer](values)), 2)
    values = parts["output"](torch.tanh(parts["hidden1"](values.flatten(1))))
    torch.testing.assert_close(model(images), values, rtol=1e-5, atol=1e-6)


def test_pictures_too_small_for_it_are_refused() -> None:
    assert made(kind="lenet-5", side=16)(torch.zeros(1, 256)).shape == (1, 10)
    with pytest.raises(BadInput, match=r"lenet-5: images of 8 x 8 pixels are too small"):
        made(kind="lenet-5", side=8)


def test_without_hidden_layers_it_is_a_logistic_regression() -> None:
    assert [type(part) for part in made(hidden=()).children()] == [nn.Linear]


def test_dropout_follows_every_hidden_activation() -> None:
    kinds = [type(part) for part in made(hidden=(5, 4), dropout=0.3, side=4).children()]
    assert kinds == [nn.Linear, nn.ReLU, nn.Dropout, nn.Linear, nn.ReLU, nn.Dropout, nn.Linear]


SPREADS: dict[str, tuple[float, float | None]] = {
    "glorot-normal": (math.sqrt(2 / (784 + 300)), None),
    "glorot-uniform": (math.sqrt(2 / (784 + 300)), math.sqrt(6 / (784 + 300))),
    "default": (1 / math.sqrt(3 * 784), 1 / math.sqrt(784)),
}


@pytest.mark.parametrize(("name", "spread", "bound"), [(name, *values) for name, values in SPREADS.items()])
def test_initial_weights_have_their_spread(name: str, spread: float, bound: float | None) -> None:
    layer = made(initialisation=name).hidden1
    assert isinstance(layer, nn.Linear)
    weights = layer.weight.detach().double()
    assert float(weights.std()) == pytest.approx(spread, rel=0.01)
    assert float(weights.mean()) == pytest.approx(0, abs=spread / 100)
    if bound is not None:
        assert 0.99 * bound < float(weights.abs().max()) <= bound * (1 + 1e-6)
    assert bool((layer.bias == 0).all()) == name.startswith("glorot")


def test_a_convolution_counts_every_use_of_its_inputs() -> None:
    """U(-b, b) with b = 1 / sqrt(channels x kernel)."""
    layer = made(kind="lenet-5", initialisation="default").conv2
    assert isinstance(layer, nn.Conv2d)
    bound = 1 / math.sqrt(20 * 25)
    assert 0.98 * bound < float(layer.weight.detach().abs().max()) <= bound * (1 + 1e-6)


@pytest.mark.parametrize("kind", ["dense", "lenet-5"])
def test_equal_seeds_give_equal_weights_and_pytorchs_generator_has_no_say(kind: str) -> None:
    one = made(3, 16, kind=kind)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(99)
        other = made(3, 16, kind=kind)
    assert equal_states(one, other)
    assert not equal_states(one, made(4, 16, kind=kind))


@pytest.mark.parametrize("stranger", STRANGERS)
def test_strangers_are_drawn_anew_from_the_generator_alone(stranger: str) -> None:
    make = STRANGERS[stranger].make
    one, other, third = drawn(make, 1), drawn(make, 2), drawn(make, 3)
    before = torch.get_rng_state()
    reset(one, np.random.default_rng(0))
    reset(other, np.random.default_rng(0))
    reset(third, np.random.default_rng(1))
    assert torch.equal(torch.get_rng_state(), before)
    assert equal_states(one, other)
    for name in Mask.dense(one).tensors:
        assert not bool((one.get_parameter(name) == third.get_parameter(name)).any())


def test_drawing_anew_forgets_the_statistics_of_batch_normalisation() -> None:
    model = drawn(Pictures)
    fresh = state_of(model)
    model.train()(torch.ones(4, 1, 6, 6))
    assert not equal_states(model, fresh)
    reset(model, np.random.default_rng(0))
    for name in ("norm.running_mean", "norm.running_var", "norm.num_batches_tracked"):
        assert torch.equal(model.state_dict()[name], fresh[name])
