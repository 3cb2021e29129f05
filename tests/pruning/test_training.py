"""Training under a mask: what is gone stays gone, and everything random has an address."""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.pruning.strangers import (
    CLASSES,
    STRANGERS,
    Pictures,
    Residual,
    chain,
    drawn,
    equal_states,
    examples,
    random_mask,
    same,
)
from wann.errors import BadInput
from wann.pruning import SQUARED_ERROR, Examples, Mask, TrainingSettings, prunable, train
from wann.pruning.state import Snapshot, state_of
from wann.pruning.training import Measurement, Stopped, Trained, measure
from wann.streams import Stream, generator

QUICK = TrainingSettings(rate=0.05, batch=7, iterations=24, measure_every=6)
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"optimizer": "sgd", "momentum": 0.0},
    "sgd with momentum and weight decay": {"optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.1},
    "adam": {"optimizer": "adam"},
    "adam with weight decay": {"optimizer": "adam", "weight_decay": 0.1},
}
each_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
each_stranger = pytest.mark.parametrize("stranger", STRANGERS)


def trained(
    model: nn.Module,
    mask: Mask | None = None,
    settings: TrainingSettings = QUICK,
    seed: int = 0,
    shape: tuple[int, ...] = (6,),
    **given: Any,
) -> Trained:
    mask = Mask.dense(model) if mask is None else mask
    return train(model, mask, examples(shape), examples(shape, 15, 1), settings, seed, **given)


# What is gone.


@each_optimizer
@each_stranger
def test_what_is_gone_stays_exactly_zero(optimizer: dict[str, Any], stranger: str) -> None:
    kind = STRANGERS[stranger]
    model = drawn(kind.make)
    mask = random_mask(model, 0.5)
    before = state_of(model)
    found = trained(model, mask, QUICK.changed(**optimizer), shape=kind.shape)
    for state in (found.final, found.best, state_of(model)):
        for name, there in mask.tensors.items():
            assert bool((state[name][~there] == 0).all())
    moved = [
        name for name in mask.tensors if not torch.equal(found.final[name], before[name] * mask.tensors[name])
    ]
    assert moved == [name for name in mask.tensors if not name.startswith(("frozen", "idle"))]


@each_optimizer
def test_what_is_gone_stays_zero_though_the_optimizers_memory_is_of_the_dense_network(
    optimizer: dict[str, Any],
) -> None:
    model = drawn(Residual)
    settings = QUICK.changed(**optimizer)
    snapshot = trained(model, None, settings, keep_at=10).snapshot
    assert snapshot is not None
    mask = random_mask(model, 0.5)
    names = [name for name, _ in model.named_parameters()]
    full = {key: tensor for key, tensor in snapshot.optimizer.items() if tensor.ndim}
    assert bool(full) == (settings.optimizer == "adam" or settings.momentum > 0)
    for key, tensor in full.items():
        there = mask.tensors.get(names[int(key.split("/")[0])])
        assert there is None or bool((tensor[~there] != 0).any())  # as dangerous as can be
    looks: list[bool] = []
    found = trained(
        model,
        mask,
        settings.changed(measure_every=1),
        begin=snapshot,
        tell=lambda *_: looks.append(mask.holds(model)),
        keep_at=settings.iterations - 1,
    )
    assert looks == [True] * 14
    assert mask.holds(model)
    assert found.snapshot is not None
    for key, tensor in found.snapshot.optimizer.items():  # and the memory itself is clean
        there = mask.tensors.get(names[int(key.split("/")[0])])
        if tensor.ndim and there is not None:
            assert bool((tensor[~there] == 0).all())


def test_training_under_a_mask_is_training_the_smaller_network() -> None:
    """Survivors take the same course as in a network whose pruned weights are multiplied away."""
    model = drawn(lambda: chain(6, 5, CLASSES))
    mask = random_mask(model, 0.5)
    settings = TrainingSettings(
        optimizer="sgd", rate=0.1, momentum=0.9, weight_decay=0.01, batch=40, iterations=5
    )
    data = examples()
    values = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    there = {name: mask.tensors.get(name, torch.ones(())) for name in values}
    speed = {name: torch.zeros_like(value) for name, value in values.items()}
    for _ in range(5):
        leaves = {name: value.clone().requires_grad_() for name, value in values.items()}
        hidden = functional.relu(
            functional.linear(data.inputs, leaves["0.weight"] * there["0.weight"], leaves["0.bias"])
        )
        outputs = functional.linear(hidden, leaves["2.weight"] * there["2.weight"], leaves["2.bias"])
        functional.cross_entropy(outputs, data.targets).backward()
        for name, leaf in leaves.items():
            assert leaf.grad is not None
            speed[name] = 0.9 * speed[name] + leaf.grad + 0.01 * values[name]
            values[name] = values[name] - 0.1 * speed[name]
    trained(model, mask, settings)
    for name, parameter in model.named_parameters():
        expected = values[name] * there[name]
        torch.testing.assert_close(parameter.detach(), expected, rtol=1e-4, atol=1e-5)


