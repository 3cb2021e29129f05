"""Compaction never lies: whatever it is given, it computes the same or is refused by the module's name."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils import prune as torch_prune

from tests.pruning.strangers import Pictures, Residual, Tied, chain, drawn, random_mask
from wann.errors import BadInput
from wann.pruning import Chain, Mask, Quantised, SparseChain, compact
from wann.pruning.state import state_of

IMAGES = (2, 7, 6)
Make = Callable[[], nn.Module]


def inputs_of(shape: tuple[int, ...], count: int = 3, seed: int = 1) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(count, *shape)))


@torch.no_grad()
def unlike(model: nn.Module) -> nn.Module:
    """Biases and statistics that differ from unit to unit, on either side of zero."""
    rng = np.random.default_rng(7)
    for module in model.modules():
        for name in ("bias", "weight", "running_mean", "running_var"):
            tensor = getattr(module, name, None)
            if isinstance(tensor, Tensor) and tensor.ndim == 1 and tensor.is_floating_point():
                low, high = (0.5, 1.5) if name == "running_var" else (-1.0, 1.0)
                tensor.copy_(torch.from_numpy(rng.uniform(low, high, len(tensor))))
    return model


@torch.no_grad()
def masked_outputs(model: nn.Module, mask: Mask, inputs: Tensor) -> Tensor:
    """What the masked network computes in float64, by PyTorch alone."""
    own = copy.deepcopy(model).double().eval()
    found: Tensor = torch.func.functional_call(
        own,
        {
            name: weight * mask.tensors[name] if name in mask.tensors else weight
            for name, weight in own.named_parameters()
        },
        inputs,
    )
    return found


def masks(model: nn.Module) -> list[Mask]:
    """Dense, thin, and with half of each layer's units dead on either side."""
    dead = {}
    for name, there in Mask.dense(model).tensors.items():
        dead[name] = there.clone()
        dead[name][::2] = False
        dead[name][:, -1:] = False
    return [Mask.dense(model), random_mask(model, 0.5), random_mask(model, 0.15), Mask(dead)]


def agrees(model: nn.Module, mask: Mask, shape: tuple[int, ...]) -> None:
    """The compact network, and all its other forms, compute the same for an example and for what is none."""
    example = inputs_of(shape)
    chained = Chain.of(model, mask, example).compacted()
    forms: list[tuple[Callable[[Tensor], Tensor], float]] = [
        (chained.module(torch.float64), 1e-10),
        (lambda inputs: SparseChain.of(chained)(inputs.float()).double(), 1e-4),
    ]
    for inputs in (example, inputs_of(shape, seed=2)):
        expected = masked_outputs(model, mask, inputs)
        for form, tolerance in forms:
            with torch.no_grad():
                torch.testing.assert_close(form(inputs), expected, rtol=tolerance, atol=tolerance)
    assert Quantised.of(chained, example)(example).shape == masked_outputs(model, mask, example).shape


def sequence(*parts: nn.Module) -> nn.Sequential:
    return nn.Sequential(*parts)


def shared_twice() -> nn.Module:
    layer, norm = nn.Linear(4, 4), nn.BatchNorm1d(4)
    return sequence(layer, norm, nn.Tanh(), layer, norm, nn.Tanh(), nn.Linear(4, 2))


def shared_weights() -> nn.Module:
    first, second = nn.Linear(4, 4), nn.Linear(4, 4, bias=False)
    second.weight, second.bias = first.weight, first.bias
    return sequence(first, nn.Sigmoid(), second, nn.Sigmoid(), nn.Linear(4, 2))


def transposed() -> nn.Module:
    model = chain(4, 6, 2)
    model.get_submodule("0").weight = nn.Parameter(torch.randn(4, 6).t())
    return model


def expanded() -> nn.Module:
    model = chain(4, 6, 2).double()
    model.get_submodule("0").weight = nn.Parameter(torch.randn(1, 4).double().expand(6, 4))
    return model


def once_pruned() -> nn.Module:
    model = chain(4, 6, 2)
    torch_prune.random_unstructured(model[0], "weight", 0.5)
    torch_prune.remove(model[0], "weight")
    return model


def names_that_modules_have() -> nn.Module:
    inner = OrderedDict(parameter=nn.Linear(4, 5), parameter_=nn.Tanh())
    return nn.Sequential(OrderedDict(get=nn.Sequential(inner), get_parameter_=nn.Linear(5, 2)))


