"""The state of a training: parameters and buffers of the model, and tensors of the optimizer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..errors import BadInput
from .mask import Mask, prunable

__all__ = ["Snapshot", "State", "check_state", "optimizer_tensors", "restore_optimizer", "state_of"]

State = dict[str, Tensor]


@dataclass(frozen=True)
class Snapshot:
    """The state of a training at the beginning of an iteration.

    Attributes:
        iteration: number of the iteration.
        state: parameters and buffers by name.
        optimizer: the optimizer's tensors by ``index/name``.
    """

    iteration: int
    state: State
    optimizer: State


def state_of(model: nn.Module) -> State:
    """A copy of all parameters and buffers."""
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def check_state(part: str, state: State, expected: State) -> None:
    """Check that parameters and buffers are those of a network.

    Args:
        part: what they are, for the message.
        state: what was read.
        expected: the network's own.

    Raises:
        BadInput: they are not, or a number is not finite.
    """
    if state.keys() != expected.keys():
        raise BadInput(f"{part}: other parameters than those of the network")
    for name, tensor in state.items():
        like = expected[name]
        if (tensor.shape, tensor.dtype) != (like.shape, like.dtype):
            raise BadInput(
                f"{part}: {name} is {tensor.dtype} of shape {tuple(tensor.shape)}, "
                f"in the network {like.dtype} of shape {tuple(like.shape)}"
            )
        if not bool(torch.isfinite(tensor).all()):
            raise BadInput(f"{part}: {name} holds a number that is not finite")


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> State:
    """A copy of the optimizer's tensors by ``index/name``."""
    states = optimizer.state_dict()["state"]
    return {
        f"{index}/{name}": tensor.detach().clone()
        for index, state in states.items()
        for name, tensor in state.items()
        if isinstance(tensor, Tensor)
    }


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: State, mask: Mask, model: nn.Module) -> None:
    """Restore the optimizer's tensors, zero for removed weights."""
    names = {id(weight): name for name, weight in prunable(model).items()}
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    states: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        index, _, name = key.partition("/")
        kept = mask.tensors.get(names.get(id(parameters[int(index)]), ""))
        masked = tensor.clone() if kept is None or tensor.shape != kept.shape else tensor * kept
        states.setdefault(int(index), {})[name] = masked
    document = optimizer.state_dict()
    document["state"] = states
    optimizer.load_state_dict(document)
