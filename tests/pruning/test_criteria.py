"""What a weight is worth is what the papers say, and finding it out changes nothing."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.autograd.functional import hessian
from torch.func import functional_call
from torch.nn import functional

from tests.oracles.synflow import flows
from tests.pruning.strangers import (
    CLASSES,
    STRANGERS,
    Pictures,
    Residual,
    batches,
    chain,
    drawn,
    equal_states,
    random_mask,
    same,
)
from wann.errors import BadInput
from wann.pruning import CRITERIA, CROSS_ENTROPY, SQUARED_ERROR, Mask, Probe, prunable, prune, select

each_criterion = pytest.mark.parametrize("criterion", CRITERIA)
each_stranger = pytest.mark.parametrize("stranger", STRANGERS)


def probe(model: nn.Module, mask: Mask | None = None, shape: tuple[int, ...] = (6,), **given: Any) -> Probe:
    """The model itself, its pruned weights zero."""
    mask = Mask.dense(model) if mask is None else mask
    mask.apply(model)
    given = {"batches": batches(shape), "rng": np.random.default_rng(0), **given}
    return Probe(model, mask, **given)


def scored(criterion: str, *given: Any, **named: Any) -> dict[str, Tensor]:
    return CRITERIA[criterion].score(probe(*given, **named))


# All of them.


@each_criterion
@each_stranger
@pytest.mark.parametrize("training", [True, False])
def test_scoring_changes_nothing(criterion: str, stranger: str, training: bool) -> None:
    kind = STRANGERS[stranger]
    model = drawn(kind.make).train(training)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train(not training)  # a stranger may have his reasons
    looked_at = probe(model, random_mask(model, 0.7), kind.shape)
    before = copy.deepcopy(model)
    generator = torch.get_rng_state()
    given = [(inputs.clone(), targets.clone()) for inputs, targets in looked_at.batches]
    scores = CRITERIA[criterion].score(looked_at)
    assert {name: score.shape for name, score in scores.items()} == {
        name: weight.shape for name, weight in prunable(model).items()
    }
    assert all(bool(torch.isfinite(score).all()) for score in scores.values())
    assert equal_states(model, before)
    assert [module.training for module in model.modules()] == [module.training for module in before.modules()]
    for parameter, old in zip(model.parameters(), before.parameters(), strict=True):
        assert parameter.grad is None
        assert parameter.requires_grad == old.requires_grad
    assert torch.equal(torch.get_rng_state(), generator)
    for (inputs, targets), old_batch in zip(looked_at.batches, given, strict=True):
        assert same(inputs, old_batch[0])
        assert same(targets, old_batch[1])


@each_criterion
@each_stranger
def test_scores_of_equal_networks_are_equal(criterion: str, stranger: str) -> None:
    kind = STRANGERS[stranger]
    one, other = (scored(criterion, drawn(kind.make), shape=kind.shape) for _ in range(2))
    assert all(map(same, one.values(), other.values()))


@each_criterion
def test_without_what_a_criterion_needs_it_is_refused(criterion: str) -> None:
    model = drawn(Residual)
    if CRITERIA[criterion].needs != "nothing":
        with pytest.raises(BadInput, match=f"criterion {criterion} needs examples"):
            prune(model, 0.5, criterion)
    elif criterion == "random":
        with pytest.raises(BadInput, match="rng: none given; criterion random needs a numpy generator"):
            prune(model, 0.5, criterion)
    else:
        assert prune(model, 0.5, criterion).kept == round(0.5 * 85)


@each_criterion
def test_every_criterion_knows_its_paper(criterion: str) -> None:
    entry = CRITERIA[criterion]
    assert entry.name == criterion
    assert criterion == "random" or any(character.isdigit() for character in entry.source)
    assert entry.passes >= 1


# Each of them.


def test_random_scores_are_the_generators() -> None:
    mask = Mask.dense(drawn(Residual))
    scores = scored("random", drawn(Residual), rng=np.random.default_rng(5))
    rng = np.random.default_rng(5)
    for name, tensor in mask.tensors.items():
        np.testing.assert_array_equal(scores[name].numpy(), rng.random(tuple(tensor.shape)))


def test_magnitude_is_the_absolute_value() -> None:
    model = drawn(Residual)
    scores = scored("magnitude", model)
    for name, weight in prunable(model).items():
        np.testing.assert_array_equal(scores[name].numpy(), np.abs(weight.detach().numpy()))


def test_deviation_is_the_magnitude_in_standard_deviations_of_the_layers_survivors() -> None:
    model = drawn(Residual)
    mask = random_mask(model, 0.6)
    scores = scored("deviation", model, mask)
    for name, weight in prunable(model).items():
        values = weight.detach().double().numpy()
        spread = values[mask.tensors[name].numpy()].std()
        assert values.std() < 0.97 * spread  # zeros that are gone would make it smaller
        np.testing.assert_allclose(scores[name].numpy(), np.abs(values) / spread, rtol=1e-12)


def test_deviations_of_a_single_survivor_are_no_nan() -> None:
    model = chain(3, 2, 2)
    only = torch.zeros(2, 3, dtype=torch.bool)
    only[1, 2] = True
    scores = scored(
        "deviation", model, Mask({"0.weight": only, "2.weight": torch.ones(2, 2, dtype=torch.bool)})
    )
    assert not bool(torch.isnan(scores["0.weight"]).any())


def test_snip_is_the_gradient_over_all_examples_times_the_weight() -> None:
    model = drawn(Residual).double()
    parts = [(inputs.double(), targets) for inputs, targets in batches()]
    scores = scored("snip", model, batches=parts)
    whole = functional.cross_entropy(
        model(torch.cat([inputs for inputs, _ in parts])), torch.cat([targets for _, targets in parts])
    )
    whole.backward()
    for name, weight in prunable(model).items():
        assert weight.grad is not None
        expected = (weight.grad * weight).abs() * 40  # the scale of a sum over 40 examples
        torch.testing.assert_close(scores[name], expected.detach(), rtol=1e-10, atol=1e-14)


def test_snip_of_the_papers_definition_is_the_effect_of_a_multiplier_on_every_connection() -> None:
    model = drawn(lambda: chain(6, 4, CLASSES, activation=nn.Tanh)).double()
    parts = [(inputs.double(), targets) for inputs, targets in batches(sizes=(40,))]
    scores = scored("snip", model, batches=parts)
    inputs, targets = parts[0]
    for place in [(0, 0), (3, 5), (1, 2)]:
        losses = []
        for change in (1e-4, -1e-4):
            other = copy.deepcopy(model)
            with torch.no_grad():
                other.get_parameter("0.weight")[place] *= 1 + change
                losses.append(float(functional.cross_entropy(other(inputs), targets)) * 40)
        assert float(scores["0.weight"][place]) == pytest.approx(abs(losses[0] - losses[1]) / 2e-4, rel=1e-4)


def grasp_by_the_whole_hessian(
    model: nn.Module, mask: Mask, parts: list[tuple[Tensor, Tensor]], temperature: float
) -> dict[str, Tensor]:
    """-(H g) w with H in full; H and g with respect to the weights, g of those that are there."""
    inputs = torch.cat([part for part, _ in parts])
    targets = torch.cat([part for _, part in parts])
    weights = {name: weight.detach() for name, weight in prunable(model).items()}
    sizes = [weight.numel() for weight in weights.values()]

    def loss(flat: Tensor) -> Tensor:
        pieces = zip(weights.items(), flat.split(sizes), strict=True)
        given = {name: piece.reshape(weight.shape) for (name, weight), piece in pieces}
        return functional.cross_entropy(functional_call(model, given, (inputs,)) / temperature, targets)

    flat = torch.cat([weight.flatten() for weight in weights.values()])
    there = torch.cat([mask.tensors[name].flatten() for name in weights])
    gradient = torch.func.grad(loss)(flat) * there
    whole: Tensor = hessian(loss, flat)
    scores = -(whole @ gradient).detach() * flat
    return {
        name: piece.reshape(weight.shape)
        for (name, weight), piece in zip(weights.items(), scores.split(sizes), strict=True)
    }


@pytest.mark.parametrize("density", [1.0, 0.6])
@pytest.mark.parametrize("stranger", ["residual", "sequential", "tied"])
def test_grasp_is_the_hessian_gradient_product_at_a_temperature_of_200(stranger: str, density: float) -> None:
    model = drawn(STRANGERS[stranger].make).double()
    parts = [(inputs.double(), targets) for inputs, targets in batches()]
    mask = random_mask(model, density)
    looked_at = probe(model, mask, batches=parts)
    scores = CRITERIA["grasp"].score(looked_at)
    expected = grasp_by_the_whole_hessian(model, mask, parts, 200.0)
    hot = grasp_by_the_whole_hessian(model, mask, parts, 1.0)
    for name, score in scores.items():
        torch.testing.assert_close(score, expected[name], rtol=1e-8, atol=1e-16)
        assert float(hot[name].abs().max()) > 1000 * float(score.abs().max())
        assert bool((score[~mask.tensors[name]] == 0).all())


def test_grasp_removes_the_highest_scores_and_all_others_the_lowest() -> None:
    model = drawn(Residual)
    for name, criterion in CRITERIA.items():
        looked_at = probe(model, batches=batches())
        scores = criterion.score(looked_at)
        kept = select(looked_at.mask, scores, 0.5, keeps=criterion.keeps)
        inside = torch.cat([scores[key][there] for key, there in kept.tensors.items()])
        outside = torch.cat([scores[key][~there] for key, there in kept.tensors.items()])
        if name == "grasp":
            assert float(inside.max()) <= float(outside.min())
        else:
            assert float(inside.min()) >= float(outside.max())


# SynFlow.

some_widths = st.lists(st.integers(1, 6), min_size=2, max_size=5)


@settings(deadline=None)
@given(some_widths, st.integers(0, 10_000), st.booleans(), st.floats(0.2, 1.0))
def test_synflow_scores_are_the_flow_through_each_weight(
    widths: list[int], seed: int, bias: bool, density: float
) -> None:
    model = drawn(lambda: chain(*widths, bias=bias), seed)
    mask = random_mask(model, density, seed)
    looked_at = probe(model, mask, (widths[0],))
    layers = [module for module in model.modules() if isinstance(module, nn.Linear)]
    weights = [layer.weight.detach().double().numpy() for layer in layers]
    biases = [
        np.zeros(len(w)) if layer.bias is None else layer.bias.detach().double().numpy()
        for layer, w in zip(layers, weights, strict=True)
    ]
    scores = CRITERIA["synflow"].score(looked_at)
    for score, expected in zip(scores.values(), flows(weights, biases), strict=True):
        assert score.dtype == torch.float64
        np.testing.assert_allclose(score.numpy(), expected, rtol=1e-12, atol=1e-300)


def test_synflow_looks_at_magnitudes_alone() -> None:
    model = drawn(Residual)
    flipped = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in flipped.parameters():
            parameter.neg_()
    one, other = scored("synflow", model), scored("synflow", flipped)
    assert all(map(same, one.values(), other.values()))
    assert all(bool((score >= 0).all()) for score in one.values())


def test_synflow_does_not_look_at_the_numbers_in_the_examples() -> None:
    model = drawn(Pictures)
    shape = (1, 6, 6)
    zeros = [(torch.zeros(3, *shape), torch.zeros(3, dtype=torch.int64))]
    one, other = scored("synflow", model, shape=shape), scored("synflow", model, batches=zeros)
    assert all(map(same, one.values(), other.values()))


@given(some_widths, st.integers(0, 10_000), st.floats(0.3, 1.0))
def test_the_flow_through_every_layer_of_a_network_without_biases_is_the_same(
    widths: list[int], seed: int, density: float
) -> None:
    model = drawn(lambda: chain(*widths, bias=False), seed)
    sums = [
        float(score.sum())
        for score in scored("synflow", model, random_mask(model, density, seed), (widths[0],)).values()
    ]
    assert sums == pytest.approx([sums[0]] * len(sums), rel=1e-12, abs=1e-300)


def test_flow_that_float32_cannot_hold_is_counted_in_float64() -> None:
    model = chain(4, 4, 4, 4, bias=False)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1e-18)
    scores = scored("synflow", model, shape=(4,))
    assert float(scores["0.weight"].min()) == pytest.approx(16e-54, rel=1e-6)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([(8, 6, 5, 3), (12, 9, 4), (5, 5, 5, 5, 5)]))
def test_synflow_in_100_passes_keeps_a_path_when_as_many_weights_as_layers_are_left(
    seed: int, widths: tuple[int, ...]
) -> None:
    model = drawn(lambda: chain(*widths, bias=False), seed)
    layers = len(widths) - 1
    total = Mask.dense(model).total
    mask = prune(model, 1 - layers / total, "synflow", batches=batches((widths[0],), (1,)))
    assert mask.kept == layers
    assert [kept for kept, _ in mask.layers().values()] == [1] * layers
    unit: int | None = None
    for tensor in mask.tensors.values():
        to, source = (int(index) for index in torch.nonzero(tensor)[0])
        assert unit in (None, source)
        unit = to


def test_where_synflow_keeps_a_path_magnitude_and_a_single_pass_empty_a_layer() -> None:
    model = drawn(lambda: chain(20, 15, 10, 3, bias=False))
    sparsity = 1 - 3 / Mask.dense(model).total
    given: dict[str, Any] = {"batches": batches((20,), (1,))}
    assert prune(model, sparsity, "synflow", **given).emptied() == []
    for criterion in ("magnitude", "synflow"):
        with pytest.raises(BadInput, match="nothing would be left in layer"):
            prune(model, sparsity, criterion, passes=1, **given)
        assert prune(model, sparsity, criterion, passes=1, collapse=True, **given).emptied() != []


def test_the_default_of_synflow_are_100_passes_on_an_exponential_schedule() -> None:
    model = drawn(lambda: chain(12, 9, 4, bias=False), 3)
    given: dict[str, Any] = {"batches": batches((12,), (1,))}
    by_hand = Mask.dense(model)
    total = by_hand.total
    masked = copy.deepcopy(model)
    for done in range(1, 101):
        scores = CRITERIA["synflow"].score(probe(masked, by_hand, (12,)))
        by_hand = select(by_hand, scores, 0.1 ** (done / 100), "global")
    found = prune(model, 0.9, "synflow", **given)
    assert found.kept == round((1 - 0.9) * total)
    assert all(map(torch.equal, found.tensors.values(), by_hand.tensors.values()))
    once = prune(model, 0.9, "synflow", passes=1, collapse=True, **given)
    assert not all(map(torch.equal, found.tensors.values(), once.tensors.values()))


# Optimal brain damage.


def test_optimal_brain_damage_is_half_the_curvature_times_the_square() -> None:
    model = drawn(lambda: chain(6, 5, 2)).double()
    inputs = batches(sizes=(30,))[0][0].double()
    targets = torch.from_numpy(np.random.default_rng(0).normal(size=(30, 2)))
    scores = scored("obd", model, batches=[(inputs, targets)], objective=SQUARED_ERROR)
    weights = prunable(model)
    for name, weight in weights.items():

        def loss(values: Tensor, name: str = name) -> Tensor:
            return SQUARED_ERROR.loss(functional_call(model, {name: values}, (inputs,)), targets)

        whole: Tensor = hessian(loss, weight.detach())
        diagonal = whole.reshape(weight.numel(), -1).diagonal().reshape(weight.shape)
        expected = diagonal * weight.detach() ** 2 / 2
        torch.testing.assert_close(scores[name], expected, rtol=1e-9, atol=1e-13)


def test_the_saliency_predicts_what_a_deletion_costs_at_a_minimum() -> None:
    """For squared error and a linear network the second order is everything: the prediction is exact."""
    rng = np.random.default_rng(0)
    inputs = torch.from_numpy(rng.normal(size=(50, 6)))
    targets = torch.from_numpy(rng.normal(size=(50, 2)))
    model = nn.Linear(6, 2, bias=False).double()
    with torch.no_grad():
        model.weight.copy_(torch.linalg.lstsq(inputs, targets).solution.T)
    saliency = scored("obd", model, batches=[(inputs, targets)], objective=SQUARED_ERROR)["weight"]
    least = float(SQUARED_ERROR.loss(model(inputs), targets).detach())
    for place in np.ndindex(2, 6):
        without = copy.deepcopy(model)
        with torch.no_grad():
            without.weight[place] = 0.0
            cost = float(SQUARED_ERROR.loss(without(inputs), targets)) - least
        assert float(saliency[place]) == pytest.approx(cost, rel=1e-8)


def test_dropout_and_batch_statistics_do_not_disturb_what_is_scored() -> None:
    quiet, noisy = drawn(lambda: chain(6, 5, CLASSES)), drawn(lambda: chain(6, 5, CLASSES, dropout=0.5))
    for name in ("snip", "grasp", "obd", "synflow"):
        one, other = scored(name, quiet), scored(name, noisy.train())
        assert all(map(same, one.values(), other.values()))


def test_half_of_the_squares_and_the_cross_entropy_are_means_over_examples() -> None:
    outputs = torch.tensor([[1.0, 2.0], [0.0, -1.0]])
    assert float(SQUARED_ERROR.loss(outputs, torch.zeros(2, 2))) == pytest.approx((1 + 4 + 0 + 1) / 4)
    by_hand = (np.log(1 + np.e) + np.log(1 + np.exp(-1.0))) / 2
    assert float(CROSS_ENTROPY.loss(outputs, torch.tensor([0, 0]))) == pytest.approx(by_hand, rel=1e-6)
