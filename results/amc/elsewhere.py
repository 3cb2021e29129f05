"""An evolved policy on a network that it was not found with.

    python results/amc/elsewhere.py CELL --seed N

The champion of a cell, which compare.py has found, compresses the other network to that one's budget: with
the shared weight that it had at home, and with the one that does best on the validation images there. Nothing
is searched for anew, and nothing is trained after pruning.
"""

from __future__ import annotations

import argparse
import csv
import json
from typing import Any, Final

import torch
from compare import CELLS, HERE, dense_of, images

from wann import api
from wann.pruning import Compression, make_compression
from wann.pruning.training import measure
from wann.runs import manifest

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


def row_of(home: str, seed: int, weight: float | None) -> dict[str, Any]:
    """One row; without a weight it is chosen there."""
    where = {**CELLS[OTHER[home]], "seed": seed}
    compression = make_compression(**where)
    champion = api.load(HERE / "champions" / f"{home}-{seed}.json")
    changes = [f"{key}={value}" for key, value in where.items()]
    chosen = api.rates(champion, weight=weight, changes=changes, trust=["small_resnet"])
    how = "best weight there" if weight is None else "weight of home"
    place = {"home": home, "there": OTHER[home], "seed": seed, "how": how, "weight": chosen.weight}
    return place | tested(compression, kept_of(compression, chosen.rates.rates))


def main() -> None:
    """Measure, write the table and what it was made with."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cell", choices=list(OTHER))
    parser.add_argument("--seed", type=int, required=True)
    given = parser.parse_args()
    torch.set_num_threads(1)
    facts = json.dumps(manifest(seed=given.seed), indent=2)
    with (HERE / "rows" / f"{given.cell}-{given.seed}.csv").open(encoding="utf-8", newline="") as file:
        weight = next(float(row["weight"]) for row in csv.DictReader(file) if row["method"] == "evolved")
    rows = [row_of(given.cell, given.seed, one) for one in (weight, None)]
    path = HERE / "rows" / f"elsewhere-{given.cell}-{given.seed}.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    path.with_suffix(".manifest.json").write_text(f"{facts}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
