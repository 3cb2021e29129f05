"""Any module is pruned to the sparsity asked for, by any criterion, in any scope."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.pruning.strangers import (
    CLASSES,
    STRANGERS,
    Residual,
    batches,
    chain,
    drawn,
    equal_states,
    examples,
    random_mask,
)
from wann.errors import BadInput
from wann.pruning import CRITERIA, SCHEDULES, SCOPES, SQUARED_ERROR, Mask, prune
from wann.pruning.scopes import layer_densities

each_criterion = pytest.mark.parametrize("criterion", CRITERIA)
each_scope = pytest.mark.parametrize("scope", SCOPES)


def pruned(
    model: nn.Module, sparsity: float, criterion: str, shape: tuple[int, ...] = (6,), **given: Any
) -> Mask:
    given = {"batches": batches(shape), "rng": np.random.default_rng(0), "collapse": True, **given}
    return prune(model, sparsity, criterion, **given)


@each_criterion
@each_scope
@pytest.mark.parametrize("stranger", STRANGERS)
def test_any_module_loses_exactly_what_is_asked_for(criterion: str, scope: str, stranger: str) -> None:
    kind = STRANGERS[stranger]
    model = drawn(kind.make)
    before = copy.deepcopy(model)
    generator = torch.get_rng_state()
    mask = pruned(model, 0.6, criterion, kind.shape, scope=scope, passes=3)
    dense = Mask.dense(model)
    densities = layer_densities(dense, 1 - 0.6, scope)
    if densities is None:
        assert mask.kept == round((1 - 0.6) * mask.total)
    else:
        assert mask.layers() == {
            name.removesuffix(".weight"): (round(densities[name] * there.numel()), there.numel())
            for name, there in dense.tensors.items()
        }
    assert equal_states(model, before)  # applying the mask is somebody else's decision
    assert torch.equal(torch.get_rng_state(), generator)
    mask.apply(model)
    assert mask.holds(model)
    assert model.train()(examples(kind.shape).inputs[:5]).shape == (5, CLASSES)


@each_criterion
def test_what_was_gone_before_stays_gone_and_counts(criterion: str) -> None:
    model = drawn(Residual)
    before = random_mask(model, 0.5)
    mask = pruned(model, 0.7, criterion, mask=before)
    assert mask.kept == round((1 - 0.7) * 85)
    before.shrunk(mask.tensors)  # which refuses what comes back
    kept = pruned(model, 0.1, criterion, mask=before)
    assert kept.to_bytes() == before.to_bytes()  # sparser already


def test_weights_that_are_gone_are_zero_for_the_criterion_whatever_the_model_holds() -> None:
    model = drawn(Residual)
    mask = random_mask(model, 0.5)
    applied = copy.deepcopy(model)
    mask.apply(applied)
    for criterion in CRITERIA:
        one, other = (pruned(of, 0.7, criterion, mask=mask) for of in (model, applied))
        assert one.to_bytes() == other.to_bytes()


@each_criterion
def test_a_sparsity_of_zero_removes_nothing(criterion: str) -> None:
    assert pruned(drawn(Residual), 0.0, criterion).sparsity == 0


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("passes", [1, 2, 7])
def test_all_schedules_and_numbers_of_passes_end_at_the_sparsity(schedule: str, passes: int) -> None:
    found = pruned(drawn(Residual), 0.8, "snip", schedule=schedule, passes=passes)
    assert found.kept == round((1 - 0.8) * 85)


def test_more_passes_score_again_what_is_left() -> None:
    model = drawn(Residual)
    assert pruned(model, 0.8, "snip", passes=1).to_bytes() != pruned(model, 0.8, "snip", passes=10).to_bytes()
    # Magnitudes do not change by the removal of others.
    assert (
        pruned(model, 0.8, "magnitude", passes=1).to_bytes()
        == pruned(model, 0.8, "magnitude", passes=10).to_bytes()
    )


def test_layers_have_sparsities_of_their_own() -> None:
    mask = pruned(
        drawn(Residual), 0.8, "magnitude", scope="layer", rates={"leave": 0.2, "block.one": 0.0}, passes=4
    )
    assert mask.layers() == {"enter": (6, 30), "block.one": (20, 20), "block.two": (4, 20), "leave": (12, 15)}


def test_a_random_mask_is_the_generators() -> None:
    model = drawn(Residual)
    one, again, other = (
        pruned(model, 0.5, "random", rng=np.random.default_rng(seed)).to_bytes() for seed in (0, 0, 1)
    )
    assert one == again != other


def test_the_loss_may_be_another() -> None:
    wanted = torch.from_numpy(np.random.default_rng(0).normal(0, 5, (40, CLASSES)).astype(np.float32))
    found = [(torch.cat([inputs for inputs, _ in batches()]), wanted)]
    for criterion in ("snip", "grasp"):
        squared = pruned(drawn(Residual), 0.5, criterion, batches=found, objective=SQUARED_ERROR)
        assert squared.kept == round(0.5 * 85)
        assert squared.to_bytes() != pruned(drawn(Residual), 0.5, criterion).to_bytes()


# Complaints.


class Broken(nn.Module):
    def __init__(self, outputs: Any) -> None:
        super().__init__()
        self.layer, self.outputs = nn.Linear(6, CLASSES), outputs

    def forward(self, values: Tensor) -> Any:
        return self.outputs(self.layer(values))


def _fails(_: Tensor) -> Tensor:
    raise KeyError("no such thing")


FAILING: dict[str, tuple[nn.Module, str]] = {
    "of another width": (
        nn.Linear(7, CLASSES),
        r"the model's forward fails on inputs of \d+ x 6 \(RuntimeError: ",
    ),
    "error of its own": (
        Broken(_fails),
        r"the model's forward fails on inputs of \d+ x 6 \(KeyError: 'no such thing'",
    ),
    "no tensor": (Broken(lambda values: [values]), r"the model's forward returns list for \d+ examples"),
    "one number": (Broken(lambda values: values.sum()), r"the model's forward returns  for \d+ examples"),
    "pictures": (
        Broken(lambda values: values[:, None]),
        r"the model's forward returns \d+ x 1 x 3 for \d+ examples; accepted is examples x outputs",
    ),
    "rows lost": (Broken(lambda values: values[:0]), r"the model's forward returns 0 x 3 for \d+ examples"),
}


@pytest.mark.parametrize("criterion", [name for name, entry in CRITERIA.items() if entry.needs != "nothing"])
@pytest.mark.parametrize(("model", "complaint"), FAILING.values(), ids=FAILING)
def test_a_forward_that_fails_is_named(criterion: str, model: nn.Module, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        pruned(model, 0.5, criterion)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "criterion": ({"criterion": "size"}, "criterion: 'size'; accepted are random, magnitude, deviation, obd"),
    "scope": ({"scope": "local"}, "scope: 'local'; accepted are global, layer, erk"),
    "schedule": ({"schedule": "linear"}, "schedule: 'linear'; accepted are one-shot, exponential, cubic"),
    "passes": ({"passes": 0}, "passes: 0; accepted are numbers from 1"),
    "sparsity of one": ({"sparsity": 1.0}, "sparsity: 1; accepted are numbers from 0 to below 1"),
    "negative sparsity": ({"sparsity": -0.5}, "sparsity: -0.5; accepted are numbers"),
    "no number": ({"sparsity": float("nan")}, "sparsity: nan; accepted are numbers"),
    "rate": ({"scope": "layer", "rates": {"leave": 1.0}}, "rates.leave: 1; accepted are numbers"),
    "unknown layer": ({"scope": "layer", "rates": {"leaf": 0.5}}, "no layer 'leaf' .* did you mean leave"),
    "rates where scores decide": ({"rates": {"leave": 0.5}}, "layers have no rates of their own"),
    "mask": ({"mask": Mask.dense(chain(6, 5, CLASSES))}, "a mask of another network"),
    "emptied": ({"scope": "layer", "sparsity": 0.99}, "nothing would be left in layer enter"),
}


@pytest.mark.parametrize(("changes", "complaint"), BAD.values(), ids=BAD)
def test_what_cannot_be_done_is_refused(changes: dict[str, Any], complaint: str) -> None:
    given = {"sparsity": 0.5, "criterion": "magnitude", **changes}
    with pytest.raises(BadInput, match=complaint):
        prune(drawn(Residual), given.pop("sparsity"), given.pop("criterion"), **given)


def test_a_network_that_does_not_compute_is_refused() -> None:
    model = drawn(Residual)
    with torch.no_grad():
        model.get_parameter("enter.weight")[0, 0] = float("nan")
    for criterion in CRITERIA.keys() - {"random"}:
        with pytest.raises(BadInput, match=r"weight: a score is NaN; an output is not finite"):
            pruned(model, 0.5, criterion)


def test_a_network_without_layers_is_refused() -> None:
    with pytest.raises(BadInput, match="no Linear or Conv2d layer"):
        prune(nn.Tanh(), 0.5)
