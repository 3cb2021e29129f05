"""What chooses the sparsity of each layer best: rules, random search, DDPG, CMA-ES, or an evolved policy.

    python results/amc/compare.py CELL --seed N [--method NAME ...] [--train-on]

A cell is one of ``CELLS``: a network and a budget. Choices are made on the validation images that
the environment shows; rows/CELL-N.csv has test accuracy. A row takes the place of the one that was there.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import cma
import gymnasium
import numpy as np
import torch
from numpy.typing import NDArray

from wann import api
from wann.errors import BadInput
from wann.pruning import (
    Compression,
    CompressionSettings,
    Examples,
    TrainingSettings,
    prune,
    train,
    without_neurons,
)
from wann.pruning.dense import dense_model, load_examples, trained_weights
from wann.pruning.settings import DataSettings
from wann.pruning.training import measure, one_thread
from wann.runs import manifest

HERE: Final = Path(__file__).parent
EPISODES: Final = 100  # of random search, DDPG and both ways of CMA-ES
EXPLORED: Final = 40  # by DDPG with full noise; published are 400 and 100
TUNING: Final = TrainingSettings(iterations=120, rate=6e-4, measure_every=120)
CELLS: Final[dict[str, dict[str, Any]]] = {
    "lenet-5-90": {"model": "lenet-5", "sparsity": 0.9},
    "lenet-5-95": {"model": "lenet-5", "sparsity": 0.95},
    "resnet-50": {"model": "small_resnet:resnet", "sparsity": 0.5},
    "resnet-70": {"model": "small_resnet:resnet", "sparsity": 0.7},
    "lenet-5-units-70": {"model": "lenet-5", "sparsity": 0.7, "remove": "units", "budget": "flops"},
}
"""Keyword arguments of the environment by the name of the cell; the number is the share that is removed."""


@dataclass(frozen=True)
class Found:
    """What a method chose.

    Attributes:
        kept: of each layer.
        episodes: that it played, those of a final choice too; 0 for rules.
        more: columns of its own.
    """

    kept: list[int]
    episodes: int = 0
    more: dict[str, Any] | None = None


Method = Callable[[Compression, dict[str, Any], str, int], Found]


def environment_of(compression: Compression) -> Any:
    """The environment around a compression."""
    return gymnasium.make("wann_envs:wann/LayerSparsity-v0", compression=compression).unwrapped


def played(environment: Any, act: Callable[[NDArray[np.float32]], float]) -> tuple[float, list[int]]:
    """One episode: its return, and what the layers keep."""
    state, _ = environment.reset()
    over, total = False, 0.0
    while not over:
        state, reward, over, *_ = environment.step(np.array([act(state)], np.float32))
        total += reward
    return total, list(environment.kept)


# --- rules ---


def by_rule(scope: str) -> Method:
    """Every layer alike, by ERK, or the globally largest magnitudes; units: as many as the budget allows."""

    def method(compression: Compression, kwargs: dict[str, Any], cell: str, seed: int) -> Found:
        del kwargs, cell, seed
        settings = compression.settings
        model = dense_of(settings)
        if settings.remove == "weights":
            layers = prune(model, settings.sparsity, scope=scope).layers()
            return Found([layers[layer.name][0] for layer in compression.layers])
        dense, example = compression.mask(compression.totals), torch.ones(1, 784)
        limit = (1 - settings.sparsity) * compression.judge(compression.totals).flops
        for density in np.linspace(1, 0, 1000, endpoint=False):
            mask = without_neurons(model, dense, example, float(density), scope)
            tensors = [mask.tensors[layer.parameter] for layer in compression.layers[:-1]]
            kept = [int(tensor.flatten(1).any(1).sum()) for tensor in tensors]
            if compression.judge(kept).flops <= limit:
                return Found(kept)
        raise BadInput("no density meets the budget")

    return method


# --- search ---


def best_of(episodes: Sequence[tuple[float, list[int]]]) -> Found:
    """The choice with the highest return; of equal ones the first."""
    return Found(max(episodes, key=lambda one: one[0])[1], len(episodes))


def at_random(compression: Compression, kwargs: dict[str, Any], cell: str, seed: int) -> Found:
    """The best of so many episodes of uniformly random actions."""
    del kwargs, cell
    rng, environment = np.random.default_rng(seed), environment_of(compression)
    return best_of([played(environment, lambda _: rng.random()) for _ in range(EPISODES)])


def by_cma(linear: bool) -> Method:  # noqa: FBT001 - of two
    """CMA-ES over the sparsities themselves, or over a linear policy of the layers' features."""

    def method(compression: Compression, kwargs: dict[str, Any], cell: str, seed: int) -> Found:
        del kwargs, cell
        environment, tried = environment_of(compression), list[tuple[float, list[int]]]()
        layers = len(compression.totals)
        start = np.zeros(12) if linear else np.full(layers, compression.settings.sparsity)
        options: dict[str, Any] = {"seed": seed + 1, "verbose": -9}
        options |= {} if linear else {"bounds": [0, 1]}
        search = cma.CMAEvolutionStrategy(start, 1.0 if linear else 0.2, options)
        while len(tried) < EPISODES:
            asked = search.ask()
            returns = []
            for point in asked:
                steps = iter(range(layers))
                act = sigmoid_of(point) if linear else lambda _, at=point, steps=steps: at[next(steps)]
                tried.append(played(environment, act))
                returns.append(-tried[-1][0])
            search.tell(asked, returns)
        return best_of(tried)

    return method