def conv(*after: nn.Module, **arguments: Any) -> list[nn.Module]:
    return [nn.Conv2d(2, 4, **({"kernel_size": 3} | arguments)), *after]


pooled = (nn.AdaptiveAvgPool2d(2), nn.Flatten())

EXACT: dict[str, tuple[Make, tuple[int, ...]]] = {
    "positions flattened before units": (
        lambda: sequence(nn.Linear(4, 6), nn.ReLU(), nn.Flatten(), nn.Linear(30, 3)),
        (5, 4),
    ),
    "positions flattened twice": (
        lambda: sequence(nn.Linear(4, 6), nn.Flatten(1, 2), nn.Tanh(), nn.Flatten(), nn.Linear(60, 3)),
        (2, 5, 4),
    ),
    "positions among the examples": (
        lambda: sequence(nn.Linear(4, 6), nn.Flatten(0, 1), nn.Sigmoid(), nn.Linear(6, 3)),
        (5, 4),
    ),
    "the examples in one": (
        lambda: sequence(nn.Linear(4, 6), nn.Sigmoid(), nn.Flatten(0), nn.Linear(18, 2)),
        (4,),
    ),
    "positions left alone": (lambda: chain(4, 6, 5, 3), (5, 4)),
    "one position": (
        lambda: sequence(nn.Linear(4, 6), nn.ReLU(), nn.Flatten(), nn.Linear(6, 3)),
        (1, 4),
    ),
    "nothing to flatten": (lambda: sequence(nn.Linear(4, 6), nn.Flatten(), nn.Linear(6, 3)), (4,)),
    "flattened at the end": (lambda: sequence(nn.Linear(4, 6), nn.Linear(6, 3), nn.Flatten()), (5, 4)),
    "flattened first": (lambda: sequence(nn.Flatten(), nn.Linear(20, 6), nn.Linear(6, 3)), (5, 4)),
    "images flattened after one filter along a row": (
        lambda: sequence(nn.Conv2d(2, 1, (7, 1)), nn.Sigmoid(), nn.Linear(6, 3)),
        IMAGES,
    ),
    "activations that change their input in place": (
        lambda: sequence(nn.Linear(4, 6), nn.ReLU(inplace=True), nn.Linear(6, 3), nn.LeakyReLU(0.1, True)),
        (4,),
    ),
    "the input changed in place": (lambda: sequence(nn.ReLU(inplace=True), nn.Linear(4, 6)), (4,)),
    "dropout in place": (lambda: sequence(nn.Linear(4, 6), nn.Dropout(0.5, True), nn.Linear(6, 3)), (4,)),
    "activations that are not zero at zero": (
        lambda: sequence(
            *(nn.Linear(4, 6), nn.Softplus(2.0), nn.Linear(6, 6), nn.Hardtanh(0.5, 2.0)),
            *(nn.Linear(6, 6), nn.Sigmoid(), nn.Linear(6, 3)),
        ),
        (4,),
    ),
    "activations that rise and fall": (
        lambda: sequence(
            *(nn.Linear(4, 6), nn.GELU("tanh"), nn.Linear(6, 6), nn.SiLU(True), nn.Linear(6, 6)),
            *(nn.LeakyReLU(-0.5), nn.Linear(6, 6), nn.ELU(2.0, True), nn.Linear(6, 6), nn.ReLU6(True)),
            nn.Linear(6, 3),
        ),
        (4,),
    ),
    "a constant beside zero padding": (
        lambda: sequence(*conv(nn.Sigmoid()), nn.Conv2d(4, 3, 3, padding=1), *pooled, nn.Linear(12, 2)),
        IMAGES,
    ),
    "a constant beside padding of one axis": (
        lambda: sequence(*conv(nn.Softplus()), nn.Conv2d(4, 3, 3, padding=(0, 1)), *pooled, nn.Linear(12, 2)),
        IMAGES,
    ),
    "a constant beside padding 'same'": (
        lambda: sequence(
            *conv(nn.Tanh()), nn.Conv2d(4, 3, 3, padding="same", dilation=2), *pooled, nn.Linear(12, 2)
        ),
        IMAGES,
    ),
    "a constant averaged with zeros, then bent": (
        lambda: sequence(
            *conv(nn.AvgPool2d(2, padding=1), nn.Hardtanh(0.1, 0.2)), nn.Conv2d(4, 3, 1), nn.Sigmoid()
        ),
        IMAGES,
    ),
    "a constant divided by another number": (
        lambda: sequence(*conv(nn.Sigmoid(), nn.AvgPool2d(2, divisor_override=3)), nn.Conv2d(4, 3, 1)),
        IMAGES,
    ),
    "pools of every kind": (
        lambda: sequence(
            *conv(nn.MaxPool2d(2, 1, 1, dilation=2), nn.Sigmoid(), nn.AvgPool2d(2, 1, ceil_mode=True)),
            *(nn.AdaptiveMaxPool2d((3, 2)), nn.Conv2d(4, 3, 1), nn.Flatten(), nn.Linear(18, 2)),
        ),
        IMAGES,
    ),
    "strides, dilation, kernels of other shapes": (
        lambda: sequence(
            *conv(nn.Tanh(), kernel_size=(3, 1), stride=(1, 2), dilation=(2, 1), padding=(1, 0), bias=False),
            *(nn.Conv2d(4, 3, (1, 2), padding="valid"), nn.Flatten(), nn.Linear(30, 2)),
        ),
        IMAGES,
    ),
    "channels last": (
        lambda: sequence(*conv(nn.Sigmoid()), nn.Conv2d(4, 3, 2), nn.Flatten(), nn.Linear(36, 2)).to(
            memory_format=torch.channels_last  # type: ignore[call-overload]
        ),
        IMAGES,
    ),
    "images of one row": (
        lambda: sequence(nn.Unflatten(1, (2, 1, 3)), nn.Conv2d(2, 4, 1), nn.Flatten(), nn.Linear(12, 2)),
        (6,),
    ),
    "normalised": (
        lambda: sequence(
            *(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Sigmoid()),
            *(nn.Linear(6, 5, bias=False), nn.BatchNorm1d(5, affine=False, eps=0.1), nn.Linear(5, 2)),
        ),
        (4,),
    ),
    "normalised images": (
        lambda: sequence(
            *conv(nn.BatchNorm2d(4, momentum=None), nn.Sigmoid()),
            *(nn.Conv2d(4, 3, 3, padding=1), nn.BatchNorm2d(3), *pooled, nn.Linear(12, 2)),
        ),
        IMAGES,
    ),
    "in training mode": (
        lambda: sequence(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 2)).train(),
        (4,),
    ),
    "a layer and its normalisation met twice": (shared_twice, (4,)),
    "two layers of one weight": (shared_weights, (4,)),
    "transposed weights": (transposed, (4,)),
    "weights that are one row": (expanded, (4,)),
    "pruned by PyTorch and released": (once_pruned, (4,)),
    "names that modules have": (names_that_modules_have, (4,)),
    "empty sequences": (
        lambda: sequence(sequence(), nn.Linear(4, 5), sequence(sequence(nn.Identity())), nn.Linear(5, 2)),
        (4,),
    ),
    "one layer": (lambda: nn.Linear(4, 3), (4,)),
    "half": (lambda: chain(4, 6, 5, 2).half(), (4,)),
    "bfloat16": (lambda: chain(4, 6, 5, 2).bfloat16(), (4,)),
    "frozen": (lambda: chain(4, 6, 5, 2).requires_grad_(requires_grad=False), (4,)),
}


