"""Training under a mask: removed weights stay zero with momentum, Adam and weight decay."""

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
from .state import Snapshot, State, optimizer_tensors, restore_optimizer, state_of

__all__ = [
    "Examples",
    "Measurement",
    "Stopped",
    "Trained",
    "TrainingSettings",
    "measure",
    "one_thread",
    "train",
]

_AT_ONCE = 2500


class TrainingSettings(Settings):
    """Settings of the training of a network.

    Attributes:
        optimizer: ``adam`` or ``sgd``.
        rate: learning rate.
        momentum: momentum of ``sgd``.
        weight_decay: L2 penalty: each weight times this factor is added to its gradient.
        batch: examples in an iteration.
        iterations: number of iterations.
        drops: iterations at which the rate is multiplied by ``drop``.
        drop: the factor of each drop of the rate.
        warmup: iterations in which the rate rises from zero.
        measure_every: iterations between evaluations on the validation examples; the weights with the least
            loss are those of early stopping.
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
        return self.rate * rise * self.drop ** sum(iteration >= drop for drop in self.drops)


@dataclass(frozen=True)
class Examples:
    """Inputs and targets.

    Attributes:
        inputs: float32[examples, ...].
        targets: int64[examples] classes, or float32[examples, outputs].
    """

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return len(self.inputs)


class Measurement(NamedTuple):
    """Mean loss and accuracy of a network on examples."""

    loss: float
    accuracy: float


@dataclass(frozen=True)
class Trained:
    """The result of a training.

    Attributes:
        final: parameters and buffers at the end.
        best: those at the least validation loss.
        best_iteration: iterations done at that point.
        history: pairs of iterations done, and validation loss and accuracy.
        snapshot: the state at ``keep_at``; None if not requested.
    """

    final: State
    best: State
    best_iteration: int
    history: list[tuple[int, Measurement]] = field(default_factory=list)
    snapshot: Snapshot | None = None


class Stopped(Exception):
    """The training was stopped by its callback."""


@contextmanager
def one_thread() -> Iterator[None]:
    """A context in which PyTorch uses one thread: the rounding of sums depends on the number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@torch.no_grad()
def measure(model: nn.Module, examples: Examples, objective: Objective = CROSS_ENTROPY) -> Measurement:
    """Loss and accuracy in evaluation mode.

    Raises:
        BadInput: see ``forwarded``.
    """
    training = model.training
    model.eval()
    loss, correct = 0.0, 0
    for inputs, targets in zip(
        examples.inputs.split(_AT_ONCE), examples.targets.split(_AT_ONCE), strict=True
    ):
        outputs = forwarded(model, inputs)
        classes = targets if targets.ndim == 1 else targets.argmax(1)
        loss += float(objective.loss(outputs, targets)) * len(inputs)
        correct += int((outputs.argmax(1) == classes).sum())
    model.train(training)
    return Measurement(loss / len(examples), correct / len(examples))


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

    The order of the examples depends on the seed and the epoch alone. Dropout after a layer is scaled by
    sqrt(kept / all) of its weights (Han et al. 2015, equation 6).

    Args:
        model: any module with Linear or Conv2d layers.
        mask: the kept weights.
        examples: training examples.
        validation: examples for early stopping.
        settings: optimizer, learning rate and length.
        seed: for the order of examples and dropout.
        objective: the loss.
        begin: the state to start from; the model's own, at iteration 0, if not given.
        keep_at: the iteration at whose beginning a snapshot is taken.
        tell: called with the iterations done, and the validation loss and accuracy; an exception that it
            raises ends the training.

    Raises:
        BadInput: the mask belongs to another network, the model's forward fails, or training diverges.
    """
    optimizer, first = _started(model, mask, settings, begin)
    validated = _EarlyStopping(model, validation, objective, first)
    masked = _masked_weights(model, mask)
    snapshot = None
    with torch.no_grad():  # fails early; evaluation mode changes no statistics
        forwarded(model.eval(), examples.inputs[:1])
    dropout_seed = int(generator(seed, Stream.PRUNING_DROPOUT, first).integers(2**63))
    with torch.random.fork_rng(devices=[]), _scaled_dropout(model, mask):
        torch.default_generator.manual_seed(dropout_seed)
        model.train()
        for iteration, chosen in _batches(len(examples), settings, seed, first):
            if iteration == keep_at:
                snapshot = Snapshot(iteration, state_of(model), optimizer_tensors(optimizer))
            for group in optimizer.param_groups:
                group["lr"] = settings.rate_at(iteration)
            optimizer.zero_grad(set_to_none=True)
            objective.loss(forwarded(model, examples.inputs[chosen]), examples.targets[chosen]).backward()
            _step(optimizer, masked)
            done = iteration + 1
            if done % settings.measure_every == 0 or done == settings.iterations:
                tell(done, validated.measure(done))
    if not mask.holds(model):
        raise AssertionError("a removed weight is not zero")
    return Trained(state_of(model), validated.best, validated.best_iteration, validated.history, snapshot)


def _masked_weights(model: nn.Module, mask: Mask) -> list[tuple[nn.Parameter, Tensor]]:
    """The weights of layers that are not dense, and their masks as factors."""
    weights = prunable(model)
    return [
        (weights[name], kept.to(weights[name].dtype))
        for name, kept in mask.tensors.items()
        if not bool(kept.all())
    ]


@torch.no_grad()
def _step(optimizer: torch.optim.Optimizer, masked: list[tuple[nn.Parameter, Tensor]]) -> None:
    """A step that keeps removed weights zero despite momentum, Adam's moments and weight decay."""
    for weight, kept in masked:
        if weight.grad is not None:
            weight.grad.mul_(kept)
    optimizer.step()
    for weight, kept in masked:
        weight.mul_(kept)


