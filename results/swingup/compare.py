"""Compare variants of the swing-up search at equal processor time, over several seeds.

    python results/swingup/compare.py results/swingup/variants.toml -o results/swingup/comparison.csv

Each variant of the TOML file is a list of ``key=value`` changes to a configuration. Every search runs on
one thread until it has used its processor time, or for its generations; its champion is then measured over
random shared weights (100 midpoints of [-2, 2], 10 episodes each) on episodes that no search has met: the
mean over the weights, below and above |w| = 0.25, at the best weight, and for how much of the last 300 steps
the pole is up (median over the weights). Rows that the output holds already are not measured again.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
import tomllib
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from upright import upright

from wann.assessment import ControlAssessor
from wann.evaluation import LocalEvaluator
from wann.experiment import load_config, start_search
from wann.tasks import make_task

_REPORT_SEED = 1_000_003


def measure(variant: str, base: str, changes: list[str], seed: int, seconds: float) -> dict[str, Any]:
    """One search, and what its champion earns."""
    endless = ["search.generations=1000000"] if seconds else []
    config = load_config(Path(base), [*changes, f"seed={seed}", *endless])
    with tempfile.TemporaryDirectory() as folder:
        task = make_task(config.task)
        with start_search(config, Path(folder), task) as experiment, LocalEvaluator(task, 1) as evaluator:
            began = time.process_time()
            experiment.run(evaluator, stop=lambda: 0 < seconds < time.process_time() - began)
            used = time.process_time() - began
            champion = experiment.champion()
            assert champion is not None
            weights, returns = ControlAssessor(champion, evaluator, _REPORT_SEED).response()
        means = returns.mean(axis=1)
        held = upright(champion, _REPORT_SEED)
    small = np.abs(weights) < 0.25
    return {
        "variant": variant,
        "seed": seed,
        "processor_seconds": round(used, 1),
        "generations": experiment.search.generation,
        "connections": champion.connections,
        "effective_connections": champion.effective_connections,
        "random_shared": round(float(means.mean()), 1),
        "below_quarter": round(float(means[small].mean()), 1),
        "above_quarter": round(float(means[~small].mean()), 1),
        "best_shared": round(float(means.max()), 1),
        "upright": round(float(np.median(held)), 3),
    }


def main() -> None:
    """Read the variants, run them all, write a row for each search."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("variants", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--only", nargs="*", help="names of variants; all if not given")
    parser.add_argument("--seeds", type=int, nargs="*", default=list(range(1, 9)))
    parser.add_argument("--seconds", type=float, default=0.0, help="of each search; its generations if 0")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    variants = tomllib.loads(given.variants.read_text(encoding="utf-8"))
    names = given.only or list(variants)
    jobs = [
        (name, variants[name]["base"], variants[name]["set"], seed, given.seconds)
        for name in names
        for seed in given.seeds
    ]
    exists = given.output.exists()
    if exists:
        with given.output.open(encoding="utf-8") as file:
            done = {(row["variant"], int(row["seed"])) for row in csv.DictReader(file)}
        jobs = [job for job in jobs if (job[0], job[3]) not in done]
    if not jobs:
        return
    with ProcessPoolExecutor(given.workers) as pool, given.output.open("a", encoding="utf-8") as file:
        writer = None
        for row in pool.map(measure, *zip(*jobs, strict=True)):
            if writer is None:
                writer = csv.DictWriter(file, list(row), lineterminator="\n")
                if not exists:
                    writer.writeheader()
            writer.writerow(row)
            file.flush()
            sys.stderr.write(f"{row}\n")


if __name__ == "__main__":
    main()