@pytest.mark.parametrize(("make", "shape"), EXACT.values(), ids=EXACT)
def test_it_computes_the_same(make: Make, shape: tuple[int, ...]) -> None:
    model = unlike(drawn(make))
    for mask in masks(model):
        agrees(model, mask, shape)


class Doubling(nn.Linear):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - as PyTorch names it
        return 2 * super().forward(input)


class Filters(nn.Conv2d):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return super().forward(input).flip(1)


class Centred(nn.Tanh):
    def forward(self, input: Tensor) -> Tensor:  # noqa: A002
        return input - input.mean(-1, keepdim=True)


class Quiet(nn.Linear):
    """Computes what a Linear layer does, which its type does not say."""


class Skipping(nn.Sequential):
    def forward(self, values: Tensor) -> Tensor:
        found: Tensor = values + super().forward(values)  # type: ignore[no-untyped-call]
        return found


class Doubled(nn.Module):
    def forward(self, values: Tensor) -> Tensor:
        return 2 * values


def changed(change: Callable[[nn.Sequential], object], *widths: int) -> Make:
    """A chain to which something is done."""

    def make() -> nn.Module:
        model = chain(*(widths or (4, 6, 2)), activation=nn.Tanh)
        change(model)
        return model

    return make


def replaced(module: nn.Module) -> None:
    module.forward = lambda values: 2 * torch.tanh(values)


