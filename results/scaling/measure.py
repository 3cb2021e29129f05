"""What Ray costs: throughput, the driver's time, bytes, memory, and where the driver saturates.

    python results/scaling/measure.py throughput    # 3 minutes, on an idle machine of two cores or more
    python results/scaling/measure.py latency       # half a minute, on an idle machine
    python results/scaling/measure.py processor     # 2 minutes, on a busy machine too
    python results/scaling/measure.py driver        # 5 minutes
    python results/scaling/measure.py memory        # 3 minutes
    python results/scaling/measure.py saturation    # 5 minutes

Each writes a table of its name beside this file.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import ray
from sleeping import Sleeping

from wann.api import read_config
from wann.benchmark.generation import warmed_up
from wann.evaluation import BackendSettings, Evaluator, LocalEvaluator
from wann.evaluation.chunks import Evaluation
from wann.evaluation.ray import pool as worker_pool
from wann.evaluation.ray.cluster import connect
from wann.evaluation.ray.evaluator import RayEvaluator
from wann.evolution import Search, generation_weights
from wann.experiment import Progress, start_search
from wann.files import write_atomically
from wann.network import NetworkBatch, compile_population
from wann.runs import manifest
from wann.streams import Stream, episode_seeds
from wann.tasks import Trial, make_task, task_settings

HERE = Path(__file__).parent
SWING_UP = "wann/CartPoleSwingUp-v0"
GROWTH = 200  # generations before the measured ones: networks of about fifty connections


def write(name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a table and its manifest, and show it."""
    path, facts = HERE / f"{name}.csv", manifest()  # before the table: its change would be told of
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_atomically(HERE / f"{name}.manifest.json", (json.dumps(facts, indent=1) + "\n").encode())
    sys.stdout.write(path.read_text(encoding="utf-8"))


@contextmanager
def session(cores: int) -> Iterator[None]:
    """Ray on this machine; evaluators that are made meanwhile use it."""
    found = connect(BackendSettings(kind="ray", address="local"), cores)
    try:
        yield
    finally:
        found.close()


def crew(task: Any, count: int) -> RayEvaluator:
    """An evaluator, when all its workers are ready."""
    evaluator = RayEvaluator(task, BackendSettings(kind="ray", workers=count, wait_seconds=300))
    batch = grown(50, 0)[1]
    while evaluator.workers < count:
        evaluator.evaluate(batch, np.ones(1), Trial(np.zeros(1, np.int64)))
    return evaluator


def grown(population: int, generations: int = GROWTH) -> tuple[Search, NetworkBatch]:
    """A search whose networks have grown to a typical size."""
    search = warmed_up(make_task(task_settings(SWING_UP)), population, generations)[1]
    return search, compile_population(search.population)


# Throughput


def evaluate(evaluator: Evaluator, batch: NetworkBatch, repetition: int) -> float:
    """Seconds of one generation's evaluation, as the published search has it."""
    config = read_config("configs/paper/swingup.toml")
    weights = generation_weights(config.weights, 0, repetition)
    trial = Trial(episode_seeds(0, Stream.SEARCH_EPISODES, 3, repetition))
    begun = time.perf_counter()
    evaluator.evaluate(batch, weights, trial)
    return time.perf_counter() - begun


def alone(population: int, repetitions: int) -> float:
    """Seconds of so many generations on one thread: run in two processes at once, the machine's limit."""
    batch = grown(population)[1]
    with LocalEvaluator(make_task(task_settings(SWING_UP)), 1) as one:
        evaluate(one, batch, 0)
        return sum(evaluate(one, batch, repetition) for repetition in range(repetitions))