def test_a_mask_of_another_network_is_refused() -> None:
    with pytest.raises(BadInput, match="a mask of another network"):
        trained(drawn(Residual), Mask.dense(chain(6, 5, CLASSES)))


# What is random.


class Diary(nn.Module):
    """Writes down which examples it is shown."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        self.seen: list[list[float]] = []

    def forward(self, values: Tensor) -> Tensor:
        if self.training:
            self.seen.append(values[:, 0].tolist())
        found: Tensor = self.inner(values)
        return found


def shown(
    seed: int, settings: TrainingSettings = QUICK, mask_density: float = 1.0, **given: Any
) -> list[list[float]]:
    diary = Diary(drawn(Residual))
    trained(diary, random_mask(diary, mask_density), settings, seed, **given)
    return diary.seen


def test_the_order_of_examples_is_that_of_the_seed_and_the_epoch() -> None:
    first = examples().inputs[:, 0]
    expected = []
    for epoch in range(4):
        order = generator(3, Stream.PRUNING_ORDER, epoch).permutation(40)
        expected += [first[torch.from_numpy(part)].tolist() for part in np.split(order, range(7, 40, 7))]
    assert shown(3) == expected[:24]
    assert [len(part) for part in shown(3)[:6]] == [7, 7, 7, 7, 7, 5]
    assert sorted(value for part in shown(3)[:6] for value in part) == sorted(first.tolist())


def test_the_order_is_the_same_in_every_round_and_another_for_another_seed() -> None:
    assert shown(0) == shown(0, mask_density=0.3) == shown(0, QUICK.changed(optimizer="sgd"))
    assert shown(0) != shown(1)


def test_a_training_that_begins_later_meets_what_it_would_have_met() -> None:
    snapshot = trained(Diary(drawn(Residual)), keep_at=9).snapshot
    assert snapshot is not None
    assert shown(0, begin=snapshot) == shown(0)[9:]


@each_stranger
def test_pytorchs_own_generator_is_left_alone_and_has_no_say(stranger: str) -> None:
    kind = STRANGERS[stranger]
    one, other = drawn(kind.make), drawn(kind.make)
    before = torch.get_rng_state()
    first = trained(one, shape=kind.shape)
    assert torch.equal(torch.get_rng_state(), before)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(12345)
        second = trained(other, shape=kind.shape)
    assert equal_states(first.final, second.final)
    assert first.history == second.history


def test_dropout_is_drawn_from_the_seed() -> None:
    def noisy(seed: int) -> Trained:
        # One batch is everything, so that the order of examples has no say but in the last bits.
        settings = QUICK.changed(batch=40, iterations=3)
        return trained(drawn(lambda: chain(6, 5, CLASSES, dropout=0.5)), None, settings, seed)

    assert equal_states(noisy(1).final, noisy(1).final)
    assert not torch.allclose(noisy(1).final["0.weight"], noisy(2).final["0.weight"], atol=1e-4)


# Dropout.


class Rates(nn.Module):
    """Writes down at which rate its dropout works."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.drop1 = nn.Linear(6, 8), nn.Dropout(0.5)
        self.second, self.drop2 = nn.Linear(8, 5), nn.Dropout(0.4)
        self.leave = nn.Linear(5, CLASSES)
        self.rates: set[tuple[float, float]] = set()

    def forward(self, values: Tensor) -> Tensor:
        if self.training:
            self.rates.add((self.drop1.p, self.drop2.p))
        values = self.drop1(functional.relu(self.first(values)))
        found: Tensor = self.leave(self.drop2(functional.relu(self.second(values))))
        return found


def test_dropout_is_scaled_by_the_root_of_the_share_of_connections_that_is_kept() -> None:
    model = drawn(Rates)
    assert isinstance(model, Rates)
    mask = random_mask(model, 0.4)
    kept = {name: kept / total for name, (kept, total) in mask.layers().items()}
    trained(model, mask)
    assert model.rates == {(0.5 * math.sqrt(kept["first"]), 0.4 * math.sqrt(kept["second"]))}
    assert (model.drop1.p, model.drop2.p) == (0.5, 0.4)
    model.rates.clear()
    trained(model)
    assert model.rates == {(0.5, 0.4)}


