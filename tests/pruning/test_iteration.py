"""Rounds of training and pruning: what is rewound, what is kept, and nothing else."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter
from torch import nn

from tests.pruning.strangers import (
    CLASSES,
    STRANGERS,
    Pictures,
    Residual,
    chain,
    drawn,
    equal_states,
    examples,
)
from wann.errors import BadInput
from wann.pruning import (
    CRITERIA,
    AnyPruningPlan,
    Examples,
    Iteration,
    Mask,
    RoundOutcome,
    TrainingSettings,
    prunable,
    train,
)
from wann.pruning.memory import Memory
from wann.pruning.plan import CONTROLS
from wann.pruning.state import State, state_of
from wann.pruning.training import Measurement, Stopped

PLANS: TypeAdapter[AnyPruningPlan] = TypeAdapter(AnyPruningPlan)
TRAINING = TrainingSettings(rate=0.03, batch=9, iterations=9, measure_every=3, drops=(6,), warmup=2)
REWINDS: dict[str, dict[str, Any]] = {
    "initial": {"rewind": "initial"},
    "step": {"rewind": "step", "step": 4},
    "rate": {"rewind": "rate"},
    "none": {"rewind": "none", "retrain": {"iterations": 5}},
}
each_rewind = pytest.mark.parametrize("rewind", REWINDS.values(), ids=REWINDS)
each_optimizer = pytest.mark.parametrize("optimizer", ["sgd", "adam"])


def plan(**given: Any) -> AnyPruningPlan:
    """A plan with these settings, and three rounds of a rate of 0.3 where the schedule has them."""
    schedule = given.get("schedule", "iterative")
    few = {} if schedule in ("levels", "one-shot") else {"rounds": 3}
    settings = {**few, **({"rate": 0.3} if schedule == "iterative" else {}), **given}
    return PLANS.validate_json(json.dumps(settings))


def iteration(
    settings: AnyPruningPlan,
    make: Callable[[], nn.Module] = Residual,
    shape: tuple[int, ...] = (6,),
    training: TrainingSettings = TRAINING,
    **given: Any,
) -> Iteration:
    return Iteration(
        given.pop("model", None) or drawn(make),
        settings,
        training,
        examples(shape),
        examples(shape, 15, 1),
        0,
        **given,
    )


def rounds(of: Iteration) -> list[RoundOutcome]:
    """All that are still to come, controls among them."""
    return [outcome for _ in of.remaining for outcome in of.round()]


def survivors(mask: Mask, state: State, other: State) -> bool:
    """Whether two states agree wherever weights are there."""
    return all(torch.equal(state[name][there], other[name][there]) for name, there in mask.tensors.items())


# Rounds.


@each_rewind
def test_round_after_round_masks_shrink_to_exact_numbers(rewind: dict[str, Any]) -> None:
    found = rounds(iteration(plan(**rewind)))
    assert [(outcome.round, outcome.variant) for outcome in found] == [
        (0, "dense"),
        (1, "pruned"),
        (2, "pruned"),
        (3, "pruned"),
    ]
    for number, outcome in enumerate(found):
        assert outcome.mask.layers() == {
            name: (round(0.7**number * total), total) for name, (_, total) in found[0].mask.layers().items()
        }
        if number:
            found[number - 1].mask.shrunk(outcome.mask.tensors)  # which refuses what comes back
        for state in (outcome.trained.final, outcome.trained.best):
            assert all(bool((state[name][~there] == 0).all()) for name, there in outcome.mask.tensors.items())


def test_the_smallest_magnitudes_of_the_trained_weights_go() -> None:
    found = rounds(iteration(plan(rates={"leave": 0.1}, rounds=2)))
    for before, after in itertools.pairwise(found):
        for name, there in after.mask.tensors.items():
            magnitudes = before.trained.final[name].abs()
            gone = before.mask.tensors[name] & ~there
            assert float(magnitudes[gone].max()) <= float(magnitudes[there].min())
    assert found[2].mask.layers()["leave"] == (round(0.9**2 * 15), 15)
    assert found[2].mask.layers()["enter"] == (round(0.7**2 * 30), 30)


def test_the_first_round_is_the_training_of_the_dense_network() -> None:
    model = drawn(Residual)
    by_hand = train(model, Mask.dense(model), examples(), examples((6,), 15, 1), TRAINING, 0)
    dense = rounds(iteration(plan(rounds=0)))
    assert len(dense) == 1
    assert equal_states(dense[0].trained.final, by_hand.final)
    assert dense[0].trained.history == by_hand.history
    assert dense[0].mask.sparsity == 0


# Rewinding.


def test_initial_rewinding_gives_survivors_their_initial_values() -> None:
    initial = state_of(drawn(Residual))
    for outcome in rounds(iteration(plan(rewind="initial"))):
        assert equal_states(outcome.begin, initial)
        model = drawn(Residual, 5)
        model.load_state_dict(initial)
        again = train(model, outcome.mask, examples(), examples((6,), 15, 1), TRAINING, 0)
        assert equal_states(again.final, outcome.trained.final)


@each_optimizer
def test_step_rewinding_brings_back_weights_statistics_and_the_optimizer(optimizer: str) -> None:
    training = TRAINING.changed(optimizer=optimizer, weight_decay=0.01)
    found = rounds(iteration(plan(rewind="step", step=4), Pictures, (1, 6, 6), training))
    snapshot = found[0].trained.snapshot
    assert snapshot is not None
    assert snapshot.iteration == 4
    assert int(snapshot.state["norm.num_batches_tracked"]) == 4
    assert snapshot.optimizer
    for outcome in found[1:]:
        assert equal_states(outcome.begin, snapshot.state)
        model = drawn(Pictures, 3)
        again = train(
            model, outcome.mask, examples((1, 6, 6)), examples((1, 6, 6), 15, 1), training, 0, begin=snapshot
        )
        assert equal_states(again.final, outcome.trained.final)
        assert int(outcome.trained.final["norm.num_batches_tracked"]) == 9
        assert [done for done, _ in outcome.trained.history] == [6, 9]


@each_optimizer
@pytest.mark.parametrize("rewind", ["initial", "step"])
@pytest.mark.parametrize("stranger", ["residual", "sequential", "quiet pictures", "tied"])
def test_with_nothing_removed_rewinding_repeats_the_dense_training_bit_for_bit(
    rewind: str, optimizer: str, stranger: str
) -> None:
    make, shape = (
        (lambda: Pictures(noise=0.0), (1, 6, 6))
        if stranger == "quiet pictures"
        else (STRANGERS[stranger].make, (6,))
    )
    training = TRAINING.changed(optimizer=optimizer, weight_decay=0.01)
    found = rounds(iteration(plan(**REWINDS[rewind], rate=0.0, rounds=2), make, shape, training))
    for outcome in found[1:]:
        assert outcome.mask.sparsity == 0
        assert equal_states(outcome.trained.final, found[0].trained.final)


def test_initial_rewinding_repeats_the_noise_of_dropout_too() -> None:
    found = rounds(iteration(plan(rate=0.0, rounds=1), Pictures, (1, 6, 6)))
    assert equal_states(found[1].trained.final, found[0].trained.final)


def test_rate_rewinding_keeps_the_weights_and_repeats_the_whole_schedule() -> None:
    found = rounds(iteration(plan(rewind="rate")))
    for before, after in itertools.pairwise(found):
        assert equal_states(after.begin, before.trained.final)
        model = drawn(Residual, 5)
        model.load_state_dict(before.trained.final)
        again = train(model, after.mask, examples(), examples((6,), 15, 1), TRAINING, 0)
        assert equal_states(again.final, after.trained.final)
        assert [done for done, _ in after.trained.history] == [3, 6, 9]


def test_without_rewinding_survivors_go_on_at_a_lower_constant_rate() -> None:
    found = rounds(iteration(plan(rewind="none", retrain={"iterations": 5, "rate": 0.5})))
    lower = TRAINING.changed(rate=0.015, iterations=5, drops=(), warmup=0)
    for before, after in itertools.pairwise(found):
        assert equal_states(after.begin, before.trained.final)
        model = drawn(Residual, 5)
        model.load_state_dict(before.trained.final)
        again = train(model, after.mask, examples(), examples((6,), 15, 1), lower, 0)
        assert equal_states(again.final, after.trained.final)


def test_a_step_that_is_never_reached_is_refused() -> None:
    with pytest.raises(BadInput, match=r"pruning\.step 9: accepted are iterations below 9"):
        iteration(plan(rewind="step", step=9))


# Interruption.


@each_rewind
@pytest.mark.parametrize("stranger", ["residual", "pictures"])
def test_resumed_after_any_round_it_ends_as_if_undisturbed(rewind: dict[str, Any], stranger: str) -> None:
    kind = STRANGERS[stranger]
    settings = plan(**rewind, rounds=2, controls=list(CONTROLS), control_rounds=[2])
    undisturbed = iteration(settings, kind.make, kind.shape)
    expected: list[list[RoundOutcome]] = []
    memories: list[Memory] = []
    for _ in undisturbed.remaining:
        expected.append(list(undisturbed.round()))
        assert undisturbed.memory is not None
        memories.append(copy.deepcopy(undisturbed.memory))
    for done, memory in enumerate(memories):
        other = drawn(kind.make, 99)  # weights that have no say
        resumed = iteration(settings, kind.make, kind.shape, model=other, memory=memory)
        assert resumed.remaining == range(done + 1, 3)
        still_to_come = [outcome for of_round in expected[done + 1 :] for outcome in of_round]
        for outcome, old in zip(rounds(resumed), still_to_come, strict=True):
            assert same_outcomes(outcome, old)


def same_outcomes(one: RoundOutcome, other: RoundOutcome) -> bool:
    return (
        (one.round, one.variant) == (other.round, other.variant)
        and one.mask.to_bytes() == other.mask.to_bytes()
        and equal_states(one.begin, other.begin)
        and equal_states(one.trained.final, other.trained.final)
        and equal_states(one.trained.best, other.trained.best)
        and one.trained.history == other.trained.history
    )


def test_a_round_that_was_stopped_is_still_to_come_and_is_then_the_same() -> None:
    settings = plan(rewind="step", step=4, controls=["shuffled"])
    expected = rounds(iteration(settings))
    stopped = iteration(settings)
    list(stopped.round())
    heard: list[tuple[str, int]] = []

    def stop(variant: str, done: int, _: Measurement) -> None:
        heard.append((variant, done))
        if variant == "shuffled":
            raise Stopped

    with pytest.raises(Stopped):
        list(stopped.round(stop))
    assert heard == [("pruned", 6), ("pruned", 9), ("shuffled", 6)]
    assert stopped.remaining == range(1, 4)
    for outcome, old in zip(rounds(stopped), expected[1:], strict=True):
        assert same_outcomes(outcome, old)


def test_the_memory_of_another_network_is_refused() -> None:
    of = iteration(plan())
    list(of.round())
    with pytest.raises(BadInput, match="a mask of another network"):
        iteration(plan(), lambda: chain(6, 4, CLASSES), memory=of.memory)


# Controls.


def with_controls(**given: Any) -> dict[tuple[int, str], RoundOutcome]:
    settings = plan(rounds=2, controls=list(CONTROLS), **given)
    return {(outcome.round, outcome.variant): outcome for outcome in rounds(iteration(settings))}


@each_rewind
def test_controls_are_what_they_are_called(rewind: dict[str, Any]) -> None:
    found = with_controls(**rewind)
    for number in (1, 2):
        pruned = found[number, "pruned"]
        reinitialised, shuffled, random = (found[number, variant] for variant in CONTROLS)
        assert reinitialised.mask.to_bytes() == pruned.mask.to_bytes()
        for name in pruned.mask.tensors:
            assert not bool((reinitialised.begin[name] == pruned.begin[name]).any())
        assert shuffled.mask.layers() == pruned.mask.layers()
        assert shuffled.mask.to_bytes() != pruned.mask.to_bytes()
        assert equal_states(shuffled.begin, pruned.begin)
        assert (random.mask.kept, random.mask.total) == (pruned.mask.kept, pruned.mask.total)
        assert random.mask.to_bytes() not in (pruned.mask.to_bytes(), shuffled.mask.to_bytes())
        assert equal_states(random.begin, pruned.begin)
        for control in (reinitialised, shuffled, random):
            for name, there in control.mask.tensors.items():
                assert bool((control.trained.final[name][~there] == 0).all())


def test_controls_differ_from_round_to_round_and_change_nothing_of_the_pruned_networks() -> None:
    found = with_controls()
    assert not torch.equal(
        found[1, "reinitialised"].begin["enter.weight"], found[2, "reinitialised"].begin["enter.weight"]
    )
    alone = {outcome.round: outcome for outcome in rounds(iteration(plan(rounds=2)))}
    for number in (1, 2):
        assert same_outcomes(found[number, "pruned"], alone[number])


def test_controls_may_be_asked_for_in_some_rounds_alone() -> None:
    of = iteration(plan(controls=["random"], control_rounds=[2]))
    assert [(outcome.round, outcome.variant) for outcome in rounds(of) if outcome.variant == "random"] == [
        (2, "random")
    ]


def test_a_reinitialised_network_knows_nothing_of_any_training() -> None:
    of = iteration(plan(rounds=1, controls=["reinitialised"]), Pictures, (1, 6, 6))
    initial = state_of(drawn(Pictures))
    dense, _, control = rounds(of)
    assert not torch.equal(dense.trained.final["shift"], initial["shift"])
    for name in ("shift", "norm.running_mean", "norm.running_var", "norm.weight", "norm.bias"):
        assert torch.equal(control.begin[name], initial[name]), name
    assert not torch.equal(control.begin["conv1.weight"], initial["conv1.weight"])


# Before training.


@pytest.mark.parametrize("criterion", sorted(name for name, entry in CRITERIA.items() if not entry.trained))
def test_criteria_for_initial_weights_prune_the_dense_network_anew_at_each_level(criterion: str) -> None:
    levels = (0.8, 0.3, 0.5)
    settings = plan(
        criterion=criterion,
        schedule="levels",
        levels=levels,
        scope="global",
        collapse=True,
        examples=30,
        passes=7,
    )
    assert settings.before_training
    found = rounds(iteration(settings))
    initial = state_of(drawn(Residual))
    for outcome, level in zip(found[1:], levels, strict=True):
        assert outcome.mask.kept == round((1 - level) * 85)
        assert equal_states(outcome.begin, initial)
        alone = rounds(iteration(settings.changed(levels=(level,))))[1]
        assert alone.mask.to_bytes() == outcome.mask.to_bytes()
        assert equal_states(alone.trained.final, outcome.trained.final)


def test_levels_of_trained_weights_prune_the_last_network_but_the_dense_mask() -> None:
    found = rounds(iteration(plan(schedule="levels", levels=(0.8, 0.3), rewind="initial")))
    assert [outcome.mask.kept for outcome in found] == [
        85,
        sum(round((1 - 0.8) * size) for size in (30, 20, 20, 15)),
        sum(round((1 - 0.3) * size) for size in (30, 20, 20, 15)),
    ]


def test_magnitudes_of_initial_weights_may_be_asked_for() -> None:
    found = rounds(iteration(plan(at="initial", rounds=1)))
    initial = state_of(drawn(Residual))
    for name, there in found[1].mask.tensors.items():
        assert float(initial[name].abs()[~there].max()) <= float(initial[name].abs()[there].min())


# Any network, any criterion.


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("scope", ["global", "layer", "erk"])
def test_a_strangers_module_goes_through_a_whole_iteration(criterion: str, scope: str) -> None:
    settings = plan(
        criterion=criterion, scope=scope, schedule="cubic", sparsity=0.5, rounds=2, passes=3, at="trained"
    )
    before = torch.get_rng_state()
    of = iteration(settings.changed(examples=24), Pictures, (1, 6, 6), TRAINING.changed(iterations=4))
    found = rounds(of)
    assert torch.equal(torch.get_rng_state(), before)
    total = 36 + 144 + 108
    assert [outcome.mask.total for outcome in found] == [total] * 3
    sparsity = [0.0, 0.5 * (1 - 0.5**3), 0.5]
    for outcome, expected in zip(found, sparsity, strict=True):
        assert outcome.mask.sparsity == pytest.approx(expected, abs=0.01)
        assert bool(torch.isfinite(outcome.trained.final["conv1.weight"]).all())
    assert list(of.remaining) == []


@pytest.mark.parametrize("criterion", ["snip", "obd", "grasp"])
def test_criteria_look_at_equally_many_examples_of_each_class(criterion: str) -> None:
    data = examples(count=60)
    few = torch.nonzero(data.targets == 2).flatten()[:4]
    rest = torch.nonzero(data.targets != 2).flatten()
    unequal = Examples(data.inputs[torch.cat([few, rest])], data.targets[torch.cat([few, rest])])
    of = Iteration(drawn(Residual), plan(criterion=criterion, examples=9), TRAINING, unequal, unequal, 0)
    batches = of._batches()
    labels = torch.cat([targets for _, targets in batches])
    assert torch.bincount(labels).tolist() == [3, 3, 3]
    everything = Iteration(
        drawn(Residual), plan(criterion=criterion), TRAINING, unequal, unequal, 0
    )._batches()
    assert sum(len(inputs) for inputs, _ in everything) == len(unequal)


def test_hans_rule_removes_what_is_below_a_threshold_of_standard_deviations() -> None:
    found = rounds(
        iteration(
            plan(
                criterion="deviation",
                schedule="threshold",
                threshold=0.5,
                rates={"leave": 0.2},
                rewind="none",
                rounds=2,
            )
        )
    )
    for before, after in itertools.pairwise(found):
        for name, there in after.mask.tensors.items():
            values = before.trained.final[name].double().numpy()
            was = before.mask.tensors[name].numpy()
            quality = 0.2 if name == "leave.weight" else 0.5
            np.testing.assert_array_equal(
                there.numpy(), was & (np.abs(values) >= quality * values[was].std())
            )
    assert found[2].mask.kept < found[1].mask.kept < 85


# Neurons.


def units(mask: Mask) -> dict[str, tuple[int, int]]:
    """Hidden units with live inputs, and with live outputs, of each hidden layer of a dense chain."""
    names = list(mask.tensors)
    return {
        name: (int(mask.tensors[name].any(1).sum()), int(mask.tensors[after].any(0).sum()))
        for name, after in itertools.pairwise(names)
    }


@pytest.mark.parametrize("scope", ["layer", "global"])
def test_whole_units_go_and_inputs_and_outputs_stay(scope: str) -> None:
    settings = plan(criterion="neurons", scope=scope, rate=0.25, rounds=2, rewind="rate")
    found = rounds(iteration(settings, lambda: chain(6, 8, 4, CLASSES)))
    for number, outcome in enumerate(found):
        alive = units(outcome.mask)
        assert all(incoming == outgoing for incoming, outgoing in alive.values())
        left = [incoming for incoming, _ in alive.values()]
        if scope == "layer":
            assert left == [round(0.75**number * 8), round(0.75**number * 4)]
        else:
            assert sum(left) == round(0.75**number * 12)
        assert bool(outcome.mask.tensors["0.weight"].any(0).all())
        assert bool(outcome.mask.tensors["4.weight"].any(1).all())
        whole = outcome.mask.tensors["0.weight"]
        assert bool((whole.all(1) | ~whole.any(1)).all())  # a unit is there or not


def test_layers_of_their_own_that_do_not_exist_are_refused() -> None:
    with pytest.raises(BadInput, match="no layer 'leav' in this network; did you mean leave"):
        iteration(plan(rates={"leav": 0.1}))


def test_the_weights_are_left_in_the_state_of_the_last_training() -> None:
    of = iteration(plan(rounds=1))
    found = rounds(of)
    assert equal_states(of.model, found[-1].trained.final)
    assert found[-1].mask.holds(of.model)
    assert list(prunable(of.model)) == list(found[-1].mask.tensors)
