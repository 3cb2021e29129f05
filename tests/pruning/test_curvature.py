"""Second-order backpropagation is the recursion of the paper, through whatever a network is made of."""

from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.autograd.functional import hessian
from torch.func import functional_call
from torch.nn import functional

from tests.oracles import curvature as oracle
from tests.pruning.strangers import CLASSES, Pictures, Residual, chain, drawn, equal_states, examples
from wann.errors import BadInput
from wann.pruning import CROSS_ENTROPY, SQUARED_ERROR, Objective, prunable, second_derivatives

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
OBJECTIVES = {objective.name: objective for objective in (SQUARED_ERROR, CROSS_ENTROPY)}


def inputs_of(*shape: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def targets_for(objective: Objective, model: nn.Module, inputs: Tensor, seed: int = 0) -> Tensor:
    """Something to compare the outputs with; neither curvature depends on it."""
    rng = np.random.default_rng([seed, 1])
    shape = tuple(model(inputs).shape[1:])
    if objective is SQUARED_ERROR:
        return torch.from_numpy(rng.normal(size=(len(inputs), *shape)))
    return torch.from_numpy(rng.integers(0, shape[0], len(inputs)))


def by_recursion(model: nn.Module, inputs: Tensor, objective: Objective = SQUARED_ERROR) -> dict[str, Tensor]:
    targets = targets_for(objective, model, inputs)
    return second_derivatives(model, [(inputs, targets)], objective)


def exact_diagonals(
    model: nn.Module, inputs: Tensor, targets: Tensor, objective: Objective
) -> dict[str, Tensor]:
    """The diagonal of the whole Hessian."""
    found = {}
    for name, weight in prunable(model).items():

        def loss(values: Tensor, name: str = name) -> Tensor:
            return objective.loss(functional_call(model, {name: values}, (inputs,)), targets)

        whole: Tensor = hessian(loss, weight.detach())
        found[name] = whole.reshape(weight.numel(), -1).diagonal().reshape(weight.shape).detach()
    return found


def explained(model: nn.Sequential) -> list[oracle.Layer]:
    """The same network for the oracle."""
    names = {nn.ReLU: "relu", nn.Tanh: "tanh", nn.Sigmoid: "sigmoid"}
    layers: list[oracle.Layer] = []
    for module in model:
        if isinstance(module, nn.Linear):
            layers.append(oracle.Linear(module.weight.detach().numpy(), module.bias.detach().numpy()))
        elif isinstance(module, nn.Conv2d):
            assert isinstance(module.padding, tuple)
            layers.append(
                oracle.Conv(
                    module.weight.detach().numpy(),
                    module.bias.detach().numpy() if module.bias is not None else np.zeros(len(module.weight)),
                    module.stride[0],
                    module.padding[0],
                )
            )
        elif isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
            kind = oracle.MaxPool if isinstance(module, nn.MaxPool2d) else oracle.MeanPool
            assert isinstance(module.kernel_size, int)
            layers.append(kind(module.kernel_size))
        elif isinstance(module, nn.Flatten):
            layers.append(oracle.Flat())
        else:
            layers.append(oracle.Elementwise(names[type(module)]))
    return layers


def agrees(model: nn.Sequential, inputs: Tensor, objective: Objective) -> None:
    expected = oracle.saliencies(explained(model), inputs.numpy(), objective.name)
    found = by_recursion(model, inputs, objective)
    for (name, tensor), slow in zip(found.items(), expected, strict=True):
        np.testing.assert_allclose(tensor.numpy(), slow, rtol=1e-10, atol=1e-300, err_msg=name)
        assert float(tensor.min()) >= 0


# Where the recursion is exact.


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(1, 4), st.integers(0, 10_000))
def test_for_squared_error_and_one_hidden_layer_of_relu_it_is_the_diagonal_of_the_hessian(
    inputs: int, hidden: int, outputs: int, seed: int
) -> None:
    model = drawn(lambda: chain(inputs, hidden, outputs), seed).double()
    given_inputs = inputs_of(12, inputs, seed=seed)
    targets = targets_for(SQUARED_ERROR, model, given_inputs)
    found = second_derivatives(model, [(given_inputs, targets)], SQUARED_ERROR)
    for name, expected in exact_diagonals(model, given_inputs, targets, SQUARED_ERROR).items():
        torch.testing.assert_close(found[name], expected, rtol=1e-9, atol=1e-12)


