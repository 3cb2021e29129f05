"""Training under a mask: what is pruned stays zero against momentum, Adam and weight decay."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from ..errors import BadInput
from ..settings import Settings
from ..streams import Stream, generator
from .criteria import forwarded
from .mask import LAYERS, Mask, prunable
from .objective import CROSS_ENTROPY, Objective

__all__ = [
    "Examples",
    "Measurement",
    "Snapshot",
    "State",
    "Stopped",
    "Trained",
    "TrainingSettings",
    "measure",
    "one_thread",
    "state_of",
    "train",
]

State = dict[str, Tensor]
_AT_ONCE = 2500


class TrainingSettings(Settings):
    """How a network is trained.

    Attributes:
        optimizer: ``adam`` or ``sgd``.
        rate: learning rate.
        momentum: of ``sgd``.
        weight_decay: L2 penalty: this times a weight is added to its gradient.
        batch: examples in an iteration.
        iterations: how many.
        drops: iterations at which the rate is multiplied by ``drop``.
        drop: the factor.
        warmup: iterations in which the rate rises from zero.
        measure_every: iterations between looks at the validation examples; that with the least loss counts
            as early stopping.
    """

    optimizer: Literal["adam", "sgd"] = "adam"
    rate: Annotated[float, Field(gt=0.0, le=100.0)] = 1.2e-3
    momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.9
    weight_decay: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    batch: Annotated[int, Field(ge=1, le=1_000_000)] = 60
    iterations: Annotated[int, Field(ge=1, le=100_000_000)] = 50_000
    drops: tuple[Annotated[int, Field(ge=1)], ...] = ()
    drop: Annotated[float, Field(gt=0.0, le=1.0)] = 0.1
    warmup: Annotated[int, Field(ge=0)] = 0
    measure_every: Annotated[int, Field(ge=1)] = 250

    def rate_at(self, iteration: int) -> float:
        """The learning rate of an iteration, counted from 0."""
        rise = min(1.0, (iteration + 1) / self.warmup) if self.warmup else 1.0
        return self.rate * rise * self.drop ** sum(iteration >= place for place in self.drops)


@dataclass(frozen=True)
class Examples:
    """Inputs and what they stand for.

    Attributes:
        inputs: float32[examples, ...].
        targets: int64[examples] classes, or float32[examples, outputs].
    """

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.inputs)


class Measurement(NamedTuple):
    """What examples say of a network: the mean loss, and the share that it classifies rightly."""

    loss: float
    accuracy: float


@dataclass(frozen=True)
class Snapshot:
    """A training at the beginning of an iteration.

    Attributes:
        iteration: which.
        state: parameters and buffers by name.
        optimizer: the optimizer's tensors by ``index/name``.
    """

    iteration: int
    state: State
    optimizer: State


@dataclass(frozen=True)
class Trained:
    """What a training came to.

    Attributes:
        final: parameters and buffers at the end.
        best: those at the least validation loss.
        best_iteration: iterations done until then.
        history: (iterations done, validation loss and accuracy).
        snapshot: at the iteration that was to be kept.
    """

    final: State
    best: State
    best_iteration: int
    history: list[tuple[int, Measurement]] = field(default_factory=list)
    snapshot: Snapshot | None = None


class Stopped(Exception):
    """Somebody asked the training to stop."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Let PyTorch compute in one thread: sums have other bits with another number of them."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def state_of(model: nn.Module) -> State:
    """A copy of all parameters and buffers."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


@torch.no_grad()
def measure(model: nn.Module, examples: Examples, objective: Objective = CROSS_ENTROPY) -> Measurement:
    """Loss and accuracy in evaluation mode."""
    training = model.training
    model.eval()
    loss, right = 0.0, 0
    for inputs, targets in zip(
        examples.inputs.split(_AT_ONCE), examples.targets.split(_AT_ONCE), strict=True
    ):
        outputs = forwarded(model, inputs)
        classes = targets if targets.ndim == 1 else targets.argmax(1)
        loss += float(objective.loss(outputs, targets)) * len(inputs)
        right += int((outputs.argmax(1) == classes).sum())
    model.train(training)
    return Measurement(loss / len(examples), right / len(examples))


def train(
    model: nn.Module,
    mask: Mask,
    examples: Examples,
    validation: Examples,
    settings: TrainingSettings,
    seed: int,
    *,
    objective: Objective = CROSS_ENTROPY,
    begin: Snapshot | None = None,
    keep_at: int | None = None,
    tell: Callable[[int, Measurement], None] = lambda *_: None,
) -> Trained:
    """Train a model in place, under a mask.

    The order of the examples depends on the seed and the epoch alone, so that every round of an iteration
    meets the same. Dropout after a layer is scaled by sqrt(kept / all) of its weights (Han et al. 2015,
    equation 6).

    Args:
        model: any module with Linear or Conv2d layers.
        mask: which weights are there.
        examples: what is trained on.
        validation: what early stopping is judged by.
        settings: optimizer, schedule, length.
        seed: of the order of examples, and of dropout.
        objective: the loss.
        begin: where to begin; the model as it is, at iteration 0, if not given.
        keep_at: an iteration at whose beginning a snapshot is taken.
        tell: told iterations done, and the validation loss and accuracy; what it raises ends the training.

    Raises:
        BadInput: a mask of another network, a forward that fails, or a training that diverges.
    """
    if begin is not None:
        model.load_state_dict(begin.state)
    mask.apply(model)
    optimizer = _optimizer(model, settings)
    if begin is not None:
        _restore(optimizer, begin.optimizer, mask, model)
    first = 0 if begin is None else begin.iteration
    course = _Course(model, validation, objective, first)
    weights = prunable(model)
    masked = [
        (weights[name], there.to(weights[name].dtype))
        for name, there in mask.tensors.items()
        if not bool(there.all())
    ]
    snapshot = None
    with torch.no_grad():  # in evaluation mode, in which it leaves no trace
        forwarded(model.eval(), examples.inputs[:1])
    with torch.random.fork_rng(devices=[]), _scaled_dropout(model, mask):
        torch.default_generator.manual_seed(
            int(generator(seed, Stream.PRUNING_DROPOUT, first).integers(2**63))
        )
        model.train()
        for iteration, chosen in _batches(len(examples), settings, seed, first):
            if iteration == keep_at:
                snapshot = Snapshot(iteration, state_of(model), _tensors(optimizer))
            for group in optimizer.param_groups:
                group["lr"] = settings.rate_at(iteration)
            optimizer.zero_grad(set_to_none=True)
            objective.loss(forwarded(model, examples.inputs[chosen]), examples.targets[chosen]).backward()
            _step(optimizer, masked)
            done = iteration + 1
            if done % settings.measure_every == 0 or done == settings.iterations:
                tell(done, course.look(done))
    if not mask.holds(model):
        raise AssertionError("a pruned weight came back")
    return Trained(state_of(model), course.best, course.best_iteration, course.history, snapshot)


@torch.no_grad()
def _step(optimizer: torch.optim.Optimizer, masked: list[tuple[nn.Parameter, Tensor]]) -> None:
    """A step that neither momentum, Adam's moments nor weight decay can use to bring a weight back."""
    for weight, there in masked:
        if weight.grad is not None:
            weight.grad.mul_(there)
    optimizer.step()
    for weight, there in masked:
        weight.mul_(there)


