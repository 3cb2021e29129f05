"""Compare searches on MNIST at 16 x 16 from nothing and from what pruning left, at equal processor time.

    WANN_DATA=... python results/seed-from/mnist.py --seeds 11 12 13 --seconds 45

Every search runs on one thread. Its champion is measured on the 10,000 test images.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from wann.assessment import ImageAssessor
from wann.evaluation import LocalEvaluator
from wann.experiment import Config, load_config, start_search
from wann.files import write_atomically
from wann.runs import manifest
from wann.tasks import ClassificationTask, make_task

HERE: Final = Path(__file__).parent
BASE: Final = HERE.parents[1] / "configs" / "mnist-16.toml"
VARIANTS: Final = {
    "fresh": (),
    "seeded": (f"search.seed_from={HERE / 'pruned-mnist-16.json'}", "search.initial_mutations=1"),
}


def searched(variant: str, config: Config, seconds: float) -> dict[str, Any]:
    """A search that ends with the generation in which the processor time is over, and its champion's row."""
    task = make_task(config.task)
    assert isinstance(task, ClassificationTask)
    began = time.process_time()
    with (
        tempfile.TemporaryDirectory() as folder,
        start_search(config, Path(folder) / "run", task) as experiment,
        LocalEvaluator(task, 1) as evaluator,
    ):
        experiment.run(evaluator, stop=lambda: time.process_time() - began >= seconds)
        used, champion = time.process_time() - began, experiment.champion()
    assert champion is not None
    assessor = ImageAssessor(champion, task, config.seed)
    return {
        "variant": variant,
        "seed": config.seed,
        "processor_seconds": round(used, 1),
        "generations": experiment.search.generation,
        "connections": champion.connections,
        "effective_connections": champion.effective_connections,
        "random_shared": round(100 * assessor.shared().accuracy, 2),
        "ensemble": round(100 * assessor.ensemble().accuracy, 2),
    }


def main() -> None:
    """Search, measure, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    facts = manifest()
    with (HERE / "mnist.csv").open("w", encoding="utf-8", newline="") as file:
        writer: csv.DictWriter[str] | None = None
        for seed in given.seeds:
            for variant, changes in VARIANTS.items():
                config = load_config(BASE, [f"seed={seed}", "backend.workers=1", *changes])
                row = searched(variant, config, given.seconds)
                sys.stderr.write(f"{row}\n")
                if writer is None:
                    writer = csv.DictWriter(file, list(row), lineterminator="\n")
                    writer.writeheader()
                writer.writerow(row)
                file.flush()
    write_atomically(HERE / "mnist.manifest.json", (json.dumps(facts, indent=1) + "\n").encode())


if __name__ == "__main__":
    main()