def once_more(module: nn.Module, inputs: object, outputs: Tensor) -> Tensor:
    return outputs + outputs.roll(1, -1)


def of_weights(weight: Callable[[Tensor], Tensor], name: str = "weight") -> Make:
    def change(model: nn.Sequential) -> None:
        layer = model.get_submodule("0")
        setattr(layer, name, nn.Parameter(weight(layer.get_parameter(name)), requires_grad=False))

    return changed(change)


ONLY = "only layers in torch.nn.Sequential"
HOOKS: dict[str, Callable[[nn.Module], object]] = {
    "forward_hooks": lambda module: module.register_forward_hook(once_more),
    "forward_hooks with_keywords": lambda module: module.register_forward_hook(
        lambda _, inputs, named, outputs: 2 * outputs,
        with_kwargs=True,
    ),
    "forward_pre_hooks": lambda module: module.register_forward_pre_hook(lambda _, inputs: (2 * inputs[0],)),
    "backward_hooks": lambda module: module.register_full_backward_hook(lambda *_: None),
    "backward_pre_hooks": lambda module: module.register_full_backward_pre_hook(lambda *_: None),
    "state_dict_hooks": lambda module: module.register_state_dict_post_hook(lambda *_: None),
    "state_dict_pre_hooks": lambda module: module.register_state_dict_pre_hook(lambda *_: None),
    "load_state_dict_pre_hooks": lambda module: module.register_load_state_dict_pre_hook(lambda *_: None),
    "load_state_dict_post_hooks": lambda module: module.register_load_state_dict_post_hook(lambda *_: None),
}

