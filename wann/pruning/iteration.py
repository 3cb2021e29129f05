"""Rounds of training and pruning: one loop that owns initial state, optimizer, schedule and data order."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import numpy as np
import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from ..errors import BadInput
from ..settings import Settings
from ..streams import Stream, generator
from .criteria import CRITERIA, Probe
from .mask import Mask, unknown_layer
from .memory import Memory
from .models import reset
from .neurons import without_neurons
from .objective import CROSS_ENTROPY, Objective
from .once import known_criterion, prune
from .schedules import SCHEDULES, iterative
from .scopes import SCOPES, layer_densities, select, select_above
from .training import (
    Examples,
    Measured,
    Snapshot,
    State,
    Trained,
    TrainingSettings,
    state_of,
    train,
)

__all__ = ["CONTROLS", "NEURONS", "Iteration", "Memory", "Outcome", "PruningPlan", "RetrainSettings"]

CONTROLS: Final = ("reinitialised", "shuffled", "random")
"""The same mask with other weights; the mask shuffled within each layer; a mask drawn over all weights."""
NEURONS: Final = "neurons"
"""The criterion that removes whole units; see ``without_neurons``."""
_BATCH: Final = 500
_Share = Annotated[float, Field(ge=0.0, lt=1.0)]


class RetrainSettings(Settings):
    """How survivors go on where nothing is rewound.

    Attributes:
        iterations: how many; as in training if not given.
        rate: share of the learning rate.
        drops: iterations at which the rate falls as in training.
    """

    iterations: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    rate: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    drops: tuple[Annotated[int, Field(ge=1)], ...] = ()


class PruningPlan(Settings):
    """What is removed, when, and what happens to the rest.

    Attributes:
        criterion: one of ``wann.pruning.CRITERIA``, or ``neurons``.
        scope: among which weights scores are compared: ``global``, ``layer`` or ``erk``.
        schedule: ``iterative`` removes the share ``rate`` of what is left in each round; ``one-shot``,
            ``exponential`` and ``cubic`` reach ``sparsity`` after ``rounds``; ``threshold`` removes in each
            round the weights below ``threshold`` standard deviations of their layer's survivors (Han);
            ``levels`` prunes the dense network anew for each of ``levels``.
        rate: of ``iterative``.
        rounds: how often is pruned.
        sparsity: the final one.
        threshold: q of Han's rule.
        levels: sparsities.
        rates: of layers that have their own rate, sparsity or threshold, by the layer's name.
        at: whether ``trained`` or ``initial`` weights are scored; as is made for the criterion if not given.
        passes: rounds of scoring and removal within a round; the criterion's own number if not given.
        examples: how many training examples a criterion looks at, equally many of each class; all if not
            given.
        rewind: before survivors are trained again: ``none`` goes on with them at a lower rate, ``initial``
            gives them their initial weights, ``step`` those at iteration ``step`` with the optimizer's state,
            ``rate`` rewinds the learning rate alone.
        step: the iteration to rewind to.
        retrain: how ``none`` goes on.
        collapse: whether a layer may lose all its weights.
        controls: trained beside the pruned network: ``reinitialised``, ``shuffled``, ``random``; made for
            ``initial`` and ``step``, since weights that go on are zero where another mask looks for them.
        control_rounds: in which rounds; all if not given.
    """

    criterion: str = "magnitude"
    scope: str = "layer"
    schedule: Literal["iterative", "one-shot", "exponential", "cubic", "threshold", "levels"] = "iterative"
    rate: _Share = 0.2
    rounds: Annotated[int, Field(ge=0, le=1000)] = 10
    sparsity: _Share = 0.9
    threshold: Annotated[float, Field(ge=0.0, le=100.0)] = 1.0
    levels: tuple[_Share, ...] = ()
    rates: dict[str, Annotated[float, Field(ge=0.0, le=100.0)]] = Field(default_factory=dict)
    at: Literal["trained", "initial"] | None = None
    passes: Annotated[int, Field(ge=1, le=100_000)] | None = None
    examples: Annotated[int, Field(ge=1)] | None = None
    rewind: Literal["none", "initial", "step", "rate"] = "initial"
    step: Annotated[int, Field(ge=0)] = 0
    retrain: RetrainSettings = RetrainSettings()
    collapse: bool = False
    controls: tuple[Literal["reinitialised", "shuffled", "random"], ...] = ()
    control_rounds: tuple[Annotated[int, Field(ge=1)], ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> PruningPlan:
        if self.criterion not in (*CRITERIA, NEURONS):
            raise ValueError(f"criterion {self.criterion!r}: accepted are {', '.join((*CRITERIA, NEURONS))}")
        if self.scope not in SCOPES:
            raise ValueError(f"scope {self.scope!r}: accepted are {', '.join(SCOPES)}")
        if self.schedule == "levels" and not self.levels:
            raise ValueError("schedule levels needs levels, such as levels = [0.9, 0.95]")
        if self.schedule == "threshold" and self.criterion != "deviation":
            raise ValueError("schedule threshold is Han's rule: it needs criterion = 'deviation'")
        if self.schedule != "threshold":
            for layer, rate in self.rates.items():
                if rate >= 1:
                    raise ValueError(f"rates.{layer}: {rate:g}; accepted are numbers from 0 to below 1")
        return self

    @model_validator(mode="after")
    def _combines(self) -> PruningPlan:
        if self.scope == "global" and self.rates and self.schedule != "threshold":
            raise ValueError("rates: scope 'global' compares all weights with all; use scope 'layer'")
        if self.rates and (self.schedule == "levels" or self.criterion == NEURONS):
            raise ValueError("rates: neither schedule levels nor criterion neurons knows a layer's own rate")
        if self.criterion == NEURONS and (self.schedule in ("threshold", "levels") or self.scope == "erk"):
            raise ValueError("criterion neurons goes with neither schedule threshold, levels nor scope erk")
        return self

    def variants(self, number: int) -> tuple[str, ...]:
        """What is trained in a round, in this order; round 0 trains the dense network."""
        if number == 0:
            return ("dense",)
        controlled = not self.control_rounds or number in self.control_rounds
        return ("pruned", *(self.controls if controlled else ()))

    @property
    def before_training(self) -> bool:
        """Whether initial weights are scored."""
        if self.at is None:
            return self.criterion in CRITERIA and not CRITERIA[self.criterion].trained
        return self.at == "initial"

    @property
    def count(self) -> int:
        """Rounds of pruning; round 0 is the dense network."""
        return {"levels": len(self.levels), "one-shot": 1}.get(self.schedule, self.rounds)

    def density(self, done: int, own: float | None = None) -> float:
        """Share of the weights that is kept after ``done`` rounds, by a layer's own rate if given."""
        if self.schedule == "iterative":
            return iterative(self.rate if own is None else own, done)
        if self.schedule == "levels":
            return 1 - self.levels[done - 1]
        return SCHEDULES[self.schedule](1 - (self.sparsity if own is None else own), done, self.count)


