"""A search in its run folder, from which it can be resumed however it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput, Failure, Unwritable
from ..evaluation import Evaluator
from ..evolution import Generation, Search, Snapshot
from ..files import make_folder, write_atomically
from ..formats import save
from ..genome import Population
from ..network import Network
from ..runs import Checkpoint, Manifest, RunFolder, manifest
from ..settings import render_settings
from ..tasks import Task
from .config import Config
from .generation import Generations, Step

__all__ = ["CHECKPOINT_SECONDS", "Experiment", "Progress", "write_manifest"]

CHECKPOINT_SECONDS: Final = 5.0
_EARLY: Final = {
    "target": "the champion has reached search.target ({0.target:g})",
    "patience": "no better champion in {0.patience} generations (search.patience)",
}
"""Why a search ended before its last generation, by the setting that ended it."""
_FAILURES_KEPT: Final = 1000  # network files: enough to see what is wrong


@dataclass(frozen=True)
class Progress:
    """The state of a search after a generation: what a callback is given.

    Attributes:
        row: metrics of the last generation.
        generations: how many there will be in all.
        rate: recent episodes per second.
        left: estimated seconds until the end; None after the first generation.
        population: the genomes of the generation.
        returns: float64[genomes, weights], mean returns over the episodes; NaN at weights that a genome did
            not meet in a race.
        folder: of the run.
    """

    row: Generation
    generations: int
    rate: float
    left: float | None
    population: Population
    returns: NDArray[np.float64]
    folder: Path
    _network: Callable[[Population, int, dict[str, Any]], Network]
    _champion: Callable[[], Network | None]

    @cached_property
    def champion(self) -> Network | None:
        """The best network so far; None before one has a finite return."""
        return self._champion()

    def network(self, index: int) -> Network:
        """One network of the generation, by its row in ``population`` and ``returns``."""
        return self._network(self.population, index, {"generation": self.row.generation})


class Experiment:
    """A search in its run folder.

    Attributes:
        config: its settings.
        folder: where its files are.
        search: the state of the search.
    """

    def __init__(
        self,
        config: Config,
        folder: RunFolder,
        search: Search,
        task: Task,
        before: Manifest = Manifest(),  # noqa: B008 - frozen
    ) -> None:
        self.config = config
        self.folder = folder
        self.search = search
        self._task = task
        self._before = before
        self._tell: Callable[[str], None] = lambda _: None
        self._whole = self._checkpoint()

    def run(
        self,
        evaluator: Evaluator,
        show: Callable[[Progress], None] = lambda _: None,
        stop: Callable[[], bool] = lambda: False,
        tell: Callable[[str], None] = lambda _: None,
    ) -> bool:
        """Search until it ends (``search.generations``, ``target``, ``patience``), or ``stop`` returns True.

        Args:
            evaluator: where networks are computed.
            show: called with the progress after each generation.
            stop: called before each generation.
            tell: called with a sentence about networks that could not be evaluated.

        Returns:
            Whether the search is finished.

        Raises:
            BadInput: the task fails for every network, or gives none a finite return; the checkpoint is kept.
            Failure: nothing can be evaluated any more, or the run folder cannot be written; the
                last checkpoint is whole.
            Exception: what ``show`` raises, and KeyboardInterrupt; the last whole generation is kept.
        """
        self._tell = tell
        try:
            return self._run(evaluator, show, stop)
        except Unwritable as error:
            failure = Failure(f"{error}; the last checkpoint is whole")
            failure.resume = self.folder.path
            raise failure from None
        except (BadInput, Failure) as error:
            self._save()
            if stop():
                return False  # the signal may have ended a process of the environment
            error.message += "; the checkpoint is kept"
            error.resume = self.folder.path
            raise
        except BaseException:
            self._save()
            raise

    def _run(self, evaluator: Evaluator, show: Callable[[Progress], None], stop: Callable[[], bool]) -> bool:
        write_atomically(self.folder.config, render_settings(self.config).encode())
        begun, begun_processor = time.perf_counter(), time.process_time()
        pace, saved = _Pace(self.search), begun
        if not self.search.finished:
            self.folder.clear_front()  # of an extended search: its last generation is the last no more
        generations = Generations(self.config, self._task, self.search, self._keep_failures, stop)
        while not self.search.finished and not stop():
            step = generations.step(evaluator)
            started = time.perf_counter()
            if step.front is not None:
                self._keep_front(step)
            self.folder.append(self.folder.metrics, asdict(step.row))
            self._whole = self._checkpoint()
            if time.perf_counter() - saved > CHECKPOINT_SECONDS:
                self._save()
                saved = time.perf_counter()
            step.phases.record = time.perf_counter() - started
            self.folder.append(self.folder.timing, asdict(step.phases))
            show(self._progress(step, *pace.after(step.row, self.search)))
        self._save()
        wall, processor = time.perf_counter() - begun, time.process_time() - begun_processor
        write_manifest(self.folder, self.config, self._before, wall, processor)
        if (reason := _EARLY.get(self.search.ending or "")) is not None:
            self._tell(reason.format(self.config.search))
        return self.search.finished

    def _progress(self, step: Step, rate: float, left: float | None) -> Progress:
        return Progress(
            step.row,
            self.config.search.generations,
            rate,
            left,
            step.population,
            step.returns,
            self.folder.path,
            self._network,
            self.champion,
        )

    def _checkpoint(self) -> tuple[int, Snapshot]:
        return self.search.generation, self.search.snapshot()

    def _save(self) -> None:
        """Save the search as it was after the last whole generation, whatever has interrupted it since."""
        generation, snapshot = self._whole
        self.folder.save(Checkpoint(generation, snapshot.encode()))
        network = self.champion()
        if network is not None:
            save(network, self.folder.champion)

    def champion(self) -> Network | None:
        """The best network so far."""
        champion = self.search.champion
        if champion is None:
            return None
        provenance = {
            "seed": self.config.seed,
            "generation": champion.generation,
            "selection_mean": champion.mean,
            "selection_episodes": self.config.search.champion_episodes * self.config.weights.compared,
        }
        return self._network(champion.population, 0, provenance)

    def _network(self, population: Population, index: int, provenance: dict[str, Any]) -> Network:
        task = self._task
        return Network.of_genome(
            population,
            index,
            task=task.id,
            provenance=provenance,
            interface=task.interface,
            data=task.data,
        )

    def _keep_failures(self, population: Population, failed: Mapping[int, str]) -> None:
        """Write the networks that could not be evaluated, with the reasons; they are ranked last."""
        if not failed:
            return
        generation, folder = self.search.generation, self.folder.failures
        make_folder(folder)
        room = _FAILURES_KEPT - len(list(folder.iterdir()))
        for index, reason in list(failed.items())[: max(0, room)]:
            provenance = {
                "seed": self.config.seed,
                "generation": generation,
                "individual": index,
                "failure": reason,
            }
            network = self._network(population, index, provenance)
            path = folder / f"{generation:08d}-{index:06d}.json"
            save(network, path)
        count = "a network" if len(failed) == 1 else f"{len(failed)} networks"
        reason = next(iter(failed.values()))
        self._tell(f"{count} of generation {generation} could not be evaluated ({reason}); see {folder}")

    def _keep_front(self, step: Step) -> None:
        """Write the non-dominated networks of the last generation, and their mean returns."""
        make_folder(self.folder.front)
        self.folder.clear_front()
        rows = []
        for index in np.asarray(step.front).tolist():
            connections = int(step.population.connections[index])
            mean = float(step.returns[index].mean())
            provenance = {"seed": self.config.seed, "generation": step.row.generation, "mean": mean}
            network = self._network(step.population, index, provenance)
            name = f"{connections:05d}-connections.json"
            save(network, self.folder.front / name)
            rows.append(f"{connections},{mean!r}\n")
        table = "connections,mean\n" + "".join(rows)
        write_atomically(self.folder.front / "front.csv", table.encode())


class _Pace:
    """Rate and time left, from a moving average over the last generations."""

    def __init__(self, search: Search) -> None:
        self._clock = time.perf_counter()
        self._episodes = search.evaluations
        self._seconds: float | None = None

    def after(self, row: Generation, search: Search) -> tuple[float, float | None]:
        """Recent episodes per second, and the estimated seconds left; None after the first generation."""
        now = time.perf_counter()
        seconds, episodes = now - self._clock, row.evaluations - self._episodes
        self._clock, self._episodes = now, row.evaluations
        generations, rate = search.settings.generations, episodes / seconds
        if self._seconds is None:  # the first generation may have waited for the compiler
            self._seconds = 0.0
            return rate, None
        self._seconds = 0.9 * self._seconds + 0.1 * seconds if self._seconds else seconds
        return rate, self._seconds * (generations - 1 - row.generation)


def write_manifest(
    folder: RunFolder, config: Config, before: Manifest, wall: float, processor: float
) -> None:
    """Write what the run was made with; times add to those of an interrupted part."""
    facts: dict[str, Any] = {
        "config": config.model_dump(mode="json", exclude_none=True),
        "seed": config.seed,
        "wall_seconds": round(wall + (before.wall_seconds or 0.0), 3),
        "processor_seconds": round(processor + (before.processor_seconds or 0.0), 3),
    }
    folder.write_json(folder.manifest, manifest(**facts))