class _Course:
    """How a training goes, as the validation examples see it."""

    def __init__(self, model: nn.Module, validation: Examples, objective: Objective, first: int) -> None:
        self.best, self.best_iteration = state_of(model), first
        self.history: list[tuple[int, Measurement]] = []
        self._model, self._validation, self._objective = model, validation, objective
        self._least = float("inf")

    def look(self, done: int) -> Measurement:
        """Measure after an iteration.

        Raises:
            BadInput: the loss is a number no more.
        """
        found = measure(self._model, self._validation, self._objective)
        if not math.isfinite(found.loss):
            raise BadInput(
                f"training diverged before iteration {done:,} (validation loss {found.loss}); "
                "lower training.rate"
            )
        self.history.append((done, found))
        if found.loss < self._least:
            self.best, self.best_iteration, self._least = state_of(self._model), done, found.loss
        return found


def _optimizer(model: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    shared: dict[str, Any] = {"lr": settings.rate, "weight_decay": settings.weight_decay, "fused": True}
    if settings.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), **shared)
    return torch.optim.SGD(model.parameters(), momentum=settings.momentum, **shared)


def _batches(count: int, settings: TrainingSettings, seed: int, first: int) -> Iterator[tuple[int, Tensor]]:
    """Iterations from the first one on, and the examples of each; an epoch's last batch may be smaller."""
    steps = -(-count // settings.batch)
    epoch, order = -1, torch.empty(0, dtype=torch.int64)
    for iteration in range(first, settings.iterations):
        if iteration // steps != epoch:
            epoch = iteration // steps
            order = torch.from_numpy(generator(seed, Stream.PRUNING_ORDER, epoch).permutation(count))
        place = iteration % steps * settings.batch
        yield iteration, order[place : place + settings.batch]


def _tensors(optimizer: torch.optim.Optimizer) -> State:
    states = optimizer.state_dict()["state"]
    return {
        f"{index}/{name}": tensor.detach().clone()
        for index, state in states.items()
        for name, tensor in state.items()
        if isinstance(tensor, Tensor)
    }


def _restore(optimizer: torch.optim.Optimizer, tensors: State, mask: Mask, model: nn.Module) -> None:
    """Give the optimizer its tensors back, zero where weights are gone."""
    names = {id(weight): name for name, weight in prunable(model).items()}
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    states: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, _, name = key.partition("/")
        there = mask.tensors.get(names.get(id(parameters[int(index)]), ""))
        masked = tensor.clone() if there is None or tensor.shape != there.shape else tensor * there
        states.setdefault(int(index), {})[name] = masked
    document = optimizer.state_dict()
    document["state"] = states
    optimizer.load_state_dict(document)


@contextmanager
def _scaled_dropout(model: nn.Module, mask: Mask) -> Iterator[None]:
    """Less noise for fewer connections: D_r = D_o sqrt(C_ir / C_io), C counted against the dense network."""
    before: list[tuple[nn.Dropout, float]] = []
    share = 1.0
    layers = mask.layers()
    for name, module in model.named_modules():
        if isinstance(module, LAYERS) and name in layers:
            kept, total = layers[name]
            share = kept / total
        elif isinstance(module, nn.Dropout):
            before.append((module, module.p))
            module.p *= share**0.5
    try:
        yield
    finally:
        for module, probability in before:
            module.p = probability