def throughput() -> None:
    """Generations on one and two threads, on one and two workers, in turn; and in two separate processes."""
    task, rows = make_task(task_settings(SWING_UP)), []
    for population, repetitions in ((192, 120), (1000, 60), (4000, 24), (16000, 10)):
        batch = grown(population)[1]
        with ProcessPoolExecutor(2) as pool:
            apart = list(pool.map(alone, [population] * 2, [repetitions] * 2))
        with (
            session(3),
            LocalEvaluator(task, 1) as one,
            LocalEvaluator(task, 2) as two,
            crew(task, 1) as worker,
            crew(task, 2) as workers,
        ):
            times = [
                [evaluate(found, batch, repetition) for found in (one, two, worker, workers)]
                for repetition in range(repetitions + 3)
            ]
        columns = np.array(times[3:]).T  # neighbours in time share what else the machine does
        medians = np.median(columns, axis=1).tolist()
        process = statistics.mean(apart) / repetitions
        row = {"population": population}
        row |= dict(zip(("one_thread", "two_threads", "one_worker", "two_workers"), medians, strict=True))
        rows.append(
            {name: value if name == "population" else round(value, 5) for name, value in row.items()}
            | {
                "two_workers_of_ideal": round(float(np.median(columns[2] / columns[3])) / 2, 3),
                "two_threads_of_ideal": round(float(np.median(columns[0] / columns[1])) / 2, 3),
                "two_processes_of_ideal": round(medians[0] / process, 3),
            }
        )
    write("throughput", rows)


# Processor time


class _Echo:
    """An actor that does nothing but tell when it was called."""

    def answer(self, message: bytes) -> float:
        del message
        return time.perf_counter()  # one clock for all processes of a machine


def latency() -> None:
    """Milliseconds of a call of an actor that does nothing: to send it, until it runs, and back."""
    rows, calls = [], 300
    with session(2):
        for size in (0, 16_000, 256_000):
            actor = ray.remote(num_cpus=1)(_Echo).remote()
            message, laps = bytes(size), []
            for _ in range(calls + 20):
                begun = time.perf_counter()
                call = actor.answer.remote(message)
                sent = time.perf_counter()
                ran = ray.get(call)
                laps.append(
                    [sent - begun, ran - sent, time.perf_counter() - ran, time.perf_counter() - begun]
                )
            ray.kill(actor)
            quartiles = np.percentile(1e3 * np.array(laps[20:]), [25, 50, 75], axis=0).round(3).T.tolist()
            rows += [
                {
                    "bytes": size,
                    "part": part,
                    "quarter_ms": low,
                    "median_ms": middle,
                    "three_quarters_ms": high,
                }
                for part, (low, middle, high) in zip(
                    ("send", "until_it_runs", "back", "whole"), quartiles, strict=True
                )
            ]
    write("latency", rows)


def processor() -> None:
    """Milliseconds of processor in a generation, of driver, workers and Ray's own processes, and messages."""
    task, rows = make_task(task_settings(SWING_UP)), []
    with session(3):
        for population, repetitions in ((192, 60), (1000, 30)):
            batch = grown(population)[1]
            with LocalEvaluator(task, 1) as one:
                evaluate(one, batch, 0)
                begun = time.thread_time()
                for repetition in range(repetitions):
                    evaluate(one, batch, repetition)
                thread = (time.thread_time() - begun) / repetitions * 1e3
            for workers in (1, 2):
                with crew(task, workers) as ray:
                    for repetition in range(5):
                        evaluate(ray, batch, repetition)
                    before = spent()
                    with counting() as count:
                        for repetition in range(repetitions):
                            evaluate(ray, batch, repetition)
                    used = [(after - at) / repetitions for at, after in zip(before, spent(), strict=True)]
                names = ("driver_ms", "workers_ms", "ray_ms")
                rows.append(
                    {"population": population, "workers": workers, "one_thread_ms": round(thread, 2)}
                    | {name: round(found, 2) for name, found in zip(names, used, strict=True)}
                    | {name: round(found / repetitions, 1) for name, found in count.items()}
                )
    write("processor", rows)