REFUSED: dict[str, tuple[Make, tuple[int, ...], str]] = {
    **{
        f"{hook} on {place or 'all'}": (
            changed(lambda model, add=add, place=place: add(model.get_submodule(place))),  # type: ignore[misc]
            (4,),
            rf"{place or 'Sequential'} \(\w+\): its {hook.split()[0]} would be lost",
        )
        for hook, add in HOOKS.items()
        for place in ("", "0", "1")
    },
    "a hook on an inner sequence": (
        lambda: sequence(
            changed(lambda model: model.register_forward_hook(once_more), 4, 4)(), nn.Linear(4, 2)
        ),
        (4,),
        r"0 \(Sequential\): its forward_hooks",
    ),
    "a hook of a weight's gradient": (
        changed(lambda model: model.get_parameter("2.weight").register_hook(lambda gradient: 2 * gradient)),
        (4,),
        r"2 \(Linear\): its backward_hooks",
    ),
    "a hook when a gradient has come": (
        changed(
            lambda model: model.get_parameter("0.bias").register_post_accumulate_grad_hook(lambda _: None)
        ),
        (4,),
        r"0 \(Linear\): its post_accumulate_grad_hooks",
    ),
    "weight normalisation by a hook": (
        changed(lambda model: torch.nn.utils.weight_norm(model[0])),
        (4,),
        "layer 0: its weights are parametrised",
    ),
    "weight normalisation": (
        changed(lambda model: parametrizations.weight_norm(model[0])),
        (4,),
        "layer 0: its weights are parametrised",
    ),
    "spectral normalisation": (
        changed(lambda model: parametrizations.spectral_norm(model[2])),
        (4,),
        "layer 2: its weights are parametrised",
    ),
    "a bias that is computed": (
        changed(lambda model: parametrize.register_parametrization(model[0], "bias", Doubled())),
        (4,),
        rf"0 \(ParametrizedLinear\): {ONLY}",
    ),
    "weights that PyTorch prunes": (
        changed(lambda model: torch_prune.l1_unstructured(model[0], "weight", 0.5)),
        (4,),
        "layer 0: torch.nn.utils.prune manages its weights",
    ),
    "biases that PyTorch prunes": (
        changed(lambda model: torch_prune.l1_unstructured(model[0], "bias", 0.5)),
        (4,),
        r"0 \(Linear\): its forward_pre_hooks",
    ),
    "a layer's forward replaced": (
        changed(lambda model: replaced(model[2])),
        (4,),
        r"2 \(Linear\): its forward is overridden",
    ),
    "an activation's forward replaced": (
        changed(lambda model: replaced(model[1])),
        (4,),
        r"1 \(Tanh\): its forward is overridden",
    ),
    "the network's forward replaced": (
        changed(replaced),
        (4,),
        r"Sequential \(Sequential\): its forward is overridden",
    ),
    "a kind of Linear": (lambda: sequence(Doubling(4, 6), nn.Linear(6, 2)), (4,), rf"0 \(Doubling\): {ONLY}"),
    "a kind of Linear that is one": (
        lambda: sequence(nn.Linear(4, 6), Quiet(6, 2)),
        (4,),
        rf"1 \(Quiet\): {ONLY}",
    ),
    "a kind of Conv2d": (lambda: sequence(Filters(2, 4, 3)), IMAGES, rf"0 \(Filters\): {ONLY}"),
    "a kind of Tanh": (
        lambda: sequence(nn.Linear(4, 6), Centred(), nn.Linear(6, 2)),
        (4,),
        rf"1 \(Centred\): {ONLY}",
    ),
    "a kind of Sequential": (
        lambda: sequence(Skipping(nn.Linear(4, 4)), nn.Linear(4, 2)),
        (4,),
        rf"0 \(Skipping\): {ONLY}",
    ),
    "a residual sum": (Residual, (6,), rf"Residual \(Residual\): {ONLY}"),
    "a residual sum inside": (
        lambda: sequence(nn.Linear(6, 6), Residual()),
        (6,),
        rf"1 \(Residual\): {ONLY}",
    ),
    "a module of pictures": (Pictures, (1, 6, 6), rf"Pictures \(Pictures\): {ONLY}"),
    "tied in a module": (Tied, (6,), rf"Tied \(Tied\): {ONLY}"),
    "in parallel": (lambda: nn.DataParallel(chain(4, 2)), (4,), rf"DataParallel \(DataParallel\): {ONLY}"),
    **{
        type(module).__name__: (
            lambda module=module: sequence(nn.Linear(4, 6), module, nn.Linear(6, 2)),  # type: ignore[misc]
            (4,),
            rf"1 \({type(module).__name__}\): {ONLY}",
        )
        for module in (
            *(nn.PReLU(), nn.PReLU(6), nn.RReLU(), nn.Softmax(1), nn.Softmin(1), nn.LogSoftmax(1)),
            *(
                nn.GLU(),
                nn.LayerNorm(6),
                nn.GroupNorm(2, 6),
                nn.RMSNorm(6),
                nn.Dropout1d(),
                nn.AlphaDropout(),
            ),
            *(nn.Bilinear(6, 6, 6), nn.ModuleList(), nn.LocalResponseNorm(2), nn.Threshold(1, 2)),
        )
    },
    **{
        type(module).__name__: (
            lambda module=module: sequence(*conv(module), *pooled, nn.Linear(16, 2)),  # type: ignore[misc]
            IMAGES,
            rf"1 \({type(module).__name__}\): {ONLY}",
        )
        for module in (
            *(nn.Softmax2d(), nn.InstanceNorm2d(4), nn.Dropout2d(), nn.ZeroPad2d(1), nn.PixelShuffle(2)),
            *(nn.ConvTranspose2d(4, 4, 3), nn.ChannelShuffle(2), nn.Upsample(scale_factor=2)),
            *(nn.LPPool2d(2, 2), nn.CircularPad2d(1)),
        )
    },
    "normalisation of positions": (
        lambda: sequence(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 2)),
        (5, 4),
        r"1 \(BatchNorm1d\): its input is \[3, 5, 5\], whose axis 1 is not the units of 0",
    ),
    "normalisation without statistics": (
        lambda: sequence(nn.Linear(4, 5), nn.BatchNorm1d(5, track_running_stats=False), nn.Linear(5, 2)),
        (4,),
        r"1 \(BatchNorm1d\): batch normalisation without running statistics",
    ),
    "normalisation after an activation": (
        lambda: sequence(nn.Linear(4, 5), nn.ReLU(), nn.BatchNorm1d(5), nn.Linear(5, 2)),
        (4,),
        r"2 \(BatchNorm1d\): .* only right after a layer",
    ),
    "normalisation first": (
        lambda: sequence(nn.BatchNorm1d(4), nn.Linear(4, 2)),
        (4,),
        r"0 \(BatchNorm1d\): .* only right after a layer",
    ),
    "groups": (lambda: sequence(*conv(groups=2)), IMAGES, r"0 \(Conv2d\): a convolution with groups"),
    **{
        f"padding {mode}": (
            lambda mode=mode: sequence(*conv(padding=1, padding_mode=mode), nn.Flatten(), nn.Linear(168, 2)),  # type: ignore[misc]
            IMAGES,
            rf"0 \(Conv2d\): a convolution with padding {mode}",
        )
        for mode in ("reflect", "replicate", "circular")
    },
    "a layer along the rows of images": (
        lambda: sequence(*conv(nn.ReLU()), nn.Linear(4, 2)),
        IMAGES,
        r"2 \(Linear\): its input is \[3, 4, 5, 4\], whose last axis is not the units of 0",
    ),
    "a layer along the places of a filter": (
        lambda: sequence(*conv(nn.ReLU()), nn.Flatten(2), nn.Linear(20, 2)),
        IMAGES,
        r"3 \(Linear\): .* whose last axis is not the units of 0",
    ),
    "rows flattened into filters": (
        lambda: sequence(*conv(nn.ReLU()), nn.Flatten(1, 2), nn.Linear(4, 2)),
        IMAGES,
        r"3 \(Linear\): .* whose last axis is not the units of 0",
    ),
    "a convolution across units": (
        lambda: sequence(nn.Linear(6, 5), nn.Conv2d(2, 4, 3)),
        IMAGES,
        r"1 \(Conv2d\): its input is \[3, 2, 7, 5\], whose axis 1 is not the units of 0",
    ),
    "a pool across units": (
        lambda: sequence(nn.Linear(6, 6), nn.MaxPool2d(2), nn.Linear(3, 2)),
        IMAGES,
        r"1 \(MaxPool2d\): .* whose axis 1 is not the units of 0",
    ),
    "a pool across units and positions": (
        lambda: sequence(nn.Linear(4, 6), nn.AvgPool2d(1), nn.Linear(6, 2)),
        (5, 4),
        r"1 \(AvgPool2d\): .* whose axis 1 is not the units of 0",
    ),
    "folded anew": (
        lambda: sequence(nn.Linear(4, 6), nn.Unflatten(1, (2, 3)), nn.Linear(3, 2)),
        (4,),
        r"1 \(Unflatten\): it can be compacted only before the first layer",
    ),
    "indices of a pool": (
        lambda: sequence(*conv(nn.MaxPool2d(2, return_indices=True))),
        IMAGES,
        r"1 \(MaxPool2d\): it returns a tuple",
    ),
    "one image without a batch": (
        lambda: sequence(nn.Conv2d(3, 2, 3)),
        (7, 6),
        r"0 \(Conv2d\): its input is \[3, 7, 6\]; accepted is \[examples, channels",
    ),
    "an example of another shape": (
        lambda: chain(5, 6, 2),
        (4,),
        r"0 \(Linear\): it fails on the example, here of shape \[3, 4\]",
    ),
    "layers that do not fit": (
        lambda: sequence(nn.Linear(4, 6), nn.ReLU(), nn.Linear(5, 2)),
        (4,),
        r"2 \(Linear\): it fails on the example, here of shape \[3, 6\]",
    ),
    "a weight that is no number": (
        of_weights(lambda weight: weight * float("nan")),
        (4,),
        r"0 \(Linear\): its outputs for the example are not finite",
    ),
    "a bias that is infinite": (
        of_weights(lambda bias: bias + float("inf"), "bias"),
        (4,),
        r"0 \(Linear\): its outputs for the example are not finite",
    ),
    "complex weights": (of_weights(lambda weight: weight * 1j), (4,), "0.weight: torch.complex64 on cpu"),
    "weights of no values": (
        of_weights(lambda weight: weight.detach().to("meta")),
        (4,),
        "0.weight: torch.float32 on meta",
    ),
    "weights of no shape": (
        lambda: sequence(nn.LazyLinear(3), nn.Linear(3, 2)),
        (4,),
        "layer 0: it has no shape yet",
    ),
    "no layer": (lambda: sequence(nn.ReLU()), (4,), "no Linear or Conv2d layer"),
}


