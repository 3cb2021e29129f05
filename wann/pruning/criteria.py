"""Criteria: scores of weights, by which they are kept or removed."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import BadInput
from .curvature import second_derivatives
from .mask import Mask, prunable
from .objective import CROSS_ENTROPY, Objective

__all__ = ["CRITERIA", "Criterion", "Probe", "forwarded"]

Batch = tuple[Tensor, Tensor]
Scores = dict[str, Tensor]
_TEMPERATURE: Final = 200.0


@dataclass(frozen=True)
class Probe:
    """The inputs of a criterion, which does not modify them.

    Attributes:
        model: the network, with pruned weights zero.
        mask: the kept weights.
        batches: inputs and targets, for criteria that need examples.
        objective: the loss.
        rng: for the criterion ``random``.
        temperature: divisor of the outputs in GraSP.
    """

    model: nn.Module
    mask: Mask
    batches: Sequence[Batch] = ()
    objective: Objective = CROSS_ENTROPY
    rng: np.random.Generator | None = None
    temperature: float = _TEMPERATURE

    def draws(self) -> Scores:
        """A uniform random number from [0, 1) for each weight.

        Raises:
            BadInput: ``rng`` is None.
        """
        if self.rng is None:
            raise BadInput("none given; criterion random needs a numpy generator", argument="rng")
        shapes = {name: tuple(mask.shape) for name, mask in self.mask.tensors.items()}
        return {name: torch.from_numpy(self.rng.random(shape)) for name, shape in shapes.items()}

    def check(self, criterion: Criterion) -> None:
        """Check that the criterion has what it needs.

        Raises:
            BadInput: examples are missing.
        """
        if criterion.needs in ("examples", "shape") and not self.batches:
            raise BadInput(f"none given; criterion {criterion.name} needs examples", argument="batches")


@dataclass(frozen=True)
class Criterion:
    """A way to score weights.

    Attributes:
        name: name in configurations.
        source: the paper.
        score: maps a probe to scores with the shapes of the weights, as published.
        needs: ``nothing``, ``examples``, or only the ``shape`` of an example.
        keeps: whether the highest or the lowest scores are kept.
        trained: whether it was published for trained weights rather than initial ones.
        passes: rounds of scoring and removal by which a sparsity is approached.
    """

    name: str
    source: str
    score: Callable[[Probe], Scores]
    needs: Literal["nothing", "examples", "shape"] = "nothing"
    keeps: Literal["highest", "lowest"] = "highest"
    trained: bool = True
    passes: int = 1


def forwarded(model: nn.Module, inputs: Tensor) -> Tensor:
    """The outputs of a model.

    Raises:
        BadInput: its forward fails, or does not return a row of outputs for each example.
    """
    try:
        outputs = model(inputs)
    except BadInput:
        raise
    except Exception as error:  # noqa: BLE001 - foreign code
        shape = " x ".join(map(str, inputs.shape))
        raise BadInput(
            f"the model's forward fails on inputs of {shape} ({type(error).__name__}: {error})"
        ) from None
    if not isinstance(outputs, Tensor) or outputs.ndim != 2 or len(outputs) != len(inputs):
        shape = " x ".join(map(str, outputs.shape)) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise BadInput(
            f"the model's forward returns {shape} for {len(inputs)} examples; accepted is examples x outputs"
        )
    return outputs


def _random(probe: Probe) -> Scores:
    """A uniform random number for each weight."""
    return probe.draws()


def _magnitude(probe: Probe) -> Scores:
    """|w|."""
    return {name: weight.detach().abs() for name, weight in prunable(probe.model).items()}


def _standardised_magnitude(probe: Probe) -> Scores:
    """|w| in standard deviations of the layer's kept weights (Han et al. 2015)."""
    scores = {}
    for name, weight in prunable(probe.model).items():
        kept = weight.detach()[probe.mask.tensors[name]].double()
        std = kept.std(correction=0) if kept.numel() else torch.ones(())
        scores[name] = weight.detach().double().abs() / std.clamp_min(torch.finfo(torch.float64).tiny)
    return scores


def _damage(probe: Probe) -> Scores:
    """h_kk w^2 / 2 (LeCun, Denker, Solla 1990, equation 5)."""
    model = copy.deepcopy(probe.model).double().eval().requires_grad_(requires_grad=True)
    batches = [(_doubled(inputs), _doubled(targets)) for inputs, targets in probe.batches]
    forwarded(model, batches[0][0][:1])
    curvature = second_derivatives(model, batches, probe.objective)
    return {name: curvature[name] * weight.detach().square() / 2 for name, weight in prunable(model).items()}


