"""Sparsity and accuracy of the kept networks, computed again from their files with numpy alone.

python results/pruning/verify.py
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from wann.tasks import DATA_SETS

HERE: Final = Path(__file__).parent
Array = NDArray[Any]


def arrays(path: Path) -> dict[str, Array]:
    """What an npz file holds."""
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def matrix(stored: dict[str, Array], layer: str, inputs: int) -> Array:
    """A layer's weights, zeros filled in."""
    pointers = stored[f"{layer}.rows"].astype(np.int64)
    dense = np.zeros((len(pointers) - 1, inputs), np.float32)
    rows = np.repeat(np.arange(len(dense)), np.diff(pointers))
    dense[rows, stored[f"{layer}.columns"]] = stored[f"{layer}.values"]
    return dense


def outputs(stored: dict[str, Array], images: Array) -> Array:
    """Of layers in their order: convolutions of 5 x 5 with pooling first, then units."""
    layers = [name.removesuffix(".rows") for name in stored if name.endswith(".rows")]
    values: Array = images
    if layers[0].startswith("conv"):
        values = images.reshape(len(images), 1, 28, 28)
    for layer in layers:
        bias = stored[f"{layer}.bias"]
        if layer.startswith("conv"):
            windows = np.lib.stride_tricks.sliding_window_view(values, (5, 5), axis=(2, 3))
            size = windows.shape[2]
            patches = windows.transpose(0, 2, 3, 1, 4, 5).reshape(len(values), size, size, -1)
            sums = patches @ matrix(stored, layer, patches.shape[-1]).T + bias
            pooled = sums.reshape(len(values), size // 2, 2, size // 2, 2, -1).max(axis=(2, 4))
            values = np.maximum(pooled, 0).transpose(0, 3, 1, 2)
            continue
        values = values.reshape(len(values), -1)
        values = values @ matrix(stored, layer, values.shape[1]).T + bias
        if layer != layers[-1]:
            values = np.maximum(values, 0)
    return values


def main() -> None:
    """Compare with rounds.csv."""
    with (HERE / "rounds.csv").open(encoding="utf-8") as file:
        reported = {
            (row["run"], row["seed"], row["round"], row["variant"]): row for row in csv.DictReader(file)
        }
    for folder in sorted((HERE / "networks").iterdir()):
        run, _, number = folder.name.partition("-round-")
        row = reported[run, "0", str(int(number)), "pruned"]
        mask, stored = arrays(folder / "mask.npz"), arrays(folder / "sparse.npz")
        kept, total = (sum(int(count(there)) for there in mask.values()) for count in (np.sum, np.size))
        test = DATA_SETS["fashion-mnist" if run.startswith("fashion") else "mnist"].load("test", None)
        found = np.concatenate([outputs(stored, part) for part in np.split(test.pixels(), 10)])
        accuracy = float((found.argmax(axis=1) == test.labels).mean())
        assert (kept, total) == (int(row["weights"]), int(row["total"])), folder
        assert abs(accuracy - float(row["test_accuracy"])) < 2e-4, (folder, accuracy, row["test_accuracy"])
        print(f"{folder.name}: {kept:,} of {total:,} weights, accuracy {accuracy:.4f}, as reported")  # noqa: T201


if __name__ == "__main__":
    main()
