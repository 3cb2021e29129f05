"""Second-order backpropagation: the diagonal of the Hessian in Optimal Brain Damage.

LeCun, Denker, Solla 1990, equations 5 to 8 with the term of f'' dropped (Levenberg-Marquardt): for a unit
with total input a, output f(a) and outgoing weights w_l,

    h_a = f'(a)^2 * sum_l w_l^2 h_l,        h_w = sum over uses of w of h_a * x^2,

from the diagonal at the outputs back to the inputs. PyTorch's backward pass computes it if each operation
propagates with squared coefficients, as they all do within ``_Squared``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from ..errors import BadInput
from .mask import prunable
from .objective import Objective

__all__ = ["second_derivatives"]

_BILINEAR: Final = (functional.linear, torch.conv2d)
_AVERAGING: Final = (functional.avg_pool2d, functional.adaptive_avg_pool2d, Tensor.mean, torch.mean)
_ELEMENTWISE: Final = (
    *(torch.tanh, Tensor.tanh, functional.tanh, torch.sigmoid, Tensor.sigmoid, functional.sigmoid),
    *(functional.gelu, functional.silu, functional.elu, functional.leaky_relu, functional.softplus),
    *(functional.hardtanh, functional.relu6, functional.selu, functional.mish, functional.hardswish),
    *(torch.sin, torch.cos, torch.exp, torch.square, Tensor.square, torch.abs, Tensor.abs),
)
_SELECTING: Final = (
    *(functional.max_pool2d, functional.adaptive_max_pool2d),
    *(
        torch.flatten,
        Tensor.flatten,
        Tensor.view,
        Tensor.reshape,
        torch.reshape,
        Tensor.permute,
        torch.permute,
    ),
    *(Tensor.transpose, torch.transpose, Tensor.unsqueeze, torch.unsqueeze, Tensor.squeeze, torch.squeeze),
    *(torch.cat, torch.stack, torch.add, Tensor.add, Tensor.__add__, Tensor.sum, torch.sum, functional.pad),
    *(Tensor.__getitem__, Tensor.contiguous, Tensor.expand, Tensor.flip, Tensor.unflatten, Tensor.clone),
    *(Tensor.__iadd__, Tensor.add_, Tensor.size, Tensor.dim, Tensor.numel, Tensor.__len__),
)
"""All coefficients are 0 or 1: squaring them changes nothing."""

Backward = Callable[[Callable[..., Tensor], Sequence[Tensor], Tensor], Sequence[Tensor]]


def second_derivatives(
    model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], objective: Objective
) -> dict[str, Tensor]:
    """The diagonal of the Hessian of the mean loss, by the recursion above, for each prunable weight.

    It equals the exact diagonal for the squared error with one hidden layer of piecewise linear units.
    For weights that are used more than once (convolutions), cross terms are dropped, as in the paper.

    Args:
        model: in training or evaluation mode; it is not modified.
        batches: inputs and targets; the mean is over all examples.
        objective: the loss and its curvature at the outputs.

    Returns:
        Non-negative tensors of the weights' shapes, by name.

    Raises:
        BadInput: the model uses an unsupported operation.
    """
    weights = prunable(model)
    sums = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    examples = 0
    for inputs, targets in batches:
        with torch.enable_grad(), _Squared():
            outputs = model(inputs)
        curvature = objective.curvature(outputs.detach(), targets)
        parts = torch.autograd.grad(outputs, list(weights.values()), curvature, allow_unused=True)
        for total, part in zip(sums.values(), parts, strict=True):
            if part is not None:
                total.add_(part)
        examples += len(inputs)
    return {name: total / max(1, examples) for name, total in sums.items()}


class _Propagated(torch.autograd.Function):
    """An operation with a backward rule of its own."""

    @staticmethod
    def forward(ctx: Any, operation: Callable[..., Tensor], backward: Backward, *tensors: Tensor) -> Tensor:
        ctx.operation, ctx.rule = operation, backward
        ctx.save_for_backward(*tensors)
        return operation(*tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        with torch.enable_grad():
            return None, None, *ctx.rule(ctx.operation, ctx.saved_tensors, gradients[0])


class _Squared(TorchFunctionMode):
    """A mode in which the operations of a network propagate second derivatives backwards."""

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        del types
        given = dict(kwargs or {})
        if func in (functional.relu, torch.relu, Tensor.relu, torch.relu_):
            return torch.relu(args[0])
        if func in _BILINEAR:
            return _of_two(func, args, given)
        if func in _AVERAGING:
            return _of_one(func, args, given, _by_shares)
        if func in _ELEMENTWISE or (func is functional.batch_norm and not given.get("training")):
            given.pop("inplace", None)
            return _of_one(func, args, given, _by_slopes)
        if func is functional.dropout and not given.get("training", True):
            return args[0]
        leaves = pytree.tree_leaves((args, given))
        follows = any(isinstance(value, Tensor) and value.requires_grad for value in leaves)
        selects = func in _SELECTING and given.get("alpha", 1) == 1
        if selects or getattr(func, "__name__", "") == "__get__" or not follows:
            return func(*args, **given)
        raise BadInput(
            f"second-order backpropagation does not support {getattr(func, '__name__', func)} here; it "
            "supports linear and conv2d layers, pooling, elementwise activations, sums and changes of shape"
        )


def _of_two(func: Callable[..., Tensor], args: Sequence[Any], given: dict[str, Any]) -> Tensor:
    """A linear or conv2d layer; its bias has the coefficient 1."""
    names = ("input", "weight", "bias")
    given = {**dict(zip(names, args, strict=False)), **given}
    inputs, weight, bias = given.pop("input"), given.pop("weight"), given.pop("bias", None)

    def operation(inputs: Tensor, weight: Tensor) -> Tensor:
        return func(inputs, weight, None, *args[3:], **given)

    sums = _propagated(operation, _by_squares, inputs, weight)
    if bias is None:
        return sums
    shifted: Tensor = sums + (bias if func is functional.linear else bias[:, None, None])
    return shifted


def _of_one(
    func: Callable[..., Tensor], args: Sequence[Any], given: dict[str, Any], backward: Backward
) -> Tensor:
    return _propagated(lambda inputs: func(inputs, *args[1:], **given), backward, args[0])


def _propagated(operation: Callable[..., Tensor], backward: Backward, *tensors: Tensor) -> Tensor:
    result: Tensor = _Propagated.apply(operation, backward, *tensors)  # type: ignore[no-untyped-call]
    return result


def _by_squares(operation: Callable[..., Tensor], tensors: Sequence[Tensor], h: Tensor) -> Sequence[Tensor]:
    """Bilinear: the gradient of one factor is the other, and at the squares it is the square."""
    squares = [tensor.detach().square().requires_grad_() for tensor in tensors]
    return torch.autograd.grad(operation(*squares), squares, h)


def _by_slopes(operation: Callable[..., Tensor], tensors: Sequence[Tensor], h: Tensor) -> Sequence[Tensor]:
    """Elementwise: f'(a)^2 h."""
    inputs = tensors[0].detach().requires_grad_()
    outputs = operation(inputs)
    (slope,) = torch.autograd.grad(outputs, inputs, torch.ones_like(outputs))
    return (slope.square() * h,)


def _by_shares(operation: Callable[..., Tensor], tensors: Sequence[Tensor], h: Tensor) -> Sequence[Tensor]:
    """Means: all coefficients of an output are equal, 1 / n."""
    inputs = tensors[0].detach().requires_grad_()
    outputs = operation(inputs)
    (share,) = torch.autograd.grad(outputs, inputs, torch.ones_like(outputs), retain_graph=True)
    (carried,) = torch.autograd.grad(outputs, inputs, h)
    if not torch.equal(share, share.flatten()[0].expand_as(share)):
        raise BadInput("second-order backpropagation does not support overlapping or uneven averages")
    return (share * carried,)
