"""Exactly as many weights are kept as asked for, whatever ties; none that is gone comes back."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from wann.errors import BadInput
from wann.pruning import SCOPES, Mask, select
from wann.pruning.scopes import checked_sparsity, layer_densities, select_above

SHAPES = {"first.weight": (7, 5), "second.weight": (4, 7), "conv.weight": (3, 2, 3, 3), "last.weight": (2, 4)}

each_scope = pytest.mark.parametrize("scope", SCOPES)


def masked(density: float = 1.0, seed: int = 0) -> Mask:
    rng = np.random.default_rng(seed)
    return Mask({name: torch.from_numpy(rng.random(shape) < density) for name, shape in SHAPES.items()})


def scores_of(kind: str, seed: int = 0) -> dict[str, Tensor]:
    """All equal, of three values, or all different."""
    rng = np.random.default_rng([seed, 1])

    def draw(shape: tuple[int, ...]) -> NDArray[np.float64]:
        if kind == "equal":
            return np.full(shape, 0.25)
        return rng.integers(-1, 2, shape).astype(np.float64) if kind == "few" else rng.normal(size=shape)

    return {name: torch.from_numpy(draw(shape)) for name, shape in SHAPES.items()}


def best(there: list[bool], scores: list[float], count: int) -> list[bool]:
    """The slow way: sort by score and then by place."""
    order = sorted(
        (place for place, is_there in enumerate(there) if is_there), key=lambda at: (-scores[at], at)
    )
    return [place in order[:count] for place in range(len(there))]


kinds = st.sampled_from(["equal", "few", "different"])


@given(
    kinds,
    st.sampled_from(sorted(SCOPES)),
    st.sampled_from(["highest", "lowest"]),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 1000),
)
def test_exactly_as_many_are_kept_as_asked_for_and_ties_go_by_place(
    kind: str, scope: str, keeps: str, before: float, density: float, seed: int
) -> None:
    mask, scores = masked(before, seed), scores_of(kind, seed)
    kept = select(mask, scores, density, scope, keeps=keeps, collapse=True)
    sign = 1.0 if keeps == "highest" else -1.0
    densities = layer_densities(mask, density, scope)
    if densities is None:
        there = torch.cat([tensor.flatten() for tensor in mask.tensors.values()]).tolist()
        ranked = torch.cat([sign * scores[name].flatten() for name in mask.tensors]).tolist()
        found = torch.cat([tensor.flatten() for tensor in kept.tensors.values()]).tolist()
        assert kept.kept == min(round(density * mask.total), sum(there))
        assert found == best(there, ranked, round(density * mask.total))
    else:
        for name, tensor in mask.tensors.items():
            count = round(densities[name] * tensor.numel())
            there = tensor.flatten().tolist()
            assert int(kept.tensors[name].sum()) == min(count, sum(there))
            assert kept.tensors[name].flatten().tolist() == best(
                there, (sign * scores[name]).flatten().tolist(), count
            )
    assert kept.total == mask.total


@given(
    kinds,
    st.sampled_from(sorted(SCOPES)),
    st.lists(st.floats(0, 1), min_size=1, max_size=5),
    st.integers(0, 1000),
)
def test_what_is_gone_never_returns(kind: str, scope: str, densities: list[float], seed: int) -> None:
    mask = masked()
    for step, density in enumerate(densities):
        scores = scores_of(kind, seed + step)
        for name, there in mask.tensors.items():
            scores[name][~there] = math.inf  # as tempting as can be
        after = select(mask, scores, density, scope, collapse=True)
        for name, tensor in after.tensors.items():
            assert not bool((tensor & ~mask.tensors[name]).any())
        mask = after


def test_scores_of_weights_that_are_gone_may_be_anything() -> None:
    mask, scores = masked(0.5), scores_of("different")
    for name, there in mask.tensors.items():
        scores[name][~there] = math.nan
    assert select(mask, scores, 0.3).kept == round(0.3 * mask.total)


def test_infinite_scores_are_scores() -> None:
    scores = scores_of("different")
    scores["last.weight"][:] = math.inf
    scores["first.weight"][:] = -math.inf
    kept = select(masked(), scores, 0.8).layers()
    assert (kept["first"], kept["last"]) == ((10, 35), (8, 8))
    with pytest.raises(BadInput, match="nothing would be left in layer first"):
        select(masked(), scores, 0.7)


@each_scope
def test_a_score_that_is_no_number_is_refused(scope: str) -> None:
    scores = scores_of("different")
    scores["second.weight"][1, 2] = math.nan
    with pytest.raises(BadInput, match=r"second\.weight: a score is NaN"):
        select(masked(), scores, 0.5, scope)


@each_scope
def test_an_emptied_layer_is_refused_unless_allowed(scope: str) -> None:
    scores = scores_of("different")
    own = {"last": 0.01} if scope != "global" else None
    if own is None:
        scores["last.weight"] -= 100
    with pytest.raises(BadInput, match=r"nothing would be left in layer last .*collapse = true"):
        select(masked(), scores, 0.5, scope, own=own)
    assert select(masked(), scores, 0.5, scope, own=own, collapse=True).emptied() == ["last"]


# Densities.


def test_global_leaves_it_to_the_scores() -> None:
    assert layer_densities(masked(), 0.3, "global") is None
    scores = scores_of("different")
    scores["conv.weight"].mul_(1e-3)
    kept = select(masked(), scores, 0.4, "global", keeps="highest")
    values = torch.cat([scores[name].flatten() for name in kept.tensors])
    inside = torch.cat([tensor.flatten() for tensor in kept.tensors.values()])
    assert float(values[inside].min()) >= float(values[~inside].max())


@given(st.floats(0, 1))
def test_layer_gives_each_layer_the_same_share(density: float) -> None:
    assert layer_densities(masked(), density, "layer") == dict.fromkeys(SHAPES, density)


def test_layers_have_rates_of_their_own() -> None:
    densities = layer_densities(masked(), 0.2, "layer", {"last": 0.9, "conv": 0.5})
    assert densities == {"first.weight": 0.2, "second.weight": 0.2, "conv.weight": 0.5, "last.weight": 0.9}
    kept = select(masked(), scores_of("equal"), 0.2, "layer", own={"last": 0.9, "conv": 0.5})
    assert kept.layers() == {"first": (7, 35), "second": (6, 28), "conv": (27, 54), "last": (7, 8)}


some_shapes = st.lists(
    st.lists(st.integers(1, 40), min_size=2, max_size=4).filter(lambda shape: math.prod(shape) < 50_000),
    min_size=1,
    max_size=6,
)


@given(some_shapes, st.floats(0.001, 1))
def test_erdos_renyi_kernel_densities_average_to_the_target_and_none_is_above_one(
    shapes: list[list[int]], density: float
) -> None:
    mask = Mask(
        {f"{place}.weight": torch.ones(shape, dtype=torch.bool) for place, shape in enumerate(shapes)}
    )
    densities = layer_densities(mask, density, "erk")
    assert densities is not None
    sizes = {name: tensor.numel() for name, tensor in mask.tensors.items()}
    assert all(0 < value <= 1 for value in densities.values())
    assert sum(densities[name] * sizes[name] for name in sizes) == pytest.approx(density * mask.total)
    # Below 1 all are in proportion to (sum of dimensions) / (their product), and no full one has less of it.
    share = {name: sum(tensor.shape) / tensor.numel() for name, tensor in mask.tensors.items()}
    scales = [densities[name] / share[name] for name in sizes if densities[name] < 1]
    assert scales == pytest.approx([scales[0]] * len(scales) if scales else [])
    assert all(share[name] * max(scales) >= 1 - 1e-9 for name in sizes if scales and densities[name] == 1)


def test_erdos_renyi_by_hand() -> None:
    mask = Mask(
        {"a.weight": torch.ones(10, 10, dtype=torch.bool), "b.weight": torch.ones(2, 10, dtype=torch.bool)}
    )
    assert layer_densities(mask, 0.25, "erk") == pytest.approx(
        {"a.weight": 20 / 100 * 30 / 32, "b.weight": 12 / 20 * 30 / 32}
    )
    assert layer_densities(mask, 0.5, "erk") == pytest.approx({"a.weight": 0.4, "b.weight": 1.0})


# Complaints.


@pytest.mark.parametrize("sparsity", [-0.1, 1.0, 1.5, math.nan, math.inf])
def test_sparsities_outside_are_refused(sparsity: float) -> None:
    with pytest.raises(BadInput, match=r"sparsity: .*; accepted are numbers from 0 to below 1"):
        checked_sparsity(sparsity)


@pytest.mark.parametrize("sparsity", [0.0, 0.5, 0.999999])
def test_sparsities_inside_are_taken(sparsity: float) -> None:
    assert checked_sparsity(sparsity) == sparsity


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(BadInput, match="scope: 'globl'; accepted are global, layer, erk"):
        layer_densities(masked(), 0.5, "globl")
    for scope in SCOPES:
        with pytest.raises(BadInput, match="no layer 'secnd' in this network; did you mean second"):
            layer_densities(masked(), 0.5, scope, {"secnd": 0.5})
    with pytest.raises(BadInput, match=r"no layer 'zzz' .* there are first, second, conv, last"):
        layer_densities(masked(), 0.5, "layer", {"zzz": 0.5})
    with pytest.raises(BadInput, match="scope: 'global' compares all weights with all"):
        layer_densities(masked(), 0.5, "global", {"second": 0.5})


# Han's threshold.


@given(kinds, st.floats(0, 2), st.floats(0, 2), st.floats(0.2, 1), st.integers(0, 1000))
def test_above_a_threshold_is_kept_what_is_there(
    kind: str, threshold: float, own: float, before: float, seed: int
) -> None:
    mask, scores = masked(before, seed), scores_of(kind, seed)
    kept = select_above(mask, scores, threshold, {"last": own}, collapse=True)
    for name, tensor in kept.tensors.items():
        limit = own if name == "last.weight" else threshold
        for place in np.ndindex(tuple(tensor.shape)):
            expected = bool(mask.tensors[name][place]) and float(scores[name][place]) >= limit
            assert bool(tensor[place]) == expected


def test_a_threshold_that_empties_a_layer_or_is_of_an_unknown_one_is_refused() -> None:
    scores = scores_of("equal")
    with pytest.raises(BadInput, match="nothing would be left in layer conv"):
        select_above(masked(), scores, 0.1, {"conv": 0.3})
    with pytest.raises(BadInput, match=r"no layer 'cnv' .* did you mean conv"):
        select_above(masked(), scores, 0.1, {"cnv": 0.3})
