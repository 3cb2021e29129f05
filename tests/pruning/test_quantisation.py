"""Weights and activations in eight bits: what is stored, and what it costs."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn

from tests.pruning.chains import Sample, conv_samples, dense_samples
from tests.pruning.strangers import chain, drawn, random_mask
from wann.pruning import Chain, Examples, Mask, Quantised, SparseChain, TrainingSettings, prune, train
from wann.tasks import DATA_SETS

thorough = settings(deadline=None, max_examples=30)
each_granularity = pytest.mark.parametrize("per_channel", [True, False], ids=["per channel", "per tensor"])


@each_granularity
@thorough
@given(of=dense_samples() | conv_samples())
def test_weights_are_integers_of_eight_bits_within_half_a_step(per_channel: bool, of: Sample) -> None:
    found = Quantised.of(
        Chain.of(of.model, of.mask, of.inputs).compacted(), of.inputs, per_channel=per_channel
    )
    for layer in found.layers:
        weight, scale = layer.weight, layer.scale.reshape(-1, *[1] * (layer.weight.ndim - 1))
        assert torch.equal(weight, weight.round())
        assert not weight.numel() or float(weight.abs().max()) <= 127
        assert bool(((weight * scale - layer.stage.weight).abs() <= scale / 2 * (1 + 1e-9)).all())
        assert not bool(weight[~layer.stage.live].any())
        used = layer.stage.weight.flatten(1).abs()
        if per_channel and used.shape[1]:
            largest = weight.flatten(1).abs().amax(1)
            assert bool(((largest == 127) | (used.amax(1) == 0)).all())  # nothing of the range is wasted
        elif not per_channel:
            assert layer.scale.unique().numel() <= 1


@cache
def digits() -> tuple[Examples, Examples]:
    data = DATA_SETS["digits"]

    def of(which: str) -> Examples:
        images = data.load(which, None)
        return Examples(
            torch.from_numpy(images.pixels().astype(np.float32)),
            torch.from_numpy(images.labels.astype(np.int64)),
        )

    return of("train"), of("test")


@cache
def classifier() -> tuple[nn.Module, Mask]:
    train_set, test_set = digits()
    model = drawn(lambda: chain(train_set.inputs.shape[1], 40, 20, 10))
    mask = Mask.dense(model)
    settings_ = TrainingSettings(iterations=300, rate=0.005, measure_every=300)
    train(model, mask, train_set, test_set, settings_, 0)
    mask = prune(model, 0.6, "magnitude", scope="layer")
    train(model, mask, train_set, test_set, settings_, 0)
    return model.eval(), mask


def accuracy(outputs: Tensor) -> float:
    return float((outputs.argmax(1) == digits()[1].targets).double().mean())


@each_granularity
def test_a_classifier_of_digits_keeps_its_accuracy(per_channel: bool) -> None:
    model, mask = classifier()
    test = digits()[1].inputs
    compacted = Chain.of(model, mask, digits()[0].inputs[:5]).compacted()
    found = Quantised.of(compacted, digits()[0].inputs[:200], per_channel=per_channel)
    with torch.no_grad():
        exact = model(test).double()
    assert accuracy(exact) > 0.85  # it has learned something that could be lost
    assert accuracy(found(test)) > accuracy(exact) - 0.02
    assert float((found(test) - exact).abs().mean()) < 0.05 * float(exact.abs().mean())


def test_a_scale_for_each_unit_is_finer_than_one_for_all() -> None:
    model, mask = classifier()
    compacted = Chain.of(model, mask, digits()[0].inputs[:5]).compacted()
    errors = []
    for per_channel in (True, False):
        layers = Quantised.of(compacted, digits()[0].inputs[:50], per_channel=per_channel).layers
        errors.append(
            sum(
                float((layer.weight * layer.scale[:, None] - layer.stage.weight).square().sum())
                for layer in layers
            )
        )
    assert errors[0] < 0.8 * errors[1]


@each_granularity
def test_sums_are_those_of_integers(per_channel: bool) -> None:
    """The same network with int64 throughout: not a bit is lost between products and sums."""
    model, mask = classifier()
    found = Quantised.of(
        Chain.of(model, mask, digits()[0].inputs[:5]).compacted(),
        digits()[0].inputs[:200],
        per_channel=per_channel,
    )
    values = digits()[1].inputs.double().numpy()
    for place, layer in enumerate(found.layers):
        steps = np.clip(np.rint(values / layer.step), -127, 127).astype(np.int64)
        weight = layer.weight.numpy().astype(np.int64)
        sums = steps @ weight.T
        assert np.abs(sums).max() < 2**31
        values = sums * (layer.scale.numpy() * layer.step) + layer.stage.bias.numpy()
        if place < len(found.layers) - 1:
            values = np.maximum(values, 0)
    np.testing.assert_array_equal(found(digits()[1].inputs).numpy(), values)


def test_convolutions_sum_integers_too() -> None:
    model = nn.Sequential(nn.Conv2d(2, 3, 3, stride=2, padding=1), nn.Flatten(), nn.Linear(27, 2)).double()
    inputs = torch.from_numpy(np.random.default_rng(0).normal(size=(4, 2, 6, 5)))
    found = Quantised.of(Chain.of(model, Mask.dense(model), inputs), inputs)
    conv = found.layers[0]
    steps = np.rint(inputs.numpy() / conv.step).astype(np.int64)
    padded = np.pad(steps, ((0, 0), (0, 0), (1, 1), (1, 1)))
    weight = conv.weight.numpy().astype(np.int64)
    sums = np.zeros((4, 3, 3, 3), np.int64)
    for y in range(3):
        for x in range(3):
            window = padded[:, :, 2 * y : 2 * y + 3, 2 * x : 2 * x + 3]
            sums[:, :, y, x] = np.einsum("ncij,ocij->no", window, weight)
    real = sums * (conv.scale.numpy() * conv.step)[:, None, None] + conv.stage.bias.numpy()[:, None, None]
    last = found.layers[1]
    flat = np.clip(np.rint(real.reshape(4, -1) / last.step), -127, 127).astype(np.int64)
    expected = flat @ last.weight.numpy().astype(np.int64).T * (last.scale.numpy() * last.step)
    np.testing.assert_array_equal(found(inputs).numpy(), expected + last.stage.bias.numpy())


@thorough
@given(dense_samples() | conv_samples())
def test_the_error_is_half_a_step_of_each_weight_and_input_carried_on(of: Sample) -> None:
    """No activation here is steeper than 1, and no pooling but the sum of four adds anything up."""
    found = Quantised.of(Chain.of(of.model, of.mask, of.inputs).compacted(), of.inputs)
    values, error = of.inputs, 0.0
    for layer in found.layers:
        stage = layer.stage
        exact = stage.weight.flatten(1)
        stored = layer.weight.flatten(1) * layer.scale[:, None]
        largest = float(values.abs().max()) if values.numel() else 0.0
        off = stored.abs().sum(1) * (error + layer.step / 2) + (stored - exact).abs().sum(1) * largest
        error = float(off.max()) if stage.units else 0.0
        with torch.no_grad():
            values = stage.module(torch.float64)(values)
            for _, module in stage.after:
                values = module(values)
                error *= 4 if isinstance(module, nn.AvgPool2d) and module.divisor_override else 1
    outputs = found(of.inputs)
    assert outputs.shape == values.shape
    assert float((outputs - values).abs().max()) <= error * (1 + 1e-9) + 1e-12


def test_the_largest_calibrated_value_is_127_and_what_is_beyond_is_clipped() -> None:
    model = nn.Linear(1, 1, bias=False).double()
    with torch.no_grad():
        model.weight.fill_(1.0)
    calibration = torch.tensor([[-2.54], [1.0]])
    found = Quantised.of(Chain.of(model, Mask.dense(model), calibration), calibration)
    assert found.layers[0].step == pytest.approx(0.02)
    outputs = found(torch.tensor([[2.54], [1e6], [-1e6], [0.011], [0.009]])).flatten()
    assert outputs.tolist() == pytest.approx([2.54, 2.54, -2.54, 0.02, 0.0])


def test_inputs_that_are_always_zero_do_no_harm() -> None:
    model = chain(3, 2, 2)
    found = Quantised.of(Chain.of(model, Mask.dense(model), torch.ones(1, 3)), torch.zeros(4, 3))
    assert bool(torch.isfinite(found(torch.ones(1, 3))).all())


@each_granularity
def test_values_are_stored_in_int8_and_the_file_is_smaller(per_channel: bool) -> None:
    model, mask = classifier()
    compacted = Chain.of(model, mask, digits()[0].inputs[:5]).compacted()
    found = Quantised.of(compacted, digits()[0].inputs[:50], per_channel=per_channel)
    with np.load(io.BytesIO(found.to_bytes()), allow_pickle=False) as archive:
        arrays = {name: archive[name] for name in archive.files}
    for layer in found.layers:
        name = layer.stage.name
        assert arrays[f"{name}.values"].dtype == np.int8
        assert arrays[f"{name}.scale"].shape == (layer.stage.units if per_channel else 1,)
        dense = np.zeros(tuple(layer.weight.shape))
        rows, columns = arrays[f"{name}.rows"], arrays[f"{name}.columns"]
        for unit in range(len(dense)):
            inside = slice(int(rows[unit]), int(rows[unit + 1]))
            dense[unit, columns[inside]] = arrays[f"{name}.values"][inside]
        np.testing.assert_array_equal(dense, layer.weight.numpy())
        assert arrays[f"{name}.step"].item() == pytest.approx(layer.step, rel=1e-6)
        np.testing.assert_allclose(
            np.broadcast_to(arrays[f"{name}.scale"], layer.stage.units), layer.scale.numpy(), rtol=1e-6
        )
    assert len(found.to_bytes()) < 0.8 * len(SparseChain.of(compacted).to_bytes())


def test_a_quantised_pruned_random_network_counts_only_what_is_there() -> None:
    model = drawn(lambda: chain(20, 15, 3))
    mask = random_mask(model, 0.2)
    found = Quantised.of(Chain.of(model, mask, torch.ones(2, 20)), torch.ones(2, 20))
    assert sum(len(found.arrays()[f"{name}.values"]) for name in ("0", "2")) == mask.kept