@pytest.mark.filterwarnings("ignore:.*torch.nn.utils.weight_norm.* is deprecated")
@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
@pytest.mark.parametrize(("make", "shape", "complaint"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_told_is_refused_by_name(make: Make, shape: tuple[int, ...], complaint: str) -> None:
    model = make()
    with pytest.raises(BadInput, match=complaint):
        compact(model, Mask.dense(model), inputs_of(shape))


@pytest.mark.parametrize(
    ("example", "found"),
    [
        (torch.ones(4), r"\[4\] of torch.float32"),
        (torch.ones(0, 4), r"\[0, 4\] of torch.float32"),
        (torch.ones(2, 4, dtype=torch.complex64), r"\[2, 4\] of torch.complex64"),
        (np.ones((2, 4)), "ndarray"),
    ],
    ids=["no batch", "no example", "complex", "no tensor"],
)
def test_an_example_is_a_batch_of_real_numbers(example: Any, found: str) -> None:
    model = chain(4, 2)
    with pytest.raises(BadInput, match=f"example: {found}; accepted is a tensor of real numbers"):
        compact(model, Mask.dense(model), example)


# What is compared.


@pytest.mark.parametrize(
    ("kind", "mixing", "complaint"),
    [
        (nn.Tanh, lambda _, values: values - values.mean(-1, keepdim=True), r"1 \(Tanh\)"),
        (nn.Linear, lambda _, values: values.sum(-1, keepdim=True).expand(3, 5), r"0 \(Linear\)"),
    ],
    ids=["activation", "layer"],
)
def test_a_module_that_is_not_what_its_type_says_is_named(
    monkeypatch: pytest.MonkeyPatch,
    kind: type[nn.Module],
    mixing: Callable[[nn.Module, Tensor], Tensor],
    complaint: str,
) -> None:
    """What the types do not show, the example does."""
    model = sequence(nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 5))
    mask = masks(model)[3]
    compact(model, mask, inputs_of((5,)))
    monkeypatch.setattr(kind, "forward", mixing)
    with pytest.raises(BadInput, match=f"{complaint}: on the example .* differs from the masked one by "):
        compact(model, mask, inputs_of((5,)))


def test_rounding_is_no_difference() -> None:
    """Terms of 1e8 that cancel, and a statistic that takes most of the rest away."""
    model = sequence(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 2))
    with torch.no_grad():
        model.get_parameter("0.weight").mul_(1e8)
        model.get_buffer("1.running_mean").fill_(1e8)
        model.get_buffer("1.running_var").fill_(1e16)
    for mask in masks(model):
        compact(model, mask, inputs_of((4,)))
    ones = chain(3, 2, 2)
    with torch.no_grad():
        ones.get_parameter("0.weight").copy_(torch.tensor([[0.1, 0.2, -0.3], [0.3, -0.1, -0.2]]))
        ones.get_parameter("0.bias").zero_()
    compact(ones, Mask.dense(ones), torch.ones(1, 3))


