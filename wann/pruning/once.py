"""Pruning without training: scoring and removal, in one or several passes."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor, nn

from ..errors import BadInput
from .criteria import CRITERIA, Criterion, Probe
from .mask import Mask
from .objective import CROSS_ENTROPY, Objective
from .schedules import SCHEDULES
from .scopes import checked_sparsity, select

__all__ = ["known_criterion", "prune"]


def known_criterion(name: str) -> Criterion:
    """The criterion with a name.

    Raises:
        BadInput: there is no such criterion.
    """
    if name not in CRITERIA:
        raise BadInput(f"{name!r}; accepted are {', '.join(CRITERIA)}", argument="criterion")
    return CRITERIA[name]


def prune(
    model: nn.Module,
    sparsity: float,
    criterion: str = "magnitude",
    *,
    mask: Mask | None = None,
    scope: str = "global",
    rates: Mapping[str, float] | None = None,
    batches: Sequence[tuple[Tensor, Tensor]] = (),
    objective: Objective = CROSS_ENTROPY,
    rng: np.random.Generator | None = None,
    passes: int | None = None,
    schedule: str = "exponential",
    collapse: bool = False,
) -> Mask:
    """The mask of a criterion at a sparsity; the model is not modified (see ``Mask.apply``).

    Args:
        model: any module with Linear or Conv2d layers.
        sparsity: share of all prunable weights to be removed, in [0, 1).
        criterion: one of ``CRITERIA``.
        mask: the weights kept so far; all if not given.
        scope: one of ``SCOPES``.
        rates: sparsities of layers with one of their own, by the layer's name.
        batches: inputs and targets; ``synflow`` uses only the shape of the inputs.
        objective: the loss.
        rng: for the criterion ``random``.
        passes: rounds of scoring and removal; the criterion's own number if not given.
        schedule: one of ``SCHEDULES``, by which the passes approach the sparsity.
        collapse: whether a layer may lose all its weights.

    Raises:
        BadInput: a wrong argument, a model whose forward fails, or a layer that would lose all weights.
    """
    chosen = known_criterion(criterion)
    if schedule not in SCHEDULES:
        raise BadInput(f"{schedule!r}; accepted are {', '.join(SCHEDULES)}", argument="schedule")
    approach = SCHEDULES[schedule]
    density = 1 - checked_sparsity(sparsity)
    own = {layer: 1 - checked_sparsity(rate, f"rates.{layer}") for layer, rate in (rates or {}).items()}
    kept = Mask.dense(model) if mask is None else mask
    kept.check(model)
    masked = copy.deepcopy(model)
    rounds = chosen.passes if passes is None else passes
    if rounds < 1:
        raise BadInput(f"{rounds}; accepted are numbers from 1", argument="passes")
    for done in range(1, rounds + 1):
        kept.apply(masked)
        probe = Probe(masked, kept, batches, objective, rng)
        probe.check(chosen)
        kept = select(
            kept,
            chosen.score(probe),
            approach(density, done, rounds),
            scope,
            keeps=chosen.keeps,
            own={layer: approach(final, done, rounds) for layer, final in own.items()},
            collapse=collapse,
        )
    return kept
