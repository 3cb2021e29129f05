"""A mask says which weights are there, for any network; it only shrinks, and files of others are refused."""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrizations
from torch.nn.utils import prune as torch_prune

from tests.pruning.strangers import (
    STRANGERS,
    Residual,
    Tied,
    chain,
    drawn,
    equal_states,
    examples,
    random_mask,
    same,
)
from wann.errors import BadInput
from wann.pruning import Mask, prunable

some_stranger = st.sampled_from(sorted(STRANGERS))


def written(name: str, mask: Mask, folder: Path) -> Path:
    mask.save(folder / name)
    return folder / name


def equal(one: Mask, other: Mask) -> bool:
    return list(one.tensors) == list(other.tensors) and all(
        same(one.tensors[name], other.tensors[name]) for name in one.tensors
    )


# What can be pruned.


def test_weights_of_linear_and_convolution_layers_can_be_pruned_whatever_module_they_are_in() -> None:
    assert list(prunable(Residual())) == [
        "enter.weight",
        "block.one.weight",
        "block.two.weight",
        "leave.weight",
    ]
    assert list(prunable(STRANGERS["pictures"].make())) == ["conv1.weight", "conv2.weight", "leave.weight"]
    assert list(prunable(nn.Linear(2, 2))) == ["weight"]


def test_a_weight_that_two_layers_share_is_there_once() -> None:
    model = Tied()
    assert list(prunable(model)) == ["first.weight", "leave.weight"]
    mask = random_mask(model, 0.5)
    mask.apply(model)
    assert mask.total == 6 * 6 + 6 * 3
    assert bool((model.second.weight[~mask.tensors["first.weight"]] == 0).all())
    assert model.second.weight is model.first.weight


def test_a_network_without_such_layers_is_refused() -> None:
    with pytest.raises(BadInput, match="ReLU has no Linear or Conv2d layer"):
        prunable(nn.ReLU())


def test_a_weight_that_is_computed_from_others_is_refused() -> None:
    model = nn.Sequential(parametrizations.weight_norm(nn.Linear(3, 2)))
    with pytest.raises(BadInput, match=r"layer 0: .*parametri"):
        Mask.dense(model)


# Counting.


@given(some_stranger, st.floats(0, 1), st.integers(0, 1000))
def test_sparsity_is_over_all_weights_and_no_bias(name: str, density: float, seed: int) -> None:
    model = drawn(STRANGERS[name].make)
    mask = random_mask(model, density, seed)
    weights = sum(weight.numel() for weight in prunable(model).values())
    there = sum(int(np.count_nonzero(tensor.numpy())) for tensor in mask.tensors.values())
    assert (mask.kept, mask.total) == (there, weights)
    assert mask.sparsity == pytest.approx(1 - there / weights)
    assert mask.total < sum(parameter.numel() for parameter in model.parameters())
    assert sum(kept for kept, _ in mask.layers().values()) == there
    assert sum(total for _, total in mask.layers().values()) == weights


def test_the_denominator_stays_when_weights_go_and_layers_are_emptied() -> None:
    model = chain(4, 3, 2)
    mask = Mask.dense(model)
    gone = {**mask.tensors, "0.weight": torch.zeros(3, 4, dtype=torch.bool)}
    shrunk = mask.shrunk(gone)
    assert (shrunk.total, shrunk.kept, shrunk.emptied()) == (18, 6, ["0"])
    assert shrunk.sparsity == pytest.approx(12 / 18)
    assert shrunk.layers() == {"0": (0, 12), "2": (6, 6)}


# Shrinking, applying, holding.


@given(some_stranger, st.integers(0, 1000), st.integers(0, 1000))
def test_a_mask_only_shrinks(name: str, one: int, other: int) -> None:
    model = drawn(STRANGERS[name].make)
    mask, another = random_mask(model, 0.6, one), random_mask(model, 0.6, other)
    both = {name: mask.tensors[name] & another.tensors[name] for name in mask.tensors}
    assert equal(mask.shrunk(both), Mask(both))
    if any(bool((another.tensors[name] & ~mask.tensors[name]).any()) for name in mask.tensors):
        with pytest.raises(BadInput, match="removed weights would be restored; masks only shrink"):
            mask.shrunk(another.tensors)