# What is left as it was.


def test_the_network_the_example_and_pytorchs_generator_stay_as_they_were() -> None:
    model = unlike(
        sequence(
            *(nn.ReLU(inplace=True), nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(inplace=True)),
            *(nn.Dropout(0.5), nn.Linear(6, 2)),
        )
    ).train()
    model.get_submodule("2").eval()
    modes = [module.training for module in model.modules()]
    state, example = state_of(model), inputs_of((4,)).requires_grad_()
    before, random = example.detach().clone(), torch.random.get_rng_state()
    mask = masks(model)[3]
    small = compact(model, mask, example)
    assert torch.equal(torch.random.get_rng_state(), random)
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    assert torch.equal(example, before)
    assert all(tensor.grad is None for tensor in (example, *model.parameters()))
    assert not any(module.training for module in small.modules())


def test_networks_of_one_chain_share_nothing() -> None:
    model = chain(4, 6, 2).double()
    chained = Chain.of(model, Mask.dense(model), inputs_of((4,))).compacted()
    one, other = chained.module(), chained.module()
    with torch.no_grad():
        for parameter in one.parameters():
            parameter.fill_(7.0)
    with torch.no_grad():
        torch.testing.assert_close(other(inputs_of((4,))), model(inputs_of((4,))))


def test_what_is_not_trained_stays_so() -> None:
    model = sequence(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 5, bias=False), nn.ReLU(), nn.Linear(5, 2))
    model.get_submodule("0").requires_grad_(requires_grad=False)
    model.get_parameter("4.bias").requires_grad = False
    small = compact(model, Mask.dense(model), inputs_of((4,)))
    trained = {name: parameter.requires_grad for name, parameter in small.named_parameters()}
    assert trained == {
        "0.weight": False,
        "0.bias": False,
        "2.weight": True,
        "2.bias": True,
        "4.weight": True,
        "4.bias": False,
    }


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_numbers_keep_their_type(dtype: torch.dtype) -> None:
    model = chain(4, 6, 2).to(dtype)
    mask = masks(model)[3]
    small = compact(model, mask, inputs_of((4,)))
    inputs = inputs_of((4,)).to(dtype)
    mask.apply(model)
    with torch.no_grad():
        assert small(inputs).dtype == dtype
        roughly = 8 * torch.finfo(dtype).eps
        torch.testing.assert_close(small(inputs), model(inputs), rtol=roughly, atol=roughly)


