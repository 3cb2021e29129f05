"""Searches whose workers and nodes are killed at random leave the bytes of one that nobody disturbed.

    python results/scaling/killing.py                           # 50 repetitions of each scenario: an hour
    python results/scaling/killing.py --repetitions 3 --keep    # three of each; the table stays as it is

Scenarios, each on a Ray cluster of two nodes of one core on this machine, while four processes keep its
cores busy:

- ``workers``: at random moments a random worker is killed with SIGKILL.
- ``nodes``: at random moments a random node ends, politely or not, and another one comes.
- ``guilty``: as ``workers``, and some networks kill each worker that plays them. They, and no others, are
  given up, as where they raise an error on one thread.
"""

from __future__ import annotations

import argparse
import csv
import json
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
import ray
from numpy.typing import NDArray
from ray.cluster_utils import Cluster

from wann.evaluation import BackendSettings, Evaluator, LocalEvaluator
from wann.evaluation.ray.evaluator import RayEvaluator
from wann.experiment import Progress, parse_config, start_search
from wann.files import write_atomically
from wann.kernels.forward import Program
from wann.runs import manifest
from wann.tasks import Job, Outcome, Task, Trial, make_task

HERE: Final = Path(__file__).parent
SCENARIOS: Final = ("workers", "nodes", "guilty")
BLOWS: Final = 4  # in each search, at random moments of random generations
CONFIG: Final = parse_config(
    {
        "seed": 9,
        "task": {"id": "wann/CartPoleSwingUp-v0", "episodes": 3, "episode_limit": 500},
        "search": {"population": 96, "generations": 60, "tournament": 4, "champion_episodes": 4},
    }
)


@dataclass(frozen=True)
class Deadly:
    """Swing-up that some networks cannot be played on.

    Attributes:
        task: the environment.
        rarity: one network in so many is guilty, about.
        deed: what comes of it: ``die`` or ``raise``.
    """

    task: Task
    rarity: int
    deed: str

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.task, name)

    def job(self, program: Program, weights: NDArray[np.float64], trial: Trial) -> Job:
        """See ``wann.tasks.Task``."""
        job = self.task.job(program, weights, trial)
        ends = program.edge_rows[program.node_rows].tolist()
        guilty = any(self._guilty(program.source[begin:end]) for begin, end in pairwise(ends))
        return _Doomed(self.deed, job.units, job.grain, job.outcome) if guilty else job

    def _guilty(self, sources: NDArray[np.int32]) -> bool:
        """By the structure of a network alone; small ones are spared, for a worker begins with one."""
        return len(sources) > 6 and zlib.crc32(sources.astype("<i8").tobytes()) % self.rarity == 0


@dataclass(frozen=True)
class _Doomed:
    deed: str
    units: int
    grain: int
    outcome: Outcome

    def run(self, begin: int, end: int) -> None:
        if self.deed == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        raise ArithmeticError(f"one of {end - begin} is guilty")


class Nodes:
    """Nodes of one core each, beside a head that has none."""

    def __init__(self, count: int) -> None:
        # With Ray's own lowest priority, workers would hardly be run beside processes that are busy.
        os.environ.setdefault("RAY_worker_niceness", "0")
        head = {"num_cpus": 0, "include_dashboard": False}
        self._cluster = Cluster(initialize_head=True, head_node_args=head, shutdown_at_exit=False)
        self.address: str = self._cluster.address
        self._running: list[Any] = []
        for _ in range(count):
            self._add()

    def _add(self) -> None:
        while True:
            try:
                self._running.append(self._cluster.add_node(num_cpus=1))
            except Exception:  # noqa: BLE001, S112 - all that Ray says of 30 s without a raylet
                continue
            return

    def replace(self, fate: random.Random) -> None:
        """End any of them, and begin another."""
        node = self._running.pop(fate.randrange(len(self._running)))
        self._cluster.remove_node(node, allow_graceful=fate.random() < 0.5)
        self._add()

    def close(self) -> None:
        """End them all."""
        ray.shutdown()
        self._cluster.shutdown()


