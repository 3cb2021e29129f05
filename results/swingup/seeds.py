"""Search with several seeds, and measure every champion under all conditions.

    python results/swingup/seeds.py configs/swingup.toml -o results/swingup/seeds.csv

Champions are kept with their manifests (``--keep``). A seed whose champion is there is measured without a
search; remove the champion to search again (in results/runs/seeds-CONFIG-SEED).
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import wann


def measure(config: Path, seed: int, keep: Path) -> dict[str, Any]:
    """The row of a seed's champion; the search is run if no champion is kept."""
    path = keep / f"{config.stem}-{seed}.json"
    if not path.exists():
        from wann.api import read_config  # noqa: PLC0415 - beside its only use

        run = Path(f"results/runs/seeds-{config.stem}-{seed}")
        wann.search(read_config(config, seed=seed), run=run)
        shutil.copyfile(run / "manifest.json", path.with_suffix(".manifest.json"))
        shutil.copyfile(run / "champion.json", path)
    champion = wann.load(path)
    manifest = json.loads(path.with_suffix(".manifest.json").read_text(encoding="utf-8"))
    row: dict[str, Any] = {
        "seed": seed,
        "wall_seconds": round(manifest["wall_seconds"], 1),
        "connections": champion.connections,
        "effective_connections": champion.effective_connections,
    }
    for score in wann.evaluate(champion, condition="all", seed=1_000_003):
        row[score.condition] = round(score.mean, 1)
        row[f"{score.condition}_error"] = round(score.standard_error, 1)
        row[f"{score.condition}_std"] = round(score.std, 1)
        if score.weight_std is not None:
            row[f"{score.condition}_weight_std"] = round(score.weight_std, 1)
    return row


def main() -> None:
    """Measure the seeds one after the other, a row for each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("config", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="*", default=list(range(1, 9)))
    parser.add_argument(
        "--keep", type=Path, default=Path("results/swingup/champions"), help="folder of champions"
    )
    given = parser.parse_args()
    given.keep.mkdir(parents=True, exist_ok=True)
    with given.output.open("w", encoding="utf-8") as file:
        writer = None
        for seed in given.seeds:
            row = measure(given.config, seed, given.keep)
            if writer is None:
                writer = csv.DictWriter(file, list(row), lineterminator="\n")
                writer.writeheader()
            writer.writerow(row)
            file.flush()
            sys.stderr.write(f"{row}\n")


if __name__ == "__main__":
    main()