def test_numbers_that_their_type_cannot_hold_are_refused() -> None:
    """Folded into a layer, a normalisation of tiny deviations needs more than half precision has."""
    model = sequence(nn.Linear(4, 3), nn.BatchNorm1d(3, eps=1e-10), nn.Linear(3, 2))
    with torch.no_grad():
        model.get_parameter("0.weight").fill_(1.0)
        model.get_buffer("1.running_var").zero_()
    half = model.half()
    with pytest.raises(BadInput, match=r"0: a weight or bias is too large for torch.float16"):
        compact(half, Mask.dense(half), inputs_of((4,)))


# Whatever is put together.


@st.composite
def chains(draw: st.DrawFn) -> tuple[nn.Module, tuple[int, ...]]:
    """Modules one after another, in any order in which PyTorch runs them."""
    shape = draw(st.sampled_from([(4,), (3, 4), (2, 5, 4)]))
    values = inputs_of(shape, 2)
    parts: list[nn.Module] = []
    for _ in range(draw(st.integers(1, 8))):
        axes = values.ndim
        first, width = draw(st.integers(0, axes - 1)), values.shape[-1]
        linear = nn.Linear(width, draw(st.integers(1, 4)), bias=draw(st.booleans()))
        activation = draw(
            st.sampled_from([nn.ReLU(inplace=True), nn.Sigmoid(), nn.Softplus(), nn.Identity()])
        )
        choices: list[nn.Module] = [
            *(linear, linear, linear, activation, activation),
            nn.Flatten(first, draw(st.integers(first, axes - 1))),
            draw(st.sampled_from([nn.MaxPool2d(2, 1), nn.AvgPool2d(2, 1, 1), nn.AdaptiveAvgPool2d(2)])),
            nn.BatchNorm1d(values.shape[1]) if 1 < axes < 4 else nn.BatchNorm2d(values.shape[-3:][0]),
        ]
        if axes > 3:
            padding: Any = draw(st.sampled_from([0, 1, (0, 1), "same"]))
            filters = nn.Conv2d(values.shape[1], draw(st.integers(1, 3)), 2, padding=padding)
            choices += [filters, filters, filters, nn.Flatten()]
        part = draw(st.sampled_from(choices))
        try:
            values = copy.deepcopy(part).double().eval()(values)
        except (RuntimeError, ValueError, IndexError):
            continue
        parts.append(part)
    assume(any(isinstance(part, nn.Linear | nn.Conv2d) for part in parts))
    return unlike(nn.Sequential(*parts).double()), shape


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@settings(deadline=None, max_examples=50)
@given(chains(), st.sampled_from([0.0, 0.2, 0.6, 1.0]))
def test_whatever_is_put_together_is_computed_or_refused(
    of: tuple[nn.Module, tuple[int, ...]], density: float
) -> None:
    model, shape = of
    mask = random_mask(model, density)
    example, other = inputs_of(shape, 2), inputs_of(shape, 2, seed=5)
    try:
        small = compact(model, mask, example)
    except BadInput as error:
        names = {f"{name} ({type(module).__name__})" for name, module in model.named_modules()}
        assert any(str(error).startswith(name) for name in names)  # noqa: PT017 - it may succeed as well
        return
    with torch.no_grad():
        torch.testing.assert_close(small(other), masked_outputs(model, mask, other), rtol=1e-9, atol=1e-9)
