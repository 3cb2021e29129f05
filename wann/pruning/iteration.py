"""Rounds of training and pruning: one loop that owns initial state, optimizer, schedule and data order."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import BadInput
from ..streams import Stream, generator
from .criteria import CRITERIA, Probe
from .mask import Mask, unknown_layer
from .memory import Memory
from .models import reset
from .neurons import without_neurons
from .objective import CROSS_ENTROPY, Objective
from .once import known_criterion, prune
from .plan import CONTROLS, AnyPruningPlan, NeuronPlan, RatedPlan, ThresholdPlan, WeightPlan
from .scopes import layer_densities, select, select_above
from .state import Snapshot, State, state_of
from .training import Examples, Measurement, Trained, TrainingSettings, train

__all__ = ["Iteration", "RoundOutcome"]

_BATCH: Final = 500


@dataclass(frozen=True)
class RoundOutcome:
    """A network that a round has trained.

    Attributes:
        round: 0 for the dense network.
        variant: ``dense``, ``pruned``, or one of ``CONTROLS``.
        mask: the kept weights.
        begin: parameters and buffers before training.
        trained: the result of training.
    """

    round: int
    variant: str
    mask: Mask
    begin: State
    trained: Trained


class Iteration:
    """Repeatedly train, prune and rewind a model, which may be any ``torch.nn.Module``.

    Attributes:
        model: where everything is computed; its state is that of the last network trained.
        plan: what is removed, and when.
        training: how the dense network is trained.
        memory: the state after the last round; None before the first.

    Args:
        model: any module with Linear or Conv2d layers.
        plan: what is removed, and when.
        training: how the dense network is trained.
        examples: training examples.
        validation: examples for early stopping.
        seed: for the order of examples, dropout, and every draw.
        objective: the loss.
        initialise: draws all parameters of the model anew, for the control ``reinitialised``.
        memory: the state after a round, to resume from; from the start if not given.

    Raises:
        BadInput: the plan names an unknown layer, leaves a layer without weights, or rewinds beyond the end
            of training; or the memory belongs to another network or plan.
    """

    def __init__(
        self,
        model: nn.Module,
        plan: AnyPruningPlan,
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
        self._check_plan()
        if memory is not None:
            memory.check(model, training, plan.count, plan.rewind_step)
        self._initial = state_of(model) if memory is None else memory.initial

    def _check_plan(self) -> None:
        """Refuse what the network makes impossible, as far as it follows without scores."""
        plan = self.plan
        if plan.rewind_step is not None and plan.rewind_step >= self.training.iterations:
            raise BadInput(
                f"pruning.step {plan.step}: accepted are iterations below {self.training.iterations}, their "
                "number"
            )
        for layer in plan.rates if isinstance(plan, ThresholdPlan | RatedPlan | NeuronPlan) else ():
            known = [*self._dense.tensors][: -1 if isinstance(plan, NeuronPlan) else None]
            if f"{layer}.weight" not in known:
                raise unknown_layer(layer, known)
        if not isinstance(plan, WeightPlan):
            return
        for number in range(1, plan.count + 1):
            own, density = plan.own_densities(number), plan.density(number)
            for name, share in (layer_densities(self._dense, density, plan.scope, own) or {}).items():
                if round(share * self._dense.tensors[name].numel()) == 0 and not plan.collapse:
                    raise BadInput(
                        f"nothing would be left in layer {name.removesuffix('.weight')} in round {number}; "
                        "use a lower sparsity or fewer rounds, or allow it with pruning.collapse = true"
                    )

    @property
    def remaining(self) -> range:
        """Numbers of the rounds still to come; round 0 trains the dense network."""
        return range(0 if self.memory is None else self.memory.round + 1, self.plan.count + 1)

    def round(
        self, tell: Callable[[str, int, Measurement], None] = lambda *_: None
    ) -> Iterator[RoundOutcome]:
        """The next round's networks, each as soon as it is trained: the pruned one, then its controls.

        ``memory`` is renewed once all have been consumed.

        Args:
            tell: called with the variant, the iterations done, and the validation loss and accuracy; an
                exception that it raises ends the round, which then is still to come.

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
        tell: Callable[[str, int, Measurement], None],
    ) -> RoundOutcome:
        self.model.load_state_dict(begin)
        trained = train(
            self.model,
            mask,
            self._examples,
            self._validation,
            self.plan.trained_by(self.training, number),
            self._seed,
            objective=self._objective,
            begin=snapshot,
            keep_at=self.plan.rewind_step if number == 0 else None,
            tell=lambda done, measured: tell(variant, done, measured),
        )
        return RoundOutcome(number, variant, mask, begin, trained)

    def _rewound(self, memory: Memory) -> tuple[State, Snapshot | None]:
        """Parameters that training starts from, and the snapshot if the optimizer is rewound too."""
        if self.plan.before_training or self.plan.rewind == "initial":
            return memory.initial, None
        if memory.snapshot is not None:
            return memory.snapshot.state, memory.snapshot
        return memory.final, None

    def _pruned(self, number: int, memory: Memory) -> Mask:
        """The mask of a round."""
        plan = self.plan
        before = self._dense if plan.from_dense else memory.mask
        self.model.load_state_dict(memory.initial if plan.before_training else memory.final)
        before.apply(self.model)
        if isinstance(plan, NeuronPlan):
            example = self._examples.inputs[:1]
            own = plan.own_densities(number)
            return without_neurons(self.model, before, example, plan.density(number), plan.scope, own)
        batches = self._batches()
        rng = generator(self._seed, Stream.PRUNING_SCORES, number)
        if isinstance(plan, ThresholdPlan):
            probe = Probe(self.model, before, batches, self._objective, rng)
            scores = known_criterion(plan.criterion).score(probe)
            return select_above(before, scores, plan.threshold, plan.rates, collapse=plan.collapse)
        return prune(
            self.model,
            1 - plan.density(number),
            plan.criterion,
            mask=before,
            scope=plan.scope,
            rates={layer: 1 - density for layer, density in plan.own_densities(number).items()},
            batches=batches,
            objective=self._objective,
            rng=rng,
            passes=plan.passes,
            collapse=plan.collapse,
        )

    def _batches(self) -> Sequence[tuple[Tensor, Tensor]]:
        """Inputs and targets for the criterion: equally many examples of each class, in a random order."""
        plan = self.plan
        criterion = CRITERIA.get(plan.criterion)
        if isinstance(plan, NeuronPlan) or criterion is None or criterion.needs not in ("examples", "shape"):
            return ()
        inputs, targets = self._examples.inputs, self._examples.targets
        if criterion.needs == "shape":
            return [(inputs[:1], targets[:1])]
        order = torch.from_numpy(generator(self._seed, Stream.PRUNING_EXAMPLES).permutation(len(inputs)))
        if plan.examples is not None and targets.ndim == 1:
            classes = targets[order].unique()
            each = max(1, plan.examples // len(classes))
            order = torch.cat([order[targets[order] == label][:each] for label in classes])
        elif plan.examples is not None:
            order = order[: plan.examples]
        return [(inputs[part], targets[part]) for part in order.split(_BATCH)]

    def _control(
        self,
        number: int,
        variant: str,
        mask: Mask,
        memory: Memory,
        tell: Callable[[str, int, Measurement], None],
    ) -> RoundOutcome:
        rng = generator(self._seed, Stream.PRUNING_CONTROLS, number, CONTROLS.index(variant))
        begin, snapshot = self._rewound(memory)
        if variant == "reinitialised":
            fresh = copy.deepcopy(self.model)
            fresh.load_state_dict(memory.initial)  # parameters that cannot be redrawn are untrained, too
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
