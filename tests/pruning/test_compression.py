"""AMC: its states, bounds and rewards, against the formulas and against plain networks under masks."""

from __future__ import annotations

import copy
import math
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.pruning import compressible
from tests.pruning.strangers import drawn, equal_states
from wann.errors import BadInput
from wann.files import npz_bytes
from wann.pruning import Compression, Mask, PruneConfig, PruningRun, make_compression, prune, without_neurons
from wann.pruning.budget import Budget, Cost
from wann.pruning.dense import load_examples, trained_weights
from wann.pruning.prefixes import MaskedOutputs
from wann.pruning.settings import DataSettings
from wann.pruning.state import state_of

HERE: Final = "tests.pruning.compressible"
KINDS: Final = ("pictures", "residual", "whole")
IMAGES: Final = 300


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Weights of each network, as somebody may have trained them."""
    folder = tmp_path_factory.mktemp("weights")
    for kind in KINDS:
        state = state_of(drawn(getattr(compressible, kind), 5))
        content = npz_bytes({name: tensor.numpy() for name, tensor in state.items()})
        (folder / f"{kind}.npz").write_bytes(content)
    return {kind: folder / f"{kind}.npz" for kind in KINDS}


def compressed(trained: dict[str, Path], kind: str, **settings: Any) -> Compression:
    document: dict[str, Any] = {
        "data": "digits",
        "model": f"{HERE}:{kind}",
        "weights": str(trained[kind]),
        "images": IMAGES,
        "sparsity": 0.6,
    }
    return make_compression(**{**document, **settings})


def model_of(kind: str) -> nn.Module:
    return drawn(getattr(compressible, kind), 5).eval()


def played(compression: Compression, wishes: list[float]) -> list[int]:
    """What the layers keep at these wishes."""
    kept: list[int] = []
    for _ in compression.totals:
        kept.append(compression.kept(kept, wishes[len(kept)]))
    return kept


def wishes(rng: np.random.Generator, count: int) -> list[float]:
    """Sparsities of all sizes, the extremes among them."""
    return [float(wish) for wish in np.clip(rng.uniform(-0.3, 1.3, count), 0, 1)]


# --- the bounds ---


def algorithm_1(sizes: list[int], actions: list[float], target: float, highest: float) -> list[float]:
    """He et al. 2018, algorithm 1, as it stands there, with sparsities as real numbers."""
    reduced, taken = 0.0, []
    for t, wanted in enumerate(actions):
        action = min(wanted, highest)
        rest = sum(sizes[t + 1 :])
        duty = target * sum(sizes) - highest * rest - reduced
        taken.append(max(action, duty / sizes[t]))
        reduced += taken[-1] * sizes[t]
    return taken


@given(
    sizes=st.lists(st.integers(1, 400).map(lambda n: n * 100), min_size=1, max_size=6),
    target=st.integers(0, 90).map(lambda n: n / 100),
    data=st.data(),
)
def test_weights_are_bounded_by_algorithm_1(sizes: list[int], target: float, data: st.DataObject) -> None:
    actions = data.draw(st.lists(st.integers(0, 100), min_size=len(sizes), max_size=len(sizes)))
    budget = Budget.of(Cost((1,) * len(sizes)), sizes, target, 0.9)
    kept: list[int] = []
    for action in actions:
        kept.append(budget.kept(kept, action / 100))
    expected = algorithm_1(sizes, [action / 100 for action in actions], target, 0.9)
    found = [1 - count / size for count, size in zip(kept, sizes, strict=True)]
    # Counts are whole numbers: what one layer rounds, the next one has to make up for.
    np.testing.assert_allclose(found, expected, atol=(len(sizes) + 1) / min(sizes))
    assert sum(kept) <= (1 - target) * sum(sizes) + 1e-6


def cost_of(prices: list[int], units: list[int]) -> int:
    """Of all pairs of units in neighbouring layers."""
    return sum(price * units[t] * units[t + 1] for t, price in enumerate(prices))


def test_units_are_bounded_so_that_the_rest_can_meet_the_budget() -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        totals = rng.integers(5, 60, rng.integers(1, 5)).tolist()
        prices = rng.integers(1, 30, len(totals) + 1).tolist()
        ends = (int(rng.integers(1, 9)), int(rng.integers(2, 9)))
        budget = Budget.of(Cost(tuple(prices), ends), totals, 0.6, 0.9)
        floor = [max(1, total - math.floor(0.9 * total + 1e-9)) for total in totals]
        kept: list[int] = []
        for wish in wishes(rng, len(totals)):
            limit = 0.4 * cost_of(prices, [ends[0], *totals, ends[1]]) + 1e-6
            later = floor[len(kept) + 1 :]
            tried = {
                count: cost_of(prices, [ends[0], *kept, count, *later, ends[1]])
                for count in range(totals[len(kept)] + 1)
            }
            most = max(count for count, cost in tried.items() if cost <= limit)
            assert budget.most(kept) == most
            wanted = totals[len(kept)] - round(wish * totals[len(kept)])
            kept.append(budget.kept(kept, wish))
            assert kept[-1] == max(floor[len(kept) - 1], min(wanted, most))
        assert budget.cost.of(kept) <= budget.limit


def test_a_budget_that_cannot_be_met_is_refused() -> None:
    with pytest.raises(BadInput, match=r"sparsity: 0.95 cannot be met: a sparsity of 0.9 in every layer"):
        Budget.of(Cost((1, 1)), (100, 50), 0.95, 0.9)


# --- the states ---


def test_the_state_is_the_paper_s(weights: dict[str, Path]) -> None:
    compression = compressed(weights, "pictures", sparsity=0.0)
    # t, n, c, h, w, stride, k, FLOPs of each layer, counted by hand.
    table = np.array(
        [
            [0, 6, 1, 8, 8, 1, 3, 6 * 1 * 9 * 64],
            [1, 8, 6, 4, 4, 2, 3, 8 * 6 * 9 * 1],
            [2, 12, 8, 1, 1, 0, 1, 96],
            [3, 10, 12, 1, 1, 0, 1, 120],
        ],
        np.float64,
    )
    flops = table[:, -1]
    kept: list[int] = []
    for t, sparsity in enumerate((0.5, 0.25, 0.0, 0.9)):
        state = compression.state(kept)
        assert state.dtype == np.float32
        scaled = (table[t] - table.min(axis=0)) / (table.max(axis=0) - table.min(axis=0))
        np.testing.assert_allclose(state[:8], scaled, atol=1e-6)
        removed = flops[:t] @ (1 - np.array(kept) / compression.totals[:t])
        assert state[8] == pytest.approx(removed / flops.sum(), abs=1e-6)
        assert state[9] == pytest.approx(flops[t + 1 :].sum() / flops.sum(), abs=1e-6)
        assert state[10] == pytest.approx(0.0 if t == 0 else (0.5, 0.25, 0.0)[t - 1], abs=0.01)
        kept.append(compression.kept(kept, sparsity))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("budget", ["weights", "flops"])
def test_every_state_lies_within_its_bounds(weights: dict[str, Path], kind: str, budget: str) -> None:
    compression = compressed(weights, kind, budget=budget)
    rng = np.random.default_rng(1)
    for _ in range(20):
        kept: list[int] = []
        for wish in wishes(rng, len(compression.totals)):
            state = compression.state(kept)
            assert state.shape == (11,)
            assert ((state >= 0) & (state <= 1)).all()
            kept.append(compression.kept(kept, wish))


# --- the rewards ---


def alone(model: nn.Module, mask: Mask) -> tuple[float, int, int]:
    """Accuracy, weights and multiply-adds of a network under a mask, by its weights and hooks alone."""
    masked = copy.deepcopy(model).eval()
    mask.apply(masked)
    flops = 0

    def count(module: nn.Module, _: Any, output: Tensor) -> None:
        nonlocal flops
        if isinstance(module, nn.Linear | nn.Conv2d):
            name = next(name for name, other in masked.named_modules() if other is module)
            flops += int(mask.tensors[f"{name}.weight"].sum()) * output[0].numel() // len(module.weight)

    for module in masked.modules():
        module.register_forward_hook(count)
    examples = load_examples(DataSettings(name="digits"), "validation")
    with torch.no_grad():
        masked(examples.inputs[:1])
        total, flops = flops, 0
        outputs = masked(examples.inputs[:IMAGES])
    right = (outputs.argmax(1) == examples.targets[:IMAGES]).sum()
    return int(right) / len(outputs), mask.kept, total


@pytest.mark.parametrize(("kind", "remove"), [(kind, "weights") for kind in KINDS] + [("pictures", "units")])
def test_rewards_are_those_of_the_network_under_its_mask(
    weights: dict[str, Path], kind: str, remove: str
) -> None:
    rng, model = np.random.default_rng(2), model_of(kind)
    for budget in ("weights", "flops"):
        makers = {
            reward: compressed(weights, kind, remove=remove, budget=budget, reward=reward)
            for reward in ("accuracy", "flops", "weights")
        }
        for _ in range(6):
            kept = played(makers["accuracy"], wishes(rng, len(makers["accuracy"].totals)))
            accuracy, left, flops = alone(model, makers["accuracy"].mask(kept))
            judged = {name: maker.judge(kept) for name, maker in makers.items()}
            assert judged["accuracy"].accuracy == judged["accuracy"].reward == accuracy
            assert (judged["flops"].weights, judged["flops"].flops) == (left, flops)
            assert judged["flops"].reward == pytest.approx(-(1 - accuracy) * math.log(flops))
            assert judged["weights"].reward == pytest.approx(-(1 - accuracy) * math.log(left))
            whole = alone(model, Mask.dense(model))
            spent, all_of_it = (left, whole[1]) if budget == "weights" else (flops, whole[2])
            assert spent <= 0.4 * all_of_it + 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_rates_give_pruning_the_same_mask(weights: dict[str, Path], kind: str) -> None:
    compression, model = compressed(weights, kind), model_of(kind)
    kept = played(compression, wishes(np.random.default_rng(3), len(compression.totals)))
    mask = prune(model, 0.5, scope="layer", rates=compression.rates(kept))
    mine = compression.mask(kept)
    assert all(torch.equal(mask.tensors[name], tensor) for name, tensor in mine.tensors.items())


def test_rates_of_units_give_pruning_the_same_mask(weights: dict[str, Path]) -> None:
    compression, model = compressed(weights, "pictures", remove="units"), model_of("pictures")
    assert compression.totals == (6, 8, 12)
    kept = played(compression, [0.3, 0.5, 0.6])
    own = {name: 1 - rate for name, rate in compression.rates(kept).items()}
    mask = without_neurons(model, Mask.dense(model), torch.ones(1, 64), 0.5, own=own)
    assert mask.to_bytes() == compression.mask(kept).to_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_the_same_bits_whatever_was_computed_before(kind: str) -> None:
    rng, model = np.random.default_rng(4), model_of(kind)
    names, inputs = [*Mask.dense(model).tensors], torch.rand(50, 64)
    outputs = MaskedOutputs(copy.deepcopy(model), names, inputs)
    masks = {
        name: [torch.from_numpy(rng.random(tuple(tensor.shape)) < 0.5) for _ in range(2)]
        for name, tensor in Mask.dense(model).tensors.items()
    }
    for _ in range(30):
        key = rng.integers(0, 2, len(names)).tolist()
        mask = {name: masks[name][choice] for name, choice in zip(names, key, strict=True)}
        plain = copy.deepcopy(model)
        Mask(mask).apply(plain)
        with torch.no_grad():
            assert torch.equal(outputs.of(mask, key), plain(inputs))


# --- the dense network ---

SHORT: Final = {"iterations": 30, "measure_every": 10}


def test_the_dense_network_is_the_one_that_wann_prune_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    config = PruneConfig.model_validate(
        {
            "seed": 3,
            "data": {"name": "digits"},
            "model": {"hidden": (9,)},
            "training": SHORT,
            "pruning": {"schedule": "one-shot", "sparsity": 0.5, "rewind": "none"},
        }
    )
    said: list[str] = []
    first = trained_weights(config, said.append)
    again = trained_weights(config, said.append)
    assert equal_states(first, again)
    assert len(said) == 1
    assert "training dense on digits for 30 iterations" in said[0]
    other = trained_weights(config.changed(seed=4), said.append)
    assert not equal_states(first, other)
    with PruningRun.start(config, tmp_path / "run") as run:
        assert run.run()
    kept = tmp_path / "run" / "rounds" / "00-dense" / "final.npz"
    compression = make_compression(
        seed=3, data="digits", model={"hidden": [9]}, weights=str(kept), sparsity=0.5, images=10
    )
    trained = make_compression(
        seed=3, data="digits", model={"hidden": [9]}, training=SHORT, sparsity=0.5, images=10
    )
    assert compression.mask((100, 20)).to_bytes() == trained.mask((100, 20)).to_bytes()


def test_a_damaged_cache_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    config = PruneConfig.model_validate(
        {"data": {"name": "digits"}, "model": {"hidden": ()}, "training": SHORT}
    )
    first = trained_weights(config, lambda _: None)
    (kept,) = (tmp_path / "wann" / "dense").iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-40])
    assert equal_states(trained_weights(config, lambda _: None), first)
    assert kept.read_bytes() == whole


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no layers": ({"model": f"{HERE}:empty"}, "Softmax has no Linear or Conv2d layer"),
    "no network": ({"model": f"{HERE}:nothing"}, "returns NoneType; accepted is a torch.nn.Module"),
    "no such function": ({"model": f"{HERE}:neverland"}, "cannot be made .*neverland"),
    "no such module": ({"model": "neverland:it"}, "cannot be made .*No module named 'neverland'"),
    "an unknown kind": ({"model": "lenet-6"}, "'lenet-6'; accepted are dense, lenet-5 and module:function"),
    "a layer that takes no part": ({"model": f"{HERE}:idle"}, "idle.weight takes no part"),
    "units of no sequence": ({"model": f"{HERE}:residual", "remove": "units"}, "Shortcut"),
    "weights of another network": ({"model": {"hidden": [3]}}, "other parameters than those of the network"),
    "no such weights": ({"weights": "nowhere.npz"}, "nowhere.npz"),
    "a budget that cannot be met": ({"sparsity": 0.99}, "0.99 cannot be met: a sparsity of 0.98"),
    "an unknown setting": ({"sparsty": 0.9}, "sparsty: unknown key; did you mean sparsity"),
    "an unknown reward": ({"reward": "speed"}, "reward: .*'accuracy', 'flops' or 'weights'"),
}


@pytest.mark.parametrize(("settings", "says"), BAD.values(), ids=BAD)
def test_what_cannot_be_compressed_is_refused(
    weights: dict[str, Path], settings: dict[str, Any], says: str
) -> None:
    kind = "residual" if settings.get("remove") == "units" else "pictures"
    with pytest.raises(BadInput, match=says):
        compressed(weights, kind, **settings)