def spent() -> tuple[float, float, float]:
    """Milliseconds of processor so far: of this process, of workers below it, of all else below it."""
    totals = {"driver": 0.0, "workers": 0.0, "ray": 0.0}
    for process, kind in family():
        for thread in Path(f"/proc/{process}/task").glob("*/schedstat"):
            totals[kind] += int(thread.read_text().split()[0]) / 1e6
    return totals["driver"], totals["workers"], totals["ray"]


def family() -> list[tuple[int, str]]:
    """This process and all below it: driver, workers, and Ray's own."""
    listing = subprocess.run(
        ["/bin/ps", "-e", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    processes = [line.split(None, 2) for line in listing.splitlines()]
    found = {os.getpid()}
    while more := {int(row[0]) for row in processes if int(row[1]) in found} - found:
        found |= more
    kinds = []
    for process, _, arguments in processes:
        if int(process) in found and not arguments.startswith("/bin/ps"):
            kind = "workers" if arguments.startswith("ray::Worker") else "ray"
            kinds.append((int(process), "driver" if int(process) == os.getpid() else kind))
    return kinds


# The driver


def driver() -> None:
    """Seconds of a generation with an evaluation that takes none, and the bytes that it moves."""
    rows = []
    with session(2), crew(Sleeping(0.0), 2) as ray:
        for population in (192, 1000, 4000, 16000, 50000, 100000):
            search, _ = grown(population)
            moved, laps = [], []
            for repetition in range(8):
                with counting() as count:
                    laps.append(generation(search, ray, repetition))
                moved.append(count)
            phases = {name: statistics.median(lap[name] for lap in laps[2:]) for name in laps[0]}
            total = sum(phases.values())
            rows.append(
                {"population": population, "connections": float(np.median(search.population.connections))}
                | {f"{name}_ms": round(seconds * 1e3, 2) for name, seconds in phases.items()}
                | {
                    "total_ms": round(total * 1e3, 2),
                    "total_ms_per_1000": round(total / population * 1e6, 2),
                    "messages": int(statistics.median(count["messages"] for count in moved[2:])),
                    "bytes_sent": int(statistics.median(count["sent"] for count in moved[2:])),
                    "bytes_received": int(statistics.median(count["received"] for count in moved[2:])),
                }
            )
    write("driver", rows)


def generation(search: Search, evaluator: Evaluator, repetition: int) -> dict[str, float]:
    """The phases of one generation, in seconds."""
    config = read_config("configs/paper/swingup.toml")
    clock, laps = time.perf_counter(), {}

    def lap(name: str) -> None:
        nonlocal clock
        laps[name] = time.perf_counter() - clock
        clock += laps[name]

    batch = compile_population(search.ask())
    lap("compile")
    weights = generation_weights(config.weights, 0, repetition)
    trial = Trial(episode_seeds(0, Stream.SEARCH_EPISODES, 3, repetition))
    outcome = evaluator.evaluate(batch, weights, trial)
    lap("hand_out_and_collect")
    noise = np.random.default_rng(repetition).normal(size=outcome.returns.shape[:2])
    distance = np.abs(search.population.connections - 50)
    clock = time.perf_counter()
    search.tell(noise - distance[:, None], outcome.returns.size, int(outcome.steps.sum()))
    lap("rank_and_vary")
    return laps


@contextmanager
def counting() -> Iterator[dict[str, int]]:
    """Count messages and their bytes, both ways."""
    count = {"messages": 0, "sent": 0, "received": 0}
    message, read = Evaluation.message, worker_pool.unpack

    def send(self: Evaluation, chunk: Any) -> bytes:
        found = message(self, chunk)
        count["messages"] += 1
        count["sent"] += len(found)
        return found

    def receive(found: bytes) -> Any:
        count["received"] += len(found)
        return read(found)

    Evaluation.message, worker_pool.unpack = send, receive  # type: ignore[method-assign]
    try:
        yield count
    finally:
        Evaluation.message, worker_pool.unpack = message, read  # type: ignore[method-assign]


# Memory


def memory() -> None:
    """Resident memory of all processes, over a search whose networks grow, and over networks that do not."""
    rows: list[dict[str, Any]] = []

    def look(what: str, generation: int) -> None:
        rows.append({"what": what, "generation": generation} | resident())

    def show(progress: Progress) -> None:
        if progress.row.generation % 100 == 0:
            look("search", progress.row.generation)

    config = read_config("configs/paper/swingup.toml", ["search.generations=1001"])
    task = make_task(config.task)
    with (
        tempfile.TemporaryDirectory() as folder,
        session(2),
        crew(task, 2) as ray,
        start_search(config, Path(folder) / "run", task) as experiment,
    ):
        experiment.run(ray, show)
    batch = grown(20, 0)[1]
    with session(2), crew(Sleeping(0.0), 2) as ray:
        for generation in range(20001):
            ray.evaluate(batch, np.ones(6), Trial(np.arange(3)))
            if generation % 2000 == 0:
                look("same networks", generation)
    write("memory", rows)


def resident() -> dict[str, Any]:
    """Megabytes of the driver, of the workers and of Ray's own processes; open files of the driver."""
    found = {"driver_mb": 0.0, "workers_mb": 0.0, "ray_mb": 0.0}
    for process, kind in family():
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
        found[f"{kind}_mb"] += pages * os.sysconf("SC_PAGE_SIZE") / 2**20
    rounded = {name: round(value, 1) for name, value in found.items()}
    return rounded | {"driver_files": len(list(Path("/proc/self/fd").iterdir()))}


# Saturation


def saturation() -> None:
    """Generations of sleeping networks on more and more workers, beside what the model says.

    The model: work / workers + a + d x workers seconds. The driver serves workers one after the other, and
    until each has its first chunk, and while each hands in its last, others wait. It is fitted to the rows.
    """
    rows, population, batch = [], 4000, grown(4000)[1]
    weights, trial = np.linspace(-2.0, 2.0, 6), Trial(np.arange(3))
    for workers in (1, 2, 4, 8, 16, 32):
        with session(workers):
            for seconds in (0.0, 0.0005, 0.002):
                with crew(Sleeping(seconds), workers) as ray:
                    walls, messages = [], []
                    for _ in range(6 if workers > 2 or seconds < 0.002 else 3):
                        with counting() as count:
                            begun = time.perf_counter()
                            ray.evaluate(batch, weights, trial)
                            walls.append(time.perf_counter() - begun)
                        messages.append(count["messages"])
                wall, sent = statistics.median(walls[1:]), statistics.median(messages[1:])
                work = population * seconds
                rows.append(
                    {
                        "workers": workers,
                        "work_seconds": work,
                        "messages": int(sent),
                        "measured_ms": round(wall * 1e3, 1),
                        "of_ideal": round(work / workers / wall, 3),
                    }
                )
                sys.stderr.write(f"{rows[-1]}\n")
    busy = [row for row in rows if row["work_seconds"]]
    beyond = [row["measured_ms"] / 1e3 - row["work_seconds"] / row["workers"] for row in busy]
    terms = np.array([[1.0, row["workers"]] for row in busy])
    start, each = np.linalg.lstsq(terms, np.array(beyond), rcond=None)[0]
    sys.stderr.write(f"a = {start * 1e3:.1f} ms, d = {each * 1e3:.2f} ms\n")
    for row in rows:
        model = row["work_seconds"] / row["workers"] + start + each * row["workers"]
        row["model_ms"] = round(float(model) * 1e3, 1) if row["work_seconds"] else ""
    write("saturation", rows)


MEASUREMENTS: dict[str, Callable[[], None]] = {
    "throughput": throughput,
    "latency": latency,
    "processor": processor,
    "driver": driver,
    "memory": memory,
    "saturation": saturation,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=MEASUREMENTS, help="which table")
    MEASUREMENTS[parser.parse_args().what]()