def _doubled(tensor: Tensor) -> Tensor:
    return tensor.double() if tensor.is_floating_point() else tensor


def _connection_sensitivity(probe: Probe) -> Scores:
    """|g w|, g the gradient of the loss at initialisation (Lee, Ajanthan, Torr 2019, equation 5)."""
    model = _without_dropout(probe.model)
    weights = prunable(model)
    sums = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for inputs, targets in probe.batches:
        loss = probe.objective.loss(forwarded(model, inputs), targets) * len(inputs)
        for total, part in zip(sums.values(), _gradients(loss, weights), strict=True):
            total.add_(part)
    return {name: (sums[name] * weight.detach()).abs() for name, weight in weights.items()}


def _gradient_flow(probe: Probe) -> Scores:
    """-(H g) w at initialisation; the highest are removed (Wang, Zhang, Grosse 2020, equation 8)."""
    model = _without_dropout(probe.model)
    weights = prunable(model)
    masks = [probe.mask.tensors[name] for name in weights]
    examples = sum(len(inputs) for inputs, _ in probe.batches)

    def gradients(inputs: Tensor, targets: Tensor, *, again: bool) -> list[Tensor]:
        outputs = forwarded(model, inputs) / probe.temperature
        loss = probe.objective.loss(outputs, targets) * (len(inputs) / examples)
        return _gradients(loss, weights, again=again)

    first = [torch.zeros_like(weight) for weight in weights.values()]
    for batch in probe.batches:
        for total, part, mask in zip(first, gradients(*batch, again=False), masks, strict=True):
            total.add_(part * mask)  # of kept weights only
    product = [torch.zeros_like(weight) for weight in weights.values()]
    for batch in probe.batches:
        parts = gradients(*batch, again=True)
        along = torch.stack([(g * part).sum() for g, part in zip(first, parts, strict=True)]).sum()
        for total, part in zip(product, _gradients(along, weights), strict=True):
            total.add_(part)
    return {
        name: -hessian_gradient * weight.detach()
        for (name, weight), hessian_gradient in zip(weights.items(), product, strict=True)
    }


def _without_dropout(model: nn.Module) -> nn.Module:
    """A copy with batch statistics as in training, but without dropout."""
    copied = copy.deepcopy(model).eval().requires_grad_(requires_grad=True)
    for module in copied.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)):
            module.train()
    return copied


def _gradients(value: Tensor, weights: Mapping[str, Tensor], *, again: bool = False) -> list[Tensor]:
    """Gradients, zero for unused weights."""
    return list(
        torch.autograd.grad(value, list(weights.values()), create_graph=again, materialize_grads=True)
    )


def _synaptic_flow(probe: Probe) -> Scores:
    """dR/dw * w, where R is the sum of outputs for ones with |w| in place of w (Tanaka et al. 2020, 4)."""
    model = copy.deepcopy(probe.model).double().eval().requires_grad_(requires_grad=True)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.abs_()
    ones = torch.ones_like(probe.batches[0][0][:1], dtype=torch.float64)
    weights = prunable(model)
    flow = forwarded(model, ones).sum()
    return {
        name: (gradient * weight).detach()
        for (name, weight), gradient in zip(weights.items(), _gradients(flow, weights), strict=True)
    }


CRITERIA: Final = {
    entry.name: entry
    for entry in (
        Criterion("random", "the control in every paper", _random),
        Criterion("magnitude", "Han et al. 2015; Frankle & Carbin 2019", _magnitude),
        Criterion("deviation", "Han et al. 2015", _standardised_magnitude),
        Criterion("obd", "LeCun, Denker, Solla 1990", _damage, "examples"),
        Criterion("snip", "Lee, Ajanthan, Torr 2019", _connection_sensitivity, "examples", trained=False),
        Criterion("grasp", "Wang, Zhang, Grosse 2020", _gradient_flow, "examples", "lowest", trained=False),
        Criterion("synflow", "Tanaka et al. 2020", _synaptic_flow, "shape", trained=False, passes=100),
    )
}
"""All criteria by name. ``deviation`` with a threshold q is Han's rule |w| < q std."""