def test_dropout_is_as_it_was_also_after_a_training_that_failed() -> None:
    model = drawn(Rates)
    assert isinstance(model, Rates)
    nothing = Examples(examples().inputs * math.nan, examples().targets)
    with pytest.raises(BadInput, match="diverged"):
        train(model, random_mask(model, 0.4), nothing, nothing, QUICK, 0)
    assert (model.drop1.p, model.drop2.p) == (0.5, 0.4)


# The rate.


def test_the_rate_rises_falls_in_steps_and_stays() -> None:
    settings = TrainingSettings(rate=2.0, warmup=4, drops=(6, 9), drop=0.1)
    expected = [0.5, 1.0, 1.5, 2.0, 2.0, 2.0, 0.2, 0.2, 0.2, 0.02, 0.02]
    assert [settings.rate_at(iteration) for iteration in range(11)] == pytest.approx(expected)
    assert TrainingSettings(rate=0.3).rate_at(10**6) == 0.3


def test_the_rate_of_an_iteration_is_the_one_it_is_trained_with() -> None:
    """With plain SGD and one batch, a step is the rate times the gradient."""
    settings = TrainingSettings(
        optimizer="sgd", rate=0.2, momentum=0.0, batch=40, iterations=6, warmup=2, drops=(4,), drop=0.5
    )
    model = drawn(lambda: nn.Linear(6, CLASSES))
    data = examples()
    weight = model.get_parameter("weight").detach().clone()
    bias = model.get_parameter("bias").detach().clone()
    for rate in (0.1, 0.2, 0.2, 0.2, 0.1, 0.1):
        w, b = weight.clone().requires_grad_(), bias.clone().requires_grad_()
        functional.cross_entropy(functional.linear(data.inputs, w, b), data.targets).backward()
        assert w.grad is not None
        assert b.grad is not None
        weight, bias = weight - rate * w.grad, bias - rate * b.grad
    trained(model, None, settings)
    torch.testing.assert_close(model.get_parameter("weight").detach(), weight, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(model.get_parameter("bias").detach(), bias, rtol=1e-5, atol=1e-6)


# What it comes to.


def test_early_stopping_is_where_the_validation_loss_is_least() -> None:
    told: list[tuple[int, Measurement]] = []
    states = {}
    model = drawn(Residual)

    def tell(done: int, found: Measurement) -> None:
        told.append((done, found))
        states[done] = state_of(model)

    settings = QUICK.changed(rate=0.2, iterations=40, measure_every=3)
    found = trained(model, None, settings, tell=tell)
    assert found.history == told
    assert [done for done, _ in told] == [*range(3, 40, 3), 40]
    losses = {done: measured.loss for done, measured in told}
    assert found.best_iteration == min(losses, key=lambda done: losses[done])
    assert 3 < found.best_iteration < 40  # a course with a valley
    assert equal_states(found.best, states[found.best_iteration])
    assert equal_states(found.final, states[40])
    assert equal_states(found.final, model)
    model.load_state_dict(found.best)
    assert measure(model, examples((6,), 15, 1)) == (
        losses[found.best_iteration],
        dict(told)[found.best_iteration].accuracy,
    )


def test_networks_learn_under_a_mask() -> None:
    model = drawn(Residual)
    mask = random_mask(model, 0.6)
    before = measure(model, examples())
    trained(model, mask, QUICK.changed(iterations=300))
    after = measure(model, examples())
    assert after.loss < before.loss / 2
    assert after.accuracy > 0.9


@pytest.mark.parametrize("training", [True, False])
def test_measuring_is_in_evaluation_mode_and_leaves_the_mode(training: bool) -> None:
    model = drawn(Pictures).train(training)
    before = copy.deepcopy(model)
    data = examples((1, 6, 6))
    generator_before = torch.get_rng_state()
    found = measure(model, data)
    assert equal_states(model, before)
    assert model.training == training
    assert torch.equal(torch.get_rng_state(), generator_before)
    with torch.no_grad():
        outputs = before.eval()(data.inputs)
    assert found.loss == pytest.approx(float(functional.cross_entropy(outputs, data.targets)), rel=1e-6)
    assert found.accuracy == pytest.approx(float((outputs.argmax(1) == data.targets).float().mean()))


def test_measuring_many_examples_is_measuring_all_of_them() -> None:
    model = drawn(Residual)
    data = examples(count=5700)
    with torch.no_grad():
        outputs = model(data.inputs)
    found = measure(model, data)
    assert found.loss == pytest.approx(float(functional.cross_entropy(outputs, data.targets)), rel=1e-5)
    assert found.accuracy == pytest.approx(float((outputs.argmax(1) == data.targets).double().mean()))


def test_a_squared_error_is_trained_too() -> None:
    data = examples()
    wanted = functional.one_hot(data.targets, CLASSES).float()
    hot = Examples(data.inputs, wanted)
    model = drawn(Residual)
    before = measure(model, hot, SQUARED_ERROR)
    train(model, Mask.dense(model), hot, hot, QUICK.changed(iterations=200), 0, objective=SQUARED_ERROR)
    after = measure(model, hot, SQUARED_ERROR)
    assert after.loss < before.loss / 4
    assert after.accuracy == measure(model, data).accuracy > 0.9


# Snapshots.


@each_optimizer
@each_stranger
def test_from_a_snapshot_training_goes_on_as_if_it_had_never_stopped(
    optimizer: dict[str, Any], stranger: str
) -> None:
    """Of the noise of dropout this cannot be so: it has an address of its own where training begins."""
    kind = STRANGERS[stranger]
    settings = QUICK.changed(**optimizer)

    make = (lambda: Pictures(noise=0.0)) if stranger == "pictures" else kind.make
    model = drawn(make)
    whole = trained(model, None, settings, shape=kind.shape, keep_at=11)
    assert whole.snapshot is not None
    assert whole.snapshot.iteration == 11
    other = drawn(make, 1)
    rest = trained(other, None, settings, shape=kind.shape, begin=whole.snapshot)
    assert equal_states(rest.final, whole.final)
    assert rest.history == [entry for entry in whole.history if entry[0] > 11]


def test_a_snapshot_is_a_copy() -> None:
    model = drawn(Residual)
    initial = state_of(model)
    snapshot = trained(model, keep_at=0).snapshot
    assert snapshot is not None
    assert equal_states(snapshot.state, initial)
    assert not equal_states(snapshot.state, model)
    assert snapshot.optimizer == {}


def test_without_being_asked_there_is_none() -> None:
    assert trained(drawn(Residual)).snapshot is None


# What goes wrong.


def test_a_training_that_diverges_is_refused_with_advice() -> None:
    settings = QUICK.changed(optimizer="sgd", rate=100.0, iterations=200, measure_every=50)
    model = drawn(lambda: chain(6, 20, 20, 20, 20, 20, CLASSES, activation=nn.Identity))
    with pytest.raises(BadInput, match=r"training diverged before iteration .*; lower training\.rate"):
        trained(model, random_mask(model, 0.8), settings)


def test_a_forward_that_fails_is_named() -> None:
    with pytest.raises(BadInput, match=r"the model's forward fails on inputs of 1 x 7 \(RuntimeError: "):
        train(drawn(Residual), Mask.dense(drawn(Residual)), examples((7,)), examples((7,)), QUICK, 0)


def test_a_forward_that_fails_only_in_training_is_named_too() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, CLASSES))
    with pytest.raises(
        BadInput, match=r"the model's forward fails on inputs of 1 x 6 \(ValueError: Expected more"
    ):
        trained(model, None, QUICK.changed(batch=39))  # the epoch's last batch is one example