def sigmoid_of(point: NDArray[np.float64]) -> Callable[[NDArray[np.float32]], float]:
    """A linear policy, the last weight of which is a bias."""
    return lambda state: float(1 / (1 + np.exp(-(state @ point[:-1] + point[-1]))))


def by_ddpg(compression: Compression, kwargs: dict[str, Any], cell: str, seed: int) -> Found:
    """DDPG with the published networks, noise, discount and numbers of episodes (section 4, and its code)."""
    del kwargs, cell
    if find_spec("stable_baselines3") is None:
        raise BadInput("DDPG needs stable-baselines3, which is not installed: pip install stable-baselines3")
    from stable_baselines3 import DDPG  # noqa: PLC0415 - one method of several
    from stable_baselines3.common.noise import NormalActionNoise  # noqa: PLC0415

    layers, tried = len(compression.totals), list[tuple[float, list[int]]]()
    noise = NormalActionNoise(np.zeros(1), np.zeros(1))  # none is added to what is drawn uniformly at first

    class Watched(gymnasium.Wrapper[Any, Any, Any, Any]):
        """Keeps what was tried, and lets the noise decay once exploration is over."""

        def step(self, action: Any) -> Any:
            outcome = self.env.step(action)
            if outcome[2]:
                tried.append((float(outcome[1]), list(self.unwrapped.kept)))  # type: ignore[attr-defined]
                if (learned := len(tried) - EXPLORED) >= 0:  # of actions from -1 to 1: 0.5 of sparsities
                    noise._sigma = np.ones(1) * 0.95**learned  # noqa: SLF001
            return outcome

    class TwoRates(DDPG):
        """With a learning rate for the actor and another for the critic, as published."""

        def _update_learning_rate(self, optimizers: Any) -> None:
            for optimizer, rate in zip(optimizers, (1e-4, 1e-3), strict=True):
                optimizer.param_groups[0]["lr"] = rate

    learner = TwoRates(
        "MlpPolicy",
        Watched(environment_of(compression)),
        buffer_size=100 * layers,
        learning_starts=EXPLORED * layers,
        batch_size=64,
        tau=0.01,
        gamma=1.0,
        train_freq=1,
        gradient_steps=4,
        action_noise=noise,
        policy_kwargs={"net_arch": [300, 300]},
        seed=seed,
        device="cpu",
    )
    learner.learn(EPISODES * layers)
    return best_of(tried)


def evolved(compression: Compression, kwargs: dict[str, Any], cell: str, seed: int) -> Found:
    """The champion of ``wann search``, with the shared weight that does best on the validation images.

    A search that is there already is not repeated; its seconds are those of its generations.
    """
    run = HERE.parent / "runs" / f"amc-{cell}-{seed}"
    settings = {f"task.kwargs.{name}": value for name, value in kwargs.items()}
    if not (run / "champion.json").exists():
        settings["backend.workers"] = 1
        api.search("amc/lenet-5", seed=seed, run=run, settings=settings, progress=False)
    searched = api.Run(run)
    with (run / "timing.csv").open(encoding="utf-8", newline="") as file:
        seconds = sum(
            sum(map(float, row.values())) - float(row["generation"]) for row in csv.DictReader(file)
        )
    champion = searched.champion
    (HERE / "champions").mkdir(exist_ok=True)
    api.save(champion, HERE / "champions" / f"{cell}-{seed}.json")
    weight = api.rates(champion, trust=["small_resnet"]).weight
    policy = champion.policy(weight, environment=environment_of(compression))
    _, kept = played(environment_of(compression), lambda state: float(policy.act(state)[0]))
    metrics = searched.metrics
    more = {
        "seconds": round(seconds, 1),
        "weight": weight,
        "connections": champion.effective_connections,
        "mean_over_weights": round(float(metrics["champion_mean"][-1]), 4),
    }
    return Found(kept, int(metrics["evaluations"][-1]) + 80, more)


