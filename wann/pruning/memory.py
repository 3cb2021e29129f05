"""The state of an iteration between two rounds, and its check against the network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import nn

from ..errors import BadInput
from .mask import Mask
from .state import Snapshot, State, check_state
from .training import TrainingSettings

__all__ = ["Memory"]

_ADAM: Final = {"exp_avg": True, "exp_avg_sq": True, "step": False}  # whether as large as the parameter


@dataclass(frozen=True)
class Memory:
    """The state of an iteration between two rounds.

    Attributes:
        round: number of the last round done.
        mask: mask of its pruned network.
        initial: all parameters and buffers before any training.
        final: those of the pruned network at the end of its training.
        snapshot: the training at the iteration to rewind to; None if the plan rewinds to none.
    """

    round: int
    mask: Mask
    initial: State
    final: State
    snapshot: Snapshot | None

    def check(self, model: nn.Module, training: TrainingSettings, rounds: int, step: int | None) -> None:
        """Check that the state belongs to this network and this plan.

        Args:
            model: the network.
            training: how the network is trained.
            rounds: number of rounds.
            step: the iteration to rewind to, or None.

        Raises:
            BadInput: it does not.
        """
        if self.round > rounds:
            raise BadInput(f"it was taken after round {self.round} of {rounds}")
        self.mask.check(model)
        kept = None if self.snapshot is None else self.snapshot.iteration
        if kept != step:
            raise BadInput(f"it rewinds to iteration {kept}, the plan to {step}")
        states = {"initial": self.initial, "final": self.final}
        if self.snapshot is not None:
            states["state"] = self.snapshot.state
            _check_optimizer(model, training, self.snapshot.optimizer)
        for part, state in states.items():
            check_state(part, state, model.state_dict())


def _check_optimizer(model: nn.Module, settings: TrainingSettings, tensors: State) -> None:
    """Tensors are named ``index/name``, by parameter; there are none before the first step."""
    kept = _ADAM
    if settings.optimizer == "sgd":
        kept = {"momentum_buffer": True} if settings.momentum else {}
    expected = {
        f"{index}/{name}": parameter.shape if alike else torch.Size()
        for index, parameter in enumerate(model.parameters())
        for name, alike in kept.items()
    }
    shapes = {key: tensor.shape for key, tensor in tensors.items()}
    finite = all(
        tensor.dtype == torch.float32 and bool(torch.isfinite(tensor).all()) for tensor in tensors.values()
    )
    if shapes not in ({}, expected) or not finite:
        raise BadInput(f"the optimizer's tensors are not those of {settings.optimizer} for this network")