def test_for_cross_entropy_it_is_exact_in_the_last_layer() -> None:
    model = drawn(lambda: chain(4, 5, 3, activation=nn.Tanh)).double()
    inputs = inputs_of(20, 4)
    targets = targets_for(CROSS_ENTROPY, model, inputs)
    found = second_derivatives(model, [(inputs, targets)], CROSS_ENTROPY)
    expected = exact_diagonals(model, inputs, targets, CROSS_ENTROPY)
    torch.testing.assert_close(found["2.weight"], expected["2.weight"], rtol=1e-9, atol=1e-13)
    # Before it both the term of f'' and the coupling of the outputs are dropped.
    assert not torch.allclose(found["0.weight"], expected["0.weight"], rtol=1e-2)


@pytest.mark.parametrize("objective", OBJECTIVES.values(), ids=OBJECTIVES)
def test_the_curvature_at_the_outputs_is_the_diagonal_of_the_loss(objective: Objective) -> None:
    outputs = inputs_of(6, CLASSES)
    targets = targets_for(objective, nn.Identity(), outputs)
    found = objective.curvature(outputs, targets)
    for place in range(6):

        def loss(row: Tensor, place: int = place) -> Tensor:
            return objective.loss(row[None], targets[place : place + 1])

        whole: Tensor = hessian(loss, outputs[place])
        torch.testing.assert_close(found[place], whole.diagonal(), rtol=1e-10, atol=1e-12)


def test_it_is_not_made_of_squared_gradients() -> None:
    """At a perfect fit gradients vanish, and the squares of each example's with them; curvature does not."""
    model = drawn(lambda: chain(4, 5, 2)).double()
    inputs = inputs_of(30, 4)
    targets = model(inputs).detach()
    found = second_derivatives(model, [(inputs, targets)], SQUARED_ERROR)
    for name, weight in prunable(model).items():
        fisher = torch.zeros_like(weight)
        for row, target in zip(inputs, targets, strict=True):
            loss = SQUARED_ERROR.loss(model(row[None]), target[None])
            fisher += torch.autograd.grad(loss, weight)[0].square() / 30
        assert float(fisher.max()) < 1e-25
        assert float(found[name].max()) > 1e-3


# Elsewhere it is the recursion.


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(1, 5), min_size=2, max_size=5),
    st.sampled_from(sorted(ACTIVATIONS)),
    st.sampled_from(sorted(OBJECTIVES)),
    st.integers(0, 10_000),
)
def test_dense_networks_of_any_depth(widths: list[int], activation: str, loss: str, seed: int) -> None:
    model = drawn(lambda: chain(*widths, activation=ACTIVATIONS[activation]), seed).double()
    assert isinstance(model, nn.Sequential)
    agrees(model, inputs_of(6, widths[0], seed=seed), OBJECTIVES[loss])


@settings(deadline=None, max_examples=25)
@given(
    st.sampled_from(sorted(ACTIVATIONS)),
    st.sampled_from(sorted(OBJECTIVES)),
    st.sampled_from([nn.MaxPool2d, nn.AvgPool2d]),
    st.integers(1, 2),
    st.integers(0, 2),
    st.booleans(),
    st.integers(0, 10_000),
)
def test_convolutions_with_stride_padding_and_pooling(
    activation: str,
    loss: str,
    pool: type[nn.MaxPool2d | nn.AvgPool2d],
    stride: int,
    padding: int,
    bias: bool,
    seed: int,
) -> None:
    side = (9 + 2 * padding - 3) // stride + 1
    left = side // 2 - 1  # after pooling and the last convolution

    def make() -> nn.Module:
        act = ACTIVATIONS[activation]
        parts = [nn.Conv2d(2, 3, 3, stride=stride, padding=padding, bias=bias), act()]
        parts += (
            [nn.Conv2d(3, 3, 2)] if side % 2 else []
        )  # a mean that leaves a row out is refused: see below
        parts += [pool(2), nn.Conv2d(3, 2, 2), act(), nn.Flatten(), nn.Linear(2 * left * left, CLASSES)]
        return nn.Sequential(*parts)

    model = drawn(make, seed).double()
    assert isinstance(model, nn.Sequential)
    agrees(model, inputs_of(2, 2, 9, 9, seed=seed), OBJECTIVES[loss])