def kill_a_worker(fate: random.Random) -> None:
    """Kill any worker of this process, at work or still preparing."""
    listing = subprocess.run(
        ["/bin/ps", "-e", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    processes = [line.split(None, 2) for line in listing.splitlines()]
    family = {os.getpid()}
    while more := {int(row[0]) for row in processes if int(row[1]) in family} - family:
        family |= more
    found = sorted(
        int(row[0]) for row in processes if int(row[0]) in family and row[2].startswith("ray::Worker")
    )
    if found:
        os.kill(fate.choice(found), signal.SIGKILL)


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Keep so many processes computing."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


class Blows:
    """What happens to a search at some moments, each a little after a generation began."""

    def __init__(self, scenario: str, nodes: Nodes, seed: int) -> None:
        self._fate = random.Random(seed)  # noqa: S311 - who is killed is no secret
        self._moments = set(self._fate.sample(range(1, CONFIG.search.generations), BLOWS))
        self._strike = kill_a_worker if scenario != "nodes" else nodes.replace
        self._pool = ThreadPoolExecutor(1)
        self._struck: list[Future[None]] = []

    def show(self, progress: Progress) -> None:
        """Be told of a generation."""
        if progress.row.generation in self._moments:
            wait(self._struck)
            self._struck.append(self._pool.submit(self._later, self._fate.uniform(0.0, 0.1)))

    def _later(self, seconds: float) -> None:
        time.sleep(seconds)
        self._strike(self._fate)

    def end(self) -> int:
        """Wait for the last one; how many there were."""
        for struck in self._struck:
            struck.result()
        self._pool.shutdown()
        return len(self._struck)


def searched(task: Any, run: Path, evaluator: Evaluator, blows: Blows | None = None) -> dict[str, bytes]:
    """What a search leaves: its bytes, and the networks that were given up, without the reasons."""
    with start_search(CONFIG, run, task) as experiment:
        experiment.run(evaluator, blows.show if blows else lambda _: None)
    found = {name: (run / name).read_bytes() for name in ("metrics.csv", "champion.json")}
    for path in sorted(run.glob("failures/*.json")):
        document = json.loads(path.read_text(encoding="utf-8"))
        document["provenance"].pop("failure")
        found[path.name] = json.dumps(document).encode()
    return found


def measured(scenario: str, repetitions: int, nodes: Nodes, folder: Path) -> dict[str, Any]:
    """Repetitions of a scenario beside one undisturbed search on one thread."""
    swing_up = make_task(CONFIG.task)
    rarity = 200
    task: Any = Deadly(swing_up, rarity, "die") if scenario == "guilty" else swing_up
    harmless: Any = Deadly(swing_up, rarity, "raise") if scenario == "guilty" else swing_up
    settings = BackendSettings(
        kind="ray", address=nodes.address, wait_seconds=300, attempts=1 if scenario == "guilty" else 3
    )
    with LocalEvaluator(harmless, 1) as one:
        expected = searched(harmless, folder / "undisturbed", one)
    same = struck = 0
    lost: list[str] = []
    for repetition in range(repetitions):
        blows = Blows(scenario, nodes, repetition)
        with RayEvaluator(task, settings, lost.append) as evaluator:
            found = searched(task, folder / f"{repetition}", evaluator, blows)
        struck += blows.end()
        same += found == expected
        sys.stderr.write(f"{scenario} {repetition}: {'same bytes' if found == expected else 'OTHER BYTES'}\n")
    return {
        "scenario": scenario,
        "repetitions": repetitions,
        "same_bytes": same,
        "killed_by_us": struck,
        "workers_lost_at_work": sum("was lost" in sentence for sentence in lost),
        "workers_lost_before": sum(" failed (" in sentence for sentence in lost),
        "networks_given_up_each_time": len(expected) - 2,
    }


def write(row: Mapping[str, Any]) -> None:
    """Write a scenario's row of the table, and its manifest; rows of other scenarios stay."""
    table, rows = HERE / "killing.csv", {}
    if table.exists():
        with table.open(encoding="utf-8", newline="") as file:
            rows = {kept["scenario"]: kept for kept in csv.DictReader(file)}
    rows[row["scenario"]] = dict(row)
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[scenario] for scenario in SCENARIOS if scenario in rows)
    facts = (json.dumps(manifest(), indent=1) + "\n").encode()
    write_atomically(HERE / f"killing-{row['scenario']}.manifest.json", facts)


def main() -> int:
    """Run the scenarios; 1 where any search left other bytes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scenarios", nargs="*", default=SCENARIOS, help="which; all of them")
    parser.add_argument("--repetitions", type=int, default=50, help="of each (50)")
    parser.add_argument("--load", type=int, default=4, help="processes that keep the cores busy (4)")
    parser.add_argument("--keep", action="store_true", help="keep the committed table")
    arguments = parser.parse_args()
    logging.getLogger("ray").setLevel(logging.ERROR)
    same = True
    nodes = Nodes(2)
    try:
        with tempfile.TemporaryDirectory() as folder, busy(arguments.load):
            for scenario in arguments.scenarios:
                row = measured(scenario, arguments.repetitions, nodes, Path(folder) / scenario)
                same = same and row["same_bytes"] == row["repetitions"]
                sys.stdout.write(f"{row}\n")
                sys.stdout.flush()
                if not arguments.keep:
                    write(row)
    finally:
        nodes.close()
    return int(not same)


if __name__ == "__main__":
    sys.exit(main())
