"""How far each criterion prunes LeNet-300-100 before training until a layer is empty: collapse.csv.

    python results/pruning/collapse.py

WANN_DATA names the folder with mnist/, unless it is in the cache already. About a minute.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Final

import torch

from wann.pruning import CRITERIA, Chain, ModelSettings, make_model, prune
from wann.streams import Stream, generator
from wann.tasks import DATA_SETS

SEEDS: Final = (0, 1, 2)
EXPONENTS: Final = (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 4.95)
WEIGHTS: Final = 266_200


def main() -> None:
    """Prune and count; nothing is trained."""
    torch.set_num_threads(1)
    train = DATA_SETS["mnist"].load("train", None)
    with Path(__file__).with_name("collapse.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(
            (
                "criterion",
                "log10_compression",
                "seed",
                "kept",
                "hidden1",
                "hidden2",
                "output",
                "on_a_path",
                "dead_layers",
            )
        )
        for name in ("random", "magnitude", "snip", "grasp", "synflow"):
            for seed in SEEDS:
                model = make_model(ModelSettings(), 28, 10, generator(seed, Stream.PRUNING_WEIGHTS))
                order = torch.from_numpy(generator(seed, Stream.PRUNING_EXAMPLES).permutation(55_000)[:1000])
                inputs = torch.from_numpy(train.pixels())[order]
                batches = [(inputs, torch.from_numpy(train.labels)[order])]
                for exponent in EXPONENTS:
                    kept = max(3, round(WEIGHTS / 10**exponent))
                    mask = prune(
                        model,
                        1 - kept / WEIGHTS,
                        name,
                        batches=batches,
                        rng=generator(seed, Stream.PRUNING_SCORES),
                        collapse=True,
                    )
                    path = Chain.of(model, mask, inputs[:8]).compacted().connections
                    layers = [left for left, _ in mask.layers().values()]
                    writer.writerow((name, exponent, seed, mask.kept, *layers, path, len(mask.emptied())))
            print(name, CRITERIA[name].source)  # noqa: T201


if __name__ == "__main__":
    main()
