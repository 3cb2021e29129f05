"""All measurements of a benchmark, as JSON and as tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from ..kernels.lanes import LANES
from ..runs import manifest
from .generation import PHASES, GenerationRow, measure_generations
from .images import TASK as IMAGES
from .images import ImageRow, Limits, measure_images
from .rollout import TASK, RolloutRow, measure_rollouts
from .stepping import STEPPED, SteppingRow, measure_stepping

__all__ = ["BenchmarkTable", "Effort", "Report", "run_benchmark"]


@dataclass(frozen=True)
class Effort:
    """How much is measured.

    Attributes:
        sizes: connections of the networks whose rollout is timed.
        steps: steps of a timed episode.
        populations: population sizes of the timed generations.
        growth: untimed generations in which the networks grow before.
        repetitions: timed repetitions of each rollout.
        generations: timed generations of each population.
        images: generations of a search on images at which its population is measured.
        image_population: population size of that search.
        stepped: environments and the libraries that step them.
        stepped_population: number of networks evaluated on these.
    """

    sizes: tuple[int, ...] = (10, 52, 150, 300)
    steps: int = 1000
    populations: tuple[int, ...] = (192, 1000)
    growth: int = 200
    repetitions: int = 15
    generations: int = 7
    images: tuple[int, ...] = (0, 100, 1000)
    image_population: int = 960
    stepped: tuple[tuple[str, str], ...] = STEPPED
    stepped_population: int = 48


class BenchmarkTable(NamedTuple):
    """A table to print; each row has as many cells as the header."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Report:
    """The measurements, and the machine they were made on.

    Attributes:
        machine: processor, cores, versions; plain JSON values.
        rollouts: nanoseconds per step, a row for each network.
        generations: seconds per generation, a row for each population.
        images: classification of images, a row for each measured generation.
        limits: lower bounds of this machine for images; None without images.
        stepping: steps per second, a row for each environment and library.
        notes: what could not be measured, and why.
    """

    machine: dict[str, Any]
    rollouts: tuple[RolloutRow, ...]
    generations: tuple[GenerationRow, ...]
    images: tuple[ImageRow, ...]
    limits: Limits | None
    stepping: tuple[SteppingRow, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """All measurements as plain JSON values; null where there is none."""
        rollouts = [
            {**asdict(row), "speedup": row.speedup, "ratio_to_c": row.ratio_to_c} for row in self.rollouts
        ]
        generations = [
            {**asdict(row), "seconds": row.seconds, "overhead": row.overhead} for row in self.generations
        ]
        images = [
            {**asdict(row), "speedup": row.speedup, "generation_seconds": row.whole.seconds}
            for row in self.images
        ]
        return {
            "task": TASK,
            "lanes": LANES,
            "machine": self.machine,
            "rollouts": rollouts,
            "generations": generations,
            "images": images,
            "limits": None if self.limits is None else asdict(self.limits),
            "stepping": [{**asdict(row), "share": row.share} for row in self.stepping],
            "notes": list(self.notes),
        }

    def tables(self) -> tuple[BenchmarkTable, ...]:
        """The tables to print, without columns that have no measurement."""
        tables = [_rollout_table(self.rollouts), _generation_table(self.generations)]
        if self.limits is not None:
            tables.append(_image_table(self.images, self.limits))
        if self.stepping:
            tables.append(_stepping_table(self.stepping))
        return tuple(tables)


def run_benchmark(show: Callable[[str], None], effort: Effort | None = None) -> Report:
    """Measure the throughput of this machine.

    Args:
        show: called with a few words on what is measured next.
        effort: how much is measured; the default takes about three minutes.
    """
    effort = effort or Effort()
    rollouts, note = measure_rollouts(effort.sizes, effort.steps, effort.repetitions, show)
    generations = measure_generations(effort.populations, effort.growth, effort.generations, show)
    images, limits, missing = measure_images(effort.images, effort.image_population, effort.generations, show)
    stepping, skipped = measure_stepping(effort.stepped, effort.stepped_population, 2, show)
    facts = manifest()
    machine = {**facts["machine"], "python": facts["python"], "packages": facts["packages"]}
    notes = [reason for reason in (note, missing, *skipped) if reason is not None]
    if any(row.threads is None for row in generations):
        notes.append("two threads: not measured, this process may use one core only")
    return Report(machine, rollouts, generations, images, limits, stepping, tuple(notes))


def _rollout_table(measured: tuple[RolloutRow, ...]) -> BenchmarkTable:
    header = ["connections", "hidden nodes", "numpy (published)", "wann", "numpy / wann"]
    compiled = any(row.compiled is not None for row in measured)
    if compiled:
        header += ["straight-line C", "wann / C"]
    rows = []
    for row in measured:
        cells = [str(row.connections), str(row.hidden), f"{row.published:,.0f} ns", f"{row.kernel:.1f} ns"]
        cells.append(f"{row.speedup:,.0f}")
        if compiled:
            cells.append("" if row.compiled is None else f"{row.compiled:.1f} ns")
            cells.append("" if row.ratio_to_c is None else f"{row.ratio_to_c:.2f}")
        rows.append(tuple(cells))
    caption = f"{TASK}: one step of one episode under one weight, one core, {LANES} episodes at once"
    return BenchmarkTable(caption, tuple(header), tuple(rows))


def _generation_table(measured: tuple[GenerationRow, ...]) -> BenchmarkTable:
    header = ["population", "connections", *PHASES, "overhead"]
    threaded = any(row.threads is not None for row in measured)
    if threaded:
        header.append("two threads")
    rows = []
    for row in measured:
        times = [f"{1e3 * getattr(row, phase):.2f} ms" for phase in PHASES]
        cells = [f"{row.population:,}", f"{row.connections:.0f}", *times, f"{row.overhead:.1%}"]
        if threaded:
            cells.append("" if row.threads is None else f"{row.threads:.2f}x")
        rows.append(tuple(cells))
    steps = ", ".join(f"{row.steps:.0f}" for row in measured)
    caption = f"{TASK}: one generation on one core, episodes of {steps} steps"
    return BenchmarkTable(caption, tuple(header), tuple(rows))


def _image_table(measured: tuple[ImageRow, ...], limits: Limits) -> BenchmarkTable:
    header = (
        "generation", "connections", "numpy (published)", "wann", "numpy / wann", "saved by sharing",
        "ns per connection and image", *PHASES, "whole, two threads",
    )  # fmt: skip
    rows = []
    for row in measured:
        whole = row.whole
        times = [f"{1e3 * getattr(whole, phase):.1f} ms" for phase in PHASES]
        threads = 1.0 if whole.threads is None else whole.threads
        together = whole.seconds - whole.evaluate + whole.evaluate / threads
        rows.append(
            (
                f"{row.generation:,}",
                f"{whole.connections:.0f}",
                f"{1e3 * row.published:.2f} ms",
                f"{1e6 * row.kernel:.1f} us",
                f"{row.speedup:,.0f}",
                f"{row.saved:.1%}",
                f"{row.term:.3f}",
                *times,
                f"{1e3 * together:.0f} ms",
            )
        )
    caption = (
        f"{IMAGES}, {measured[0].whole.population} networks, 6 weights, 1,000 images: a network and weight, "
        f"and a whole generation; at best {limits.vector:.3f} ns per connection and image from the nearest "
        f"cache, {limits.memory:.3f} from memory"
    )
    return BenchmarkTable(caption, header, tuple(rows))


def _stepping_table(measured: tuple[SteppingRow, ...]) -> BenchmarkTable:
    header = ("environment", "library", "environment alone", "wann", "environment's share", "wann, all cores")
    rows = tuple(
        (
            row.task,
            row.library,
            f"{row.bare:,.0f}",
            f"{row.played:,.0f}",
            f"{row.share:.1%}",
            "" if row.together is None else f"{row.together:,.0f}",
        )
        for row in measured
    )
    return BenchmarkTable("steps per second, one thread, the same episodes", header, rows)