@dataclass(frozen=True)
class Outcome:
    """A network that a round has trained.

    Attributes:
        round: 0 for the dense network.
        variant: ``dense``, ``pruned``, or one of ``CONTROLS``.
        mask: which weights are there.
        begin: parameters and buffers before training.
        trained: what training came to.
    """

    round: int
    variant: str
    mask: Mask
    begin: State
    trained: Trained


class Iteration:
    """Train, prune, rewind, again and again; a model of anybody's.

    Attributes:
        model: where it is computed; its state is that of the last network trained.
        plan: what is removed, and when.
        training: how is trained.
        memory: what the last round left; None before the first.
    """

    def __init__(
        self,
        model: nn.Module,
        plan: PruningPlan,
        training: TrainingSettings,
        examples: Examples,
        validation: Examples,
        seed: int,
        *,
        objective: Objective = CROSS_ENTROPY,
        initialise: Callable[[nn.Module, np.random.Generator], None] = reset,
        memory: Memory | None = None,
    ) -> None:
        self.model = model
        self.plan = plan
        self.training = training
        self.memory = memory
        self._examples, self._validation = examples, validation
        self._seed, self._objective, self._initialise = seed, objective, initialise
        self._dense = Mask.dense(model)
        for layer in plan.rates:
            if f"{layer}.weight" not in self._dense.tensors:
                raise unknown_layer(layer, self._dense.tensors)
        if plan.rewind == "step" and plan.step >= training.iterations:
            raise BadInput(
                f"pruning.step {plan.step}: accepted are iterations below {training.iterations}, their number"
            )
        self._check_counts()
        if memory is not None:
            memory.check(model, training, plan.count, plan.step if plan.rewind == "step" else None)
        self._initial = state_of(model) if memory is None else memory.initial

    def _check_counts(self) -> None:
        """Refuse a plan that leaves nothing in a layer, where that can be told without scores."""
        plan = self.plan
        if plan.collapse or plan.criterion == NEURONS or plan.schedule == "threshold":
            return
        for number in range(1, plan.count + 1):
            own = {layer: plan.density(number, rate) for layer, rate in plan.rates.items()}
            densities = layer_densities(self._dense, plan.density(number), plan.scope, own) or {}
            for name, density in densities.items():
                if round(density * self._dense.tensors[name].numel()) == 0:
                    raise BadInput(
                        f"nothing would be left in layer {name.removesuffix('.weight')} in round {number}; "
                        "ask for a lower sparsity, fewer rounds, or allow it with pruning.collapse = true"
                    )

    @property
    def remaining(self) -> range:
        """Numbers of the rounds to come; 0 is the training of the dense network."""
        return range(0 if self.memory is None else self.memory.round + 1, self.plan.count + 1)

    def round(self, tell: Callable[[str, int, Measured], None] = lambda *_: None) -> Iterator[Outcome]:
        """The next round's networks, each as soon as it is trained: the pruned one, then its controls.

        ``memory`` is renewed when all have been taken.

        Args:
            tell: told the variant, iterations done, and the validation loss and accuracy; what it raises ends
                the round, which then is still to come.

        Raises:
            BadInput: see ``train`` and ``prune``.
        """
        memory = self.memory
        if memory is None:
            outcome = self._train(0, "dense", self._dense, self._initial, None, tell)
            yield outcome
            snapshot = outcome.trained.snapshot
        else:
            number, snapshot = memory.round + 1, memory.snapshot
            mask = self._pruned(number, memory)
            begin, rewound = self._rewound(memory)
            outcome = self._train(number, "pruned", mask, begin, rewound, tell)
            yield outcome
            for variant in self.plan.variants(number)[1:]:
                yield self._control(number, variant, mask, memory, tell)
        self.memory = Memory(outcome.round, outcome.mask, self._initial, outcome.trained.final, snapshot)

    def _train(
        self,
        number: int,
        variant: str,
        mask: Mask,
        begin: State,
        snapshot: Snapshot | None,
        tell: Callable[[str, int, Measured], None],
    ) -> Outcome:
        plan, settings = self.plan, self.training
        if number and plan.rewind == "none" and not plan.before_training:
            settings = settings.changed(
                rate=settings.rate * plan.retrain.rate,
                iterations=plan.retrain.iterations or settings.iterations,
                drops=plan.retrain.drops,
                warmup=0,
            )
        self.model.load_state_dict(begin)
        trained = train(
            self.model,
            mask,
            self._examples,
            self._validation,
            settings,
            self._seed,
            objective=self._objective,
            begin=snapshot,
            keep_at=plan.step if number == 0 and plan.rewind == "step" else None,
            tell=lambda done, found: tell(variant, done, found),
        )
        return Outcome(number, variant, mask, begin, trained)

    def _rewound(self, memory: Memory) -> tuple[State, Snapshot | None]:
        """What the survivors begin with."""
        if self.plan.before_training or self.plan.rewind == "initial":
            return memory.initial, None
        if memory.snapshot is not None:
            return memory.snapshot.state, memory.snapshot
        return memory.final, None

    def _pruned(self, number: int, memory: Memory) -> Mask:
        plan = self.plan
        anew = plan.before_training or plan.schedule == "levels"
        before = self._dense if anew else memory.mask
        self.model.load_state_dict(memory.initial if plan.before_training else memory.final)
        before.apply(self.model)
        if plan.criterion == NEURONS:
            example = self._examples.inputs[:1]
            return without_neurons(self.model, before, example, plan.density(number), plan.scope)
        batches = self._batches()
        rng = generator(self._seed, Stream.PRUNING_SCORES, number)
        if plan.schedule == "threshold":
            probe = Probe(self.model, before, batches, self._objective, rng)
            scores = known_criterion(plan.criterion).score(probe)
            return select_above(before, scores, plan.threshold, plan.rates, collapse=plan.collapse)
        return prune(
            self.model,
            1 - plan.density(number),
            plan.criterion,
            mask=before,
            scope=plan.scope,
            rates={layer: 1 - plan.density(number, rate) for layer, rate in plan.rates.items()},
            batches=batches,
            objective=self._objective,
            rng=rng,
            passes=plan.passes,
            collapse=plan.collapse,
        )

    def _batches(self) -> Sequence[tuple[Tensor, Tensor]]:
        """What criteria look at: equally many examples of each class, in a random order."""
        criterion = CRITERIA.get(self.plan.criterion)
        if criterion is None or criterion.needs not in ("examples", "shape"):
            return ()
        inputs, targets = self._examples.inputs, self._examples.targets
        if criterion.needs == "shape":
            return [(inputs[:1], targets[:1])]
        order = torch.from_numpy(generator(self._seed, Stream.PRUNING_EXAMPLES).permutation(len(inputs)))
        if self.plan.examples is not None and targets.ndim == 1:
            classes = targets[order].unique()
            each = max(1, self.plan.examples // len(classes))
            order = torch.cat([order[targets[order] == label][:each] for label in classes])
        elif self.plan.examples is not None:
            order = order[: self.plan.examples]
        return [(inputs[part], targets[part]) for part in order.split(_BATCH)]

    def _control(
        self,
        number: int,
        variant: str,
        mask: Mask,
        memory: Memory,
        tell: Callable[[str, int, Measured], None],
    ) -> Outcome:
        rng = generator(self._seed, Stream.PRUNING_CONTROLS, number, CONTROLS.index(variant))
        begin, snapshot = self._rewound(memory)
        if variant == "reinitialised":
            fresh = copy.deepcopy(self.model)
            fresh.load_state_dict(memory.initial)  # what cannot be drawn anew is untrained, too
            self._initialise(fresh, rng)
            begin, snapshot = state_of(fresh), None
        elif variant == "shuffled":
            tensors = {}
            for name, tensor in mask.tensors.items():
                order = torch.from_numpy(rng.permutation(tensor.numel()))
                tensors[name] = tensor.flatten()[order].reshape(tensor.shape)
            mask = Mask(tensors)
        else:
            drawn = Probe(self.model, self._dense, rng=rng).draws()
            mask = select(self._dense, drawn, 1 - mask.sparsity, "global", collapse=True)
        return self._train(number, variant, mask, begin, snapshot, tell)
