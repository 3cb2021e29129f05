r"""Compare variants of a search at equal processor time or equal steps, over several seeds.

    python results/compare.py results/swingup/variants.toml -o results/swingup/ablation.csv \
        --at 60 --set search.halve_every=15 search.utility_generations=45
    python results/compare.py results/swingup/variants.toml -o results/swingup/fresh/learning.csv \
        --only whole --seeds 104 105 --at 15 30 60 120 --to-the-end --keep results/swingup/fresh
    python results/compare.py results/control/walker.toml -o results/control/walker/variants.csv \
        --seeds 1 2 3 --at 5e6 --in steps

Each variant of the TOML file is a list of ``key=value`` changes to a configuration. Every search runs on
one thread. Its champions at the given processor times (or steps of the search), and at the end of its
generations, are measured over random shared weights (100 midpoints of [-2, 2]) on episodes that no search
has met: 10 each, or 2 where environments are stepped from outside. Columns are the mean over the weights,
below and above |w| = 0.25, and at the best weight: the best of the 100 means, or where environments are
stepped the tuned shared weight on fresh episodes. Of swing-up also for how much of the last 300 steps the
pole is up (median over the weights). Searches whose last row the output holds already are not made again.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from wann.assessment import ControlAssessor, budget_of
from wann.evaluation import Evaluator, LocalEvaluator
from wann.experiment import Experiment, load_config, start_search
from wann.files import write_atomically
from wann.network import Network
from wann.runs import manifest
from wann.tasks import Task, make_task

_REPORT_SEED: Final = 1_000_003
_END: Final = "end"
_SWING_UP: Final = "wann/CartPoleSwingUp-v0"


@dataclass(frozen=True)
class Job:
    """One search.

    Attributes:
        variant: its name.
        base: the configuration.
        changes: to the configuration, ``key=value``.
        seed: of the search.
        at: processor seconds, or steps, at which the champion is measured.
        in_steps: whether these are steps.
        whole: whether it goes on to its last generation, instead of ending with the last of ``at``.
        keep: folder for the last champion and its manifest.
    """

    variant: str
    base: Path
    changes: tuple[str, ...]
    seed: int
    at: tuple[float, ...]
    in_steps: bool
    whole: bool
    keep: Path | None


class Marks:
    """The champions at some times; as ``stop`` of a search it ends it after the last one.

    Attributes:
        kept: of each the time asked for, the processor seconds and steps reached, its generation, and itself.
    """

    def __init__(self, experiment: Experiment, job: Job) -> None:
        self.kept: list[tuple[float | str, float, int, int, Network]] = []
        self._experiment = experiment
        self._left = list(job.at)
        self._in_steps = job.in_steps
        self._whole = job.whole
        self._began = time.process_time()

    def __call__(self) -> bool:
        """Keep the champion when a time has come; whether it was the last."""
        used = time.process_time() - self._began
        while self._left and (self._experiment.search.steps if self._in_steps else used) >= self._left[0]:
            self._keep(self._left.pop(0), used)
        return not self._left and not self._whole

    def end(self) -> None:
        """Keep the champion of a whole search."""
        if self._whole:
            self._keep(_END, time.process_time() - self._began)

    def _keep(self, mark: float | str, used: float) -> None:
        champion = self._experiment.champion()
        assert champion is not None
        search = self._experiment.search
        self.kept.append((mark, used, search.steps, search.generation, champion))


def searched(job: Job) -> list[dict[str, Any]]:
    """One search, and a row for each of its champions that is measured."""
    endless = [] if job.whole else ["search.generations=1000000"]
    config = load_config(job.base, [*job.changes, f"seed={job.seed}", "backend.workers=1", *endless])
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        task = make_task(config.task)
        with start_search(config, run, task) as experiment, LocalEvaluator(task, 1) as evaluator:
            marks = Marks(experiment, job)
            experiment.run(evaluator, stop=marks)
            marks.end()
            rows = [measured(job, *mark, task, evaluator) for mark in marks.kept]
        if job.keep is not None:
            stem = job.keep / f"{job.variant}-{job.seed}"
            shutil.copyfile(run / "manifest.json", stem.with_suffix(".manifest.json"))
            shutil.copyfile(run / "champion.json", stem.with_suffix(".json"))
    return rows


def measured(
    job: Job,
    mark: float | str,
    used: float,
    steps: int,
    generation: int,
    champion: Network,
    task: Task,
    evaluator: Evaluator,
) -> dict[str, Any]:
    """The row of a champion."""
    assessor = ControlAssessor(champion, evaluator, _REPORT_SEED, budget_of(task))
    weights, returns = assessor.response()
    means = returns.mean(axis=1)
    small = np.abs(weights) < 0.25
    row = {
        "variant": job.variant,
        "seed": job.seed,
        "at": mark,
        "processor_seconds": round(used, 1),
        **({"steps": steps} if job.in_steps else {}),
        "generations": generation,
        "connections": champion.connections,
        "effective_connections": champion.effective_connections,
        "random_shared": round(float(means.mean()), 1),
        "below_quarter": round(float(means[small].mean()), 1),
        "above_quarter": round(float(means[~small].mean()), 1),
        "best_shared": round(assessor.tuned_shared().mean if task.stepped else float(means.max()), 1),
    }
    if task.id == _SWING_UP:
        from swingup.upright import upright  # noqa: PLC0415 - compiles a kernel of its own

        row["upright"] = round(float(np.median(upright(champion, _REPORT_SEED))), 3)
    return row


def main() -> None:
    """Read the variants, run them all, write the rows of each search."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("variants", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--only", nargs="*", help="names of variants; all if not given")
    parser.add_argument("--seeds", type=int, nargs="*", default=list(range(1, 9)))
    parser.add_argument("--at", type=float, nargs="*", default=[], help="when champions are measured")
    parser.add_argument("--in", choices=["seconds", "steps"], default="seconds", dest="unit", help="of --at")
    parser.add_argument(
        "--to-the-end", action="store_true", help="make all generations, and measure then too"
    )
    parser.add_argument("--set", nargs="*", default=[], help="changes to every variant, key=value")
    parser.add_argument("--keep", type=Path, help="folder for the last champions")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    if not (given.at or given.to_the_end):
        parser.error("give --at, --to-the-end, or both")
    variants = tomllib.loads(given.variants.read_text(encoding="utf-8"))
    jobs = [
        Job(
            name,
            Path(variants[name]["base"]),
            (*given.set, *variants[name]["set"]),
            seed,
            tuple(sorted(given.at)),
            given.unit == "steps",
            given.to_the_end,
            given.keep,
        )
        for name in given.only or variants
        for seed in given.seeds
    ]
    done = finished(given.output, _END if given.to_the_end else str(max(given.at)))
    run([job for job in jobs if (job.variant, job.seed) not in done], given.output, given.workers)
    facts = json.dumps(manifest(), indent=1) + "\n"
    write_atomically(given.output.with_suffix(".manifest.json"), facts.encode())


def finished(table: Path, last: str) -> set[tuple[str, int]]:
    """Variants and seeds whose last row a table holds."""
    if not table.exists():
        return set()
    with table.open(encoding="utf-8") as file:
        return {(row["variant"], int(row["seed"])) for row in csv.DictReader(file) if row["at"] == last}


def run(jobs: Sequence[Job], table: Path, workers: int) -> None:
    """Make the searches side by side; the rows of each are appended when it is done."""
    with ProcessPoolExecutor(workers) as pool, table.open("a", encoding="utf-8", newline="") as file:
        writer: csv.DictWriter[str] | None = None
        for future in as_completed([pool.submit(searched, job) for job in jobs]):
            for row in future.result():
                if writer is None:
                    writer = csv.DictWriter(file, list(row), lineterminator="\n")
                    if not file.tell():
                        writer.writeheader()
                writer.writerow(row)
                sys.stderr.write(f"{row}\n")
            file.flush()


if __name__ == "__main__":
    main()