def test_residual_sums_and_functions_in_a_strangers_forward() -> None:
    """A residual sum adds what comes back on both ways: the same as two columns side by side."""

    class Skip(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Linear(3, 3), nn.Linear(3, 2)

        def forward(self, values: Tensor) -> Tensor:
            found: Tensor = self.two(functional.relu(self.one(values)) + values)
            return found

    skip = drawn(Skip).double()
    assert isinstance(skip, Skip)
    inputs = inputs_of(10, 3)
    found = by_recursion(skip, inputs)
    exact = exact_diagonals(skip, inputs, targets_for(SQUARED_ERROR, skip, inputs), SQUARED_ERROR)
    for name in found:  # one hidden layer of ReLU: exact
        torch.testing.assert_close(found[name], exact[name], rtol=1e-9, atol=1e-13)


def test_a_nested_module_with_functions_is_looked_through() -> None:
    model = drawn(Residual).double()
    inputs = inputs_of(5, 6)
    found = by_recursion(model, inputs, CROSS_ENTROPY)
    w = {name: parameter.detach().numpy() for name, parameter in model.named_parameters()}
    sums = {name: np.zeros(tuple(tensor.shape)) for name, tensor in found.items()}
    for x in inputs.numpy():
        a = w["enter.weight"] @ x + w["enter.bias"]
        r = np.maximum(a, 0)
        b = w["block.one.weight"] @ r + w["block.one.bias"]
        s = np.maximum(b, 0)
        c = w["block.two.weight"] @ s
        y = r + np.tanh(c)
        o = w["leave.weight"] @ y + w["leave.bias"]
        p = np.exp(o) / np.exp(o).sum()
        h_o = p * (1 - p)
        h_y = w["leave.weight"].T ** 2 @ h_o
        h_c = (1 - np.tanh(c) ** 2) ** 2 * h_y
        h_b = (b > 0) * (w["block.two.weight"].T ** 2 @ h_c)
        h_a = (a > 0) * (h_y + w["block.one.weight"].T ** 2 @ h_b)
        sums["leave.weight"] += np.outer(h_o, y**2) / 5
        sums["block.two.weight"] += np.outer(h_c, s**2) / 5
        sums["block.one.weight"] += np.outer(h_b, r**2) / 5
        sums["enter.weight"] += np.outer(h_a, x**2) / 5
    for name, expected in sums.items():
        np.testing.assert_allclose(found[name].numpy(), expected, rtol=1e-10, atol=1e-15)


def test_batch_normalisation_in_evaluation_is_a_factor() -> None:
    norm, conv = nn.BatchNorm2d(3), nn.Conv2d(1, 3, 2)
    rest: list[nn.Module] = [nn.Tanh(), nn.Flatten(), nn.Linear(27, 2)]
    with torch.no_grad():
        for place, tensor in enumerate((norm.running_mean, norm.running_var, norm.weight, norm.bias)):
            assert tensor is not None
            tensor.copy_(torch.tensor([0.3, 1.4, 0.8]) * (place + 1) / 2)
    model = nn.Sequential(conv, norm, *rest).double().eval()
    inputs = inputs_of(4, 1, 4, 4)
    found = by_recursion(model, inputs, CROSS_ENTROPY)
    assert norm.running_var is not None
    assert norm.running_mean is not None
    factor = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach()
    folded = copy.deepcopy(conv)
    with torch.no_grad():
        assert conv.bias is not None
        assert folded.bias is not None
        folded.weight.mul_(factor[:, None, None, None])
        folded.bias.copy_((conv.bias - norm.running_mean) * factor + norm.bias)
    plain = by_recursion(nn.Sequential(folded, *rest), inputs, CROSS_ENTROPY)
    torch.testing.assert_close(found["4.weight"], plain["3.weight"], rtol=1e-10, atol=1e-15)
    torch.testing.assert_close(
        found["0.weight"], plain["0.weight"] * factor[:, None, None, None] ** 2, rtol=1e-10, atol=1e-15
    )


def test_a_weight_that_two_layers_share_has_the_sum_over_its_uses() -> None:
    first = nn.Linear(3, 3, bias=False)
    tied = nn.Sequential(first, nn.Tanh(), nn.Linear(3, 3, bias=False), nn.Tanh(), nn.Linear(3, 2))
    loose = copy.deepcopy(tied).double()
    tied[2].weight = first.weight
    with torch.no_grad():
        loose.get_parameter("2.weight").copy_(first.weight)
    inputs = inputs_of(7, 3)
    together, apart = by_recursion(tied.double(), inputs), by_recursion(loose, inputs)
    assert list(together) == ["0.weight", "4.weight"]
    torch.testing.assert_close(together["0.weight"], apart["0.weight"] + apart["2.weight"])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_the_mean_over_examples_does_not_depend_on_batches(sizes: list[int]) -> None:
    model = drawn(Residual).double()
    found = examples(count=sum(sizes))
    inputs, targets = found.inputs.double(), found.targets
    parts = list(zip(inputs.split(sizes), targets.split(sizes), strict=True))
    whole = second_derivatives(model, [(inputs, targets)], CROSS_ENTROPY)
    for name, tensor in second_derivatives(model, parts, CROSS_ENTROPY).items():
        torch.testing.assert_close(tensor, whole[name], rtol=1e-10, atol=1e-15)


def test_nothing_of_the_model_is_changed() -> None:
    model = drawn(Pictures).double().eval()
    before = copy.deepcopy(model)
    by_recursion(model, inputs_of(3, 1, 6, 6), CROSS_ENTROPY)
    assert equal_states(model, before)
    assert all(parameter.grad is None for parameter in model.parameters())
    outputs = model(inputs_of(3, 1, 6, 6))
    outputs.sum().backward()  # ordinary gradients again
    before(inputs_of(3, 1, 6, 6)).sum().backward()
    for mine, theirs in zip(model.parameters(), before.parameters(), strict=True):
        assert mine.grad is not None
        assert theirs.grad is not None
        assert torch.equal(mine.grad, theirs.grad)


# Operations.


class Between(nn.Module):
    """Two layers with an operation between them."""

    def __init__(self, operation: Callable[[Tensor], Tensor], width: int = 8) -> None:
        super().__init__()
        self.one, self.two, self.operation = nn.Linear(4, 8), nn.Linear(width, 2), operation

    def forward(self, values: Tensor) -> Tensor:
        found: Tensor = self.two(self.operation(self.one(values)))
        return found


ELEMENTWISE: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": functional.gelu,
    "silu": functional.silu,
    "elu": functional.elu,
    "leaky relu in place": lambda values: functional.leaky_relu(values, 0.3, inplace=True),
    "softplus": functional.softplus,
    "method tanh": lambda values: values.tanh(),
    "sin": torch.sin,
    "exp": torch.exp,
    "square": lambda values: values.square(),
    "relu in place": lambda values: functional.relu(values, inplace=True),
    "module relu in place": nn.ReLU(inplace=True),
    "selu": functional.selu,
    "hardtanh": functional.hardtanh,
}


