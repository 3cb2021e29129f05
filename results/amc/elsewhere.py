"""Evolved policies on networks, seeds and budgets that they were not found with, beside the rules.

    python results/amc/elsewhere.py CELL --seed N

The champion of a cell, which compare.py has found, compresses its own network to another budget, the network
of the next seed, and the other network, with the weight that it had at home and with the one that does best
on the validation images there. Nothing is searched for anew, and nothing is trained after pruning.
"""

from __future__ import annotations

import argparse
import csv
import json
from typing import Any, Final

import torch
from compare import CELLS, HERE, METHODS, dense_of, images

from wann import api
from wann.pruning import Compression, make_compression
from wann.pruning.training import measure
from wann.runs import manifest

SEEDS: Final = 3
BUDGETS: Final = {"lenet-5-90": 0.95, "resnet-50": 0.6}
"""Another budget for the champion of a cell."""
RULES: Final = ("uniform", "erk", "global")
OTHER: Final = {"lenet-5-90": "resnet-50", "resnet-50": "lenet-5-90"}


def tested(compression: Compression, kept: list[int]) -> dict[str, Any]:
    """Accuracy on the test images, and what is left."""
    settings, model = compression.settings, dense_of(compression.settings)
    compression.mask(kept).apply(model)
    judged = compression.judge(kept)
    return {
        "test_accuracy": measure(model, images(settings.data.name, "test")).accuracy,
        "validation_accuracy": judged.accuracy,
        "weights": judged.weights,
        "flops": judged.flops,
    }


def kept_of(compression: Compression, rates: dict[str, float]) -> list[int]:
    """What layers keep at these sparsities."""
    chosen = zip(compression.layers, compression.totals, strict=True)
    return [round((1 - rates[layer.name]) * total) for layer, total in chosen]


def row_of(source: str, seed: int, where: dict[str, Any], how: str, weight: float | None) -> dict[str, Any]:
    """One row: the rule or the policy ``how``, on the network and the budget ``where``."""
    compression = make_compression(**where)
    if how in METHODS:
        kept, weight = METHODS[how](compression, where, source, seed).kept, None
    else:
        champion = api.load(HERE / "champions" / f"{source}-{seed}.json")
        changes = [f"{key}={value}" for key, value in where.items()]
        chosen = api.rates(champion, weight=weight, changes=changes, trust=["small_resnet"])
        kept, weight = kept_of(compression, chosen.rates.rates), chosen.weight
    place = {"model": where["model"], "network_seed": where["seed"], "sparsity": where["sparsity"]}
    return {"champion": f"{source}-{seed}", **place, "how": how, "weight": weight} | tested(compression, kept)


def main() -> None:
    """Measure, write the table and what it was made with."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cell", choices=list(BUDGETS))
    parser.add_argument("--seed", type=int, required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)
    facts = json.dumps(manifest(seed=given.seed), indent=2)
    home = {**CELLS[given.cell], "seed": given.seed}
    with (HERE / "rows" / f"{given.cell}-{given.seed}.csv").open(encoding="utf-8", newline="") as file:
        weight = next(float(row["weight"]) for row in csv.DictReader(file) if row["method"] == "evolved")
    places = [
        {**home, "sparsity": BUDGETS[given.cell]},
        {**home, "seed": (given.seed + 1) % SEEDS},
        {**CELLS[OTHER[given.cell]], "seed": given.seed},
    ]
    rows = [row_of(given.cell, given.seed, places[0], rule, None) for rule in RULES]
    for place in places:
        rows.append(row_of(given.cell, given.seed, place, "policy", weight))
        rows.append(row_of(given.cell, given.seed, place, "policy, best weight there", None))
    path = HERE / "rows" / f"elsewhere-{given.cell}-{given.seed}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    path.with_suffix(".manifest.json").write_text(f"{facts}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