@given(some_stranger, st.floats(0, 1), st.integers(0, 1000))
def test_applied_it_holds_and_changes_no_survivor_and_no_bias(name: str, density: float, seed: int) -> None:
    model, before = drawn(STRANGERS[name].make), drawn(STRANGERS[name].make)
    mask = random_mask(model, density, seed)
    mask.apply(model)
    assert mask.holds(model)
    old = prunable(before)
    for name_of, weight in prunable(model).items():
        there = mask.tensors[name_of]
        assert bool((weight[~there] == 0).all())
        assert torch.equal(weight[there], old[name_of][there])
    for name_of, parameter in model.named_parameters():
        if name_of not in mask.tensors:
            assert torch.equal(parameter, before.get_parameter(name_of))


@pytest.mark.parametrize("value", [1e-30, -1.0, float("nan")])
def test_it_does_not_hold_once_a_weight_is_back(value: float) -> None:
    model = chain(4, 3, 2)
    mask = random_mask(model, 0.5)
    mask.apply(model)
    row, column = (int(index) for index in torch.nonzero(~mask.tensors["0.weight"])[0])
    with torch.no_grad():
        model.get_parameter("0.weight")[row, column] = value
    assert not mask.holds(model)


FOREIGN: dict[str, tuple[nn.Module, str]] = {
    "a layer too few": (chain(4, 3), "it names 2.weight, the network has 0.weight"),
    "a layer too many": (chain(4, 3, 2, 2), "it does not name 4.weight"),
    "another shape": (chain(4, 3, 3), "2.weight is 2 x 3 in the mask and 3 x 3 in the network"),
}


@pytest.mark.parametrize(("model", "complaint"), FOREIGN.values(), ids=FOREIGN)
def test_a_mask_of_another_network_is_refused(model: nn.Module, complaint: str) -> None:
    mask = Mask.dense(chain(4, 3, 2))
    before = [parameter.clone() for parameter in model.parameters()]
    uses: list[Callable[[], object]] = [
        lambda: mask.check(model),
        lambda: mask.apply(model),
        lambda: mask.to_torch(model),
        lambda: mask.shrunk(Mask.dense(model).tensors),
    ]
    for use in uses[:3]:
        with pytest.raises(BadInput, match=f"a mask of another network: .*{complaint}"):
            use()
    with pytest.raises(BadInput, match="a mask of another network"):
        uses[3]()
    assert all(map(torch.equal, before, model.parameters()))


def test_a_mask_is_booleans_and_at_least_one_tensor() -> None:
    with pytest.raises(BadInput, match=r"mask of 0\.weight: torch\.float32; accepted is torch\.bool"):
        Mask({"0.weight": torch.ones(2, 2)})
    with pytest.raises(BadInput, match="at least one tensor"):
        Mask({})


# Files.


@settings(deadline=None)
@given(some_stranger, st.floats(0, 1), st.integers(0, 1000))
def test_a_file_brings_the_mask_back_in_equal_bytes(name: str, density: float, seed: int) -> None:
    mask = random_mask(drawn(STRANGERS[name].make), density, seed)
    content = mask.to_bytes()
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        arrays = {key: archive[key] for key in archive.files}
    assert {key: array.dtype for key, array in arrays.items()} == dict.fromkeys(mask.tensors, np.dtype(bool))
    again = Mask({key: torch.from_numpy(array) for key, array in arrays.items()})
    assert equal(again, mask)
    assert again.to_bytes() == content


def test_loading_what_was_saved_gives_the_same_file_again(tmp_path: Path) -> None:
    mask = random_mask(Residual(), 0.3)
    path = written("m.npz", mask, tmp_path)
    loaded = Mask.load(path)
    assert equal(loaded, mask)
    assert written("again.npz", loaded, tmp_path).read_bytes() == path.read_bytes()