@pytest.mark.parametrize("operation", ELEMENTWISE.values(), ids=ELEMENTWISE)
def test_elementwise_operations_pass_on_the_square_of_their_slope(
    operation: Callable[[Tensor], Tensor],
) -> None:
    model = drawn(lambda: Between(operation)).double()
    assert isinstance(model, Between)
    inputs = inputs_of(6, 4)
    found = by_recursion(model, inputs)
    sums = model.one(inputs).detach()
    points = sums.clone().requires_grad_()
    slopes = torch.autograd.grad(operation(points.clone()).sum(), points)[0]
    h = slopes**2 * (model.two.weight.detach() ** 2).sum(0)
    expected = h.T @ inputs**2 / 6
    torch.testing.assert_close(found["one.weight"], expected, rtol=1e-10, atol=1e-15)


def _in_place(values: Tensor) -> Tensor:
    halves = values[:, :4] + 0.0
    halves += values[:, 4:]
    return halves.view(len(halves), halves.numel() // len(halves))


RESHAPED: dict[str, tuple[Callable[[Tensor], Tensor], int]] = {
    "view and permute": (lambda values: values.view(-1, 2, 4).permute(0, 2, 1).reshape(len(values), 8), 8),
    "part of the units": (lambda values: values[:, 2:6], 4),
    "joined twice": (lambda values: torch.cat([values, values], 1), 16),
    "sum of neighbours": (lambda values: values.view(-1, 4, 2).sum(2), 4),
    "padding": (lambda values: functional.pad(values, (1, 2)), 11),
    "a sum in place": (_in_place, 4),
    "dropout": (lambda values: functional.dropout(values, 0.5, training=False), 8),
    "add a number": (lambda values: 1.0 + (values + 2.0), 8),
    "mean of neighbours": (lambda values: values.view(-1, 4, 2).mean(2), 4),
    "maximum of neighbours": (
        lambda values: functional.max_pool2d(values.view(-1, 1, 2, 4), 2).flatten(1),
        2,
    ),
    "adaptive mean": (
        lambda values: functional.adaptive_avg_pool2d(values.view(-1, 1, 2, 4), (1, 2)).flatten(1),
        2,
    ),
}


@pytest.mark.parametrize(("operation", "width"), RESHAPED.values(), ids=RESHAPED)
def test_operations_that_are_linear_in_their_inputs_give_the_exact_diagonal(
    operation: Callable[[Tensor], Tensor], width: int
) -> None:
    """Where no unit after them has two of the units before: there the recursion is exact."""
    model = drawn(lambda: Between(operation, width)).double()
    inputs = inputs_of(9, 4)
    targets = targets_for(SQUARED_ERROR, model, inputs)
    found = second_derivatives(model, [(inputs, targets)], SQUARED_ERROR)
    exact = exact_diagonals(model, inputs, targets, SQUARED_ERROR)
    if width == 16:  # a unit joined twice meets itself again in the next layer: that coupling is dropped
        two = model.get_parameter("two.weight").detach()
        h = (two[:, :8] ** 2 + two[:, 8:] ** 2).sum(0)
        exact["one.weight"] = h[:, None] * inputs.square().mean(0)[None]
    for name, tensor in found.items():
        torch.testing.assert_close(tensor, exact[name], rtol=1e-9, atol=1e-14)


def _conv_pool(pool: nn.Module, width: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(1, 2, 2), pool, nn.Flatten(), nn.Linear(width, 2))


UNKNOWN: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], str]] = {
    "softmax": (lambda: Between(lambda values: values.softmax(1)), (4,), "softmax"),
    "product of units": (lambda: Between(lambda values: values * values), (4,), "mul"),
    "a factor": (lambda: Between(lambda values: values * 3.0), (4,), "mul"),
    "a sum with a factor": (
        lambda: Between(lambda values: torch.add(values, values, alpha=3)),
        (4,),
        "add",
    ),
    "a product of many": (
        lambda: Between(lambda values: torch.linalg.multi_dot([values, torch.eye(8).double()])),
        (4,),
        "multi_dot",
    ),
    "layer normalisation": (lambda: Between(nn.LayerNorm(8)), (4,), "layer_norm"),
    "batch normalisation in training": (lambda: Between(nn.BatchNorm1d(8)), (4,), "batch_norm"),
    "dropout in training": (lambda: Between(nn.Dropout(0.5)), (4,), "dropout"),
    "prelu": (lambda: Between(nn.PReLU()), (4,), "prelu"),
    "means that overlap": (lambda: _conv_pool(nn.AvgPool2d(2, 1), 8), (1, 4, 4), "overlapping or uneven"),
    "means of uneven parts": (
        lambda: _conv_pool(nn.AdaptiveAvgPool2d(2), 8),
        (1, 4, 4),
        "overlapping or uneven",
    ),
}


@pytest.mark.parametrize(("make", "shape", "complaint"), UNKNOWN.values(), ids=UNKNOWN)
def test_operations_that_are_not_known_are_refused(
    make: Callable[[], nn.Module], shape: tuple[int, ...], complaint: str
) -> None:
    model = drawn(make).double().train()
    inputs = inputs_of(5, *shape)
    with pytest.raises(BadInput, match=f"second-order backpropagation does not support .*{complaint}"):
        by_recursion(model, inputs)