METHODS: Final[dict[str, Method]] = {
    "uniform": by_rule("layer"),
    "erk": by_rule("erk"),
    "global": by_rule("global"),
    "random": at_random,
    "ddpg": by_ddpg,
    "cma": by_cma(linear=False),
    "cma-linear": by_cma(linear=True),
    "evolved": evolved,
}


# --- what it is worth ---


def dense_of(settings: CompressionSettings) -> torch.nn.Module:
    """The trained network."""
    model = dense_model(settings.dense)
    model.load_state_dict(trained_weights(settings.dense))
    return model.eval()


@cache
def images(name: str, part: Any) -> Examples:
    """The images of one part, read once."""
    return load_examples(DataSettings(name=name), part)


def worth(compression: Compression, kept: Sequence[int], *, train_on: bool) -> dict[str, float | None]:
    """Test accuracy after pruning, and after a short training of what is left (its last weights)."""
    settings = compression.settings
    name, mask, model = settings.data.name, compression.mask(kept), dense_of(settings)
    mask.apply(model)
    test = images(name, "test")
    pruned = measure(model, test).accuracy
    if not train_on:
        return {"test_accuracy": pruned, "tuned_test_accuracy": None}
    train(model, mask, images(name, "train"), images(name, "validation"), TUNING, settings.seed)
    return {"test_accuracy": pruned, "tuned_test_accuracy": measure(model, test).accuracy}


def row_of(cell: str, seed: int, name: str, *, train_on: bool) -> dict[str, Any]:
    """One row of the table."""
    document = {**CELLS[cell], "seed": seed}
    compression = Compression(CompressionSettings.model_validate(CompressionSettings.migrated(document)))
    began = time.perf_counter()
    found = METHODS[name](compression, document, cell, seed)
    seconds = time.perf_counter() - began
    judged = compression.judge(found.kept)
    with one_thread():
        tested = worth(compression, found.kept, train_on=train_on)
    return {
        "cell": cell,
        "seed": seed,
        "method": name,
        **tested,
        "validation_accuracy": judged.accuracy,
        "weights": judged.weights,
        "flops": judged.flops,
        "episodes": found.episodes,
        "seconds": (found.more or {}).get("seconds", round(seconds, 1)),
        **{key: (found.more or {}).get(key) for key in ("weight", "connections", "mean_over_weights")},
        "rates": json.dumps({name: round(rate, 6) for name, rate in compression.rates(found.kept).items()}),
    }


def write(row: dict[str, Any], table: Path) -> None:
    """Put a row in the place of the one before; rows keep the commit that they were made with."""
    rows = {}
    if table.exists():
        before = json.loads(table.with_suffix(".manifest.json").read_text(encoding="utf-8"))["commit"]
        with table.open(encoding="utf-8", newline="") as file:
            rows = {one["method"]: {"commit": before, **one} for one in csv.DictReader(file)}
    rows[row["method"]] = row
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[name] for name in METHODS if name in rows)


def main() -> None:
    """Measure, write the table and what it was made with."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cell", choices=list(CELLS))
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--method", nargs="+", choices=list(METHODS), default=list(METHODS))
    parser.add_argument("--train-on", action="store_true", help="measure after a short training, too")
    given = parser.parse_args()
    torch.set_num_threads(1)
    (HERE / "rows").mkdir(exist_ok=True)
    table = HERE / "rows" / f"{given.cell}-{given.seed}.csv"
    facts = manifest(seed=given.seed)
    if not table.exists():
        table.with_suffix(".manifest.json").write_text(f"{json.dumps(facts, indent=2)}\n", encoding="utf-8")
    for name in given.method:
        if name == "erk" and CELLS[given.cell].get("remove") == "units":
            continue  # ERK is a rule for weights
        row = row_of(given.cell, given.seed, name, train_on=given.train_on)
        write({**row, "commit": facts["commit"]}, table)
        print({key: value for key, value in row.items() if key != "rates"}, flush=True)  # noqa: T201
    table.with_suffix(".manifest.json").write_text(f"{json.dumps(facts, indent=2)}\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except BadInput as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