def test_equal_masks_have_equal_bytes_however_they_lie_in_memory() -> None:
    there = random_mask(nn.Linear(5, 4), 0.5).tensors["weight"]
    pictures = random_mask(nn.Conv2d(2, 3, 3), 0.5).tensors["weight"]
    turned = Mask({"a.weight": there.t().contiguous().t(), "b.weight": pictures})
    last = pictures.contiguous(memory_format=torch.channels_last)
    assert turned.to_bytes() == Mask({"a.weight": there, "b.weight": last}).to_bytes()


def _npz(**arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _zip_of_text() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("0.weight", "no array")
    return buffer.getvalue()


def _npy() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.ones(3, bool))
    return buffer.getvalue()


class _Bomb:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return pytest.fail, ("a mask was unpickled",)


GOOD = random_mask(chain(40, 30, 2), 0.5).to_bytes()
DAMAGED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not a mask in npz"),
    "text": (b"hello, this is no mask", "not a mask in npz"),
    "cut": (GOOD[: len(GOOD) // 2], "not a mask in npz"),
    "bits turned": (GOOD[:60] + bytes(byte ^ 255 for byte in GOOD[60:200]) + GOOD[200:], "not a mask in npz"),
    "pickle": (pickle.dumps(_Bomb()), "not a mask in npz"),
    "pickled array": (_npz(**{"0.weight": np.array([_Bomb()], object)}), "not a mask in npz"),
    "one array alone": (_npy(), "not a mask in npz"),
    "no array in it": (_zip_of_text(), "not a mask in npz"),
    "floats": (_npz(**{"0.weight": np.ones(3)}), "0.weight holds float64; a mask holds booleans"),
    "integers": (_npz(**{"0.weight": np.ones(3, np.int8)}), "0.weight holds int8; a mask holds booleans"),
    "nothing": (_npz(), "an empty mask"),
}


@pytest.mark.parametrize(("content", "complaint"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_and_foreign_files_are_refused(content: bytes, complaint: str, tmp_path: Path) -> None:
    path = tmp_path / "m.npz"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=rf"m\.npz: {complaint}"):
        Mask.load(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"none\.npz"):
        Mask.load(tmp_path / "none.npz")


# torch.nn.utils.prune.


@pytest.mark.parametrize("name", STRANGERS)
def test_torch_takes_a_mask_and_gives_it_back(name: str) -> None:
    model, twin = drawn(STRANGERS[name].make).eval(), drawn(STRANGERS[name].make).eval()
    mask = random_mask(model, 0.5)
    mask.to_torch(model)
    mask.apply(twin)
    inputs = examples(STRANGERS[name].shape).inputs
    assert torch.equal(model(inputs), twin(inputs))
    assert equal(Mask.of_torch(model), mask)


def test_masks_that_torch_made_are_taken_over() -> None:
    model = drawn(Residual)
    assert isinstance(model, Residual)
    torch_prune.l1_unstructured(model.enter, "weight", amount=7)
    torch_prune.random_unstructured(model.block["two"], "weight", amount=0.5)
    mask = Mask.of_torch(model)
    assert mask.layers() == {
        "enter": (23, 30),
        "block.one": (20, 20),
        "block.two": (10, 20),
        "leave": (15, 15),
    }
    with pytest.raises(BadInput, match=r"layer enter: torch\.nn\.utils\.prune manages its weights"):
        mask.apply(model)
    torch_prune.remove(model.enter, "weight")
    torch_prune.remove(model.block["two"], "weight")
    assert list(Mask.dense(model).tensors) == list(mask.tensors)
    assert mask.holds(model)


def test_of_shared_weights_the_mask_from_torch_is_of_the_same_network() -> None:
    model = Tied()
    mask = Mask.of_torch(model)
    mask.check(model)
    assert mask.sparsity == 0


def test_saved_and_loaded_it_is_of_the_same_network(tmp_path: Path) -> None:
    for name, stranger in STRANGERS.items():
        model, other = drawn(stranger.make), drawn(stranger.make)
        mask = random_mask(model, 0.4)
        mask.apply(model)
        Mask.load(written(f"{name}.npz", mask, tmp_path)).apply(other)
        assert equal_states(model, other)