def test_outputs_that_are_no_rows_are_refused() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.Unflatten(1, (2, 2)))
    with pytest.raises(BadInput, match="the model's forward returns 1 x 2 x 2 for 1 examples"):
        trained(model)


def test_batch_statistics_are_those_of_training_alone() -> None:
    """Looking at the model beforehand leaves no trace in its running means."""
    model = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, CLASSES))
    settings = TrainingSettings(batch=40, iterations=3, rate=1e-9)
    norm = model[1]
    assert isinstance(norm, nn.BatchNorm1d)
    with torch.no_grad():
        mean = model[0](examples().inputs).mean(0)
    trained(model, None, settings)
    assert norm.running_mean is not None
    torch.testing.assert_close(norm.running_mean, mean * (1 - 0.9**3), rtol=1e-4, atol=1e-6)
    assert int(norm.num_batches_tracked or 0) == 3


def test_whoever_is_told_may_stop_the_training() -> None:
    model = drawn(Residual)

    def tell(done: int, _: Measurement) -> None:
        if done >= 12:
            raise Stopped

    before = torch.get_rng_state()
    with pytest.raises(Stopped):
        trained(model, tell=tell)
    assert torch.equal(torch.get_rng_state(), before)


def test_snapshots_of_the_optimizer_carry_its_moments() -> None:
    found = trained(drawn(lambda: nn.Linear(6, CLASSES)), keep_at=5).snapshot
    assert isinstance(found, Snapshot)
    assert {key.split("/")[1] for key in found.optimizer} == {"step", "exp_avg", "exp_avg_sq"}
    assert same(found.optimizer["0/step"], torch.tensor(5.0))
    assert all(name in found.state for name in prunable(nn.Linear(6, CLASSES)))