class _EarlyStopping:
    """Validation loss in the course of a training, and the weights with the least."""

    def __init__(self, model: nn.Module, validation: Examples, objective: Objective, first: int) -> None:
        self.best, self.best_iteration = state_of(model), first
        self.history: list[tuple[int, Measurement]] = []
        self._model, self._validation, self._objective = model, validation, objective
        self._least = float("inf")

    def measure(self, done: int) -> Measurement:
        """Measure after ``done`` iterations.

        Raises:
            BadInput: the loss is not finite.
        """
        measured = measure(self._model, self._validation, self._objective)
        if not math.isfinite(measured.loss):
            raise BadInput(
                f"training diverged before iteration {done:,} (validation loss {measured.loss}); "
                "lower training.rate"
            )
        self.history.append((done, measured))
        if measured.loss < self._least:
            self.best, self.best_iteration, self._least = state_of(self._model), done, measured.loss
        return measured


def _started(
    model: nn.Module, mask: Mask, settings: TrainingSettings, begin: Snapshot | None
) -> tuple[torch.optim.Optimizer, int]:
    """The model masked, in the state of a snapshot if there is one; its optimizer and first iteration."""
    if begin is not None:
        model.load_state_dict(begin.state)
    mask.apply(model)
    optimizer = _optimizer(model, settings)
    if begin is None:
        return optimizer, 0
    restore_optimizer(optimizer, begin.optimizer, mask, model)
    return optimizer, begin.iteration


def _optimizer(model: nn.Module, settings: TrainingSettings) -> torch.optim.Optimizer:
    shared: dict[str, Any] = {"lr": settings.rate, "weight_decay": settings.weight_decay, "fused": True}
    if settings.optimizer == "adam":
        return torch.optim.Adam(model.parameters(), **shared)
    return torch.optim.SGD(model.parameters(), momentum=settings.momentum, **shared)


def _batches(count: int, settings: TrainingSettings, seed: int, first: int) -> Iterator[tuple[int, Tensor]]:
    """Iterations from ``first`` on with the examples of each; an epoch's last batch may be smaller."""
    steps = -(-count // settings.batch)
    epoch, order = -1, torch.empty(0, dtype=torch.int64)
    for iteration in range(first, settings.iterations):
        if iteration // steps != epoch:
            epoch = iteration // steps
            order = torch.from_numpy(generator(seed, Stream.PRUNING_ORDER, epoch).permutation(count))
        start = iteration % steps * settings.batch
        yield iteration, order[start : start + settings.batch]


@contextmanager
def _scaled_dropout(model: nn.Module, mask: Mask) -> Iterator[None]:
    """A context with less dropout for fewer connections: D_r = D_o sqrt(C_ir / C_io)."""
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
