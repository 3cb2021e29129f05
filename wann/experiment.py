"""The wiring of a search: configuration -> task, evaluator, search, run folder. They meet only here."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .config import Config, load_config, render_config
from .errors import BadInput, Failure, Unwritable
from .evaluation import BackendSettings, Evaluator
from .evolution import Generation, Search, generation_weights, selection_weights
from .files import make_folder, write_atomically
from .formats.network_json import render, to_document
from .genome import Population
from .network import Network, compile_population
from .runs import Checkpoint, Manifest, RunFolder, manifest, read_manifest
from .streams import Stream, episode_seeds
from .tasks import Task, Trial, make_task, mean_over_episodes

__all__ = ["Experiment", "Phases", "Progress", "resume_search", "start_search"]

_CHECKPOINT_SECONDS: Final = 5.0
_FAILURES_KEPT: Final = 1000  # network files: enough to see what is wrong


@dataclass
class Phases:
    """Seconds that a generation spent: a row of timing.csv."""

    generation: int = 0
    compile: float = 0.0
    evaluate: float = 0.0
    champion: float = 0.0
    vary: float = 0.0
    record: float = 0.0


@dataclass(frozen=True)
class Progress:
    """What is shown while a search runs.

    Attributes:
        row: what the last generation earned.
        generations: how many there will be.
        rate: episodes per second of late.
        left: seconds until the end, estimated from the pace of late; None before there is one.
    """

    row: Generation
    generations: int
    rate: float
    left: float | None


class Experiment:
    """A search in its run folder.

    Attributes:
        config: what was asked for.
        folder: where everything is kept.
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

    def run(
        self,
        evaluator: Evaluator,
        show: Callable[[Progress], None] = lambda _: None,
        stop: Callable[[], bool] = lambda: False,
        tell: Callable[[str], None] = lambda _: None,
    ) -> bool:
        """Search until the last generation, or until ``stop``; True if it came to the end.

        Args:
            evaluator: where networks are computed.
            show: told the progress after each generation.
            stop: asked before each generation.
            tell: told in a sentence of networks that could not be evaluated.

        Raises:
            BadInput: the task fails for every network, or gives none a finite return; the checkpoint is kept.
            Failure: nothing can be evaluated any more, or the run folder cannot be written; the
                last checkpoint is whole.
        """
        self._tell = tell
        try:
            return self._run(evaluator, show, stop)
        except Unwritable as error:
            raise Failure(
                f"{error}; the last checkpoint is whole, go on with `wann resume {self.folder.path}`"
            ) from None
        except (BadInput, Failure) as error:
            self._save()
            raise type(error)(
                f"{error}; the checkpoint is kept, go on with `wann resume {self.folder.path}`"
            ) from None

    def _run(self, evaluator: Evaluator, show: Callable[[Progress], None], stop: Callable[[], bool]) -> bool:
        write_atomically(self.folder.config, render_config(self.config).encode())
        begun, begun_processor = time.perf_counter(), time.process_time()
        pace = _Pace(self.search)
        saved = time.perf_counter()
        while not self.search.finished and not stop():
            row, phases = self._generation(evaluator)
            started = time.perf_counter()
            self.folder.append(self.folder.metrics, asdict(row))
            if time.perf_counter() - saved > _CHECKPOINT_SECONDS:
                self._save()
                saved = time.perf_counter()
            phases.record = time.perf_counter() - started
            self.folder.append(self.folder.timing, asdict(phases))
            show(pace.after(row, self.search))
        self._save()
        wall, processor = time.perf_counter() - begun, time.process_time() - begun_processor
        _write_manifest(self.folder, self.config, self._before, wall, processor)
        return self.search.finished

    def _generation(self, evaluator: Evaluator) -> tuple[Generation, Phases]:
        search, settings = self.search, self.config
        phases = Phases(search.generation)
        clock = time.perf_counter()
        batch = compile_population(search.ask())
        clock, phases.compile = time.perf_counter(), time.perf_counter() - clock
        weights = generation_weights(settings.weights, settings.seed, search.generation)
        seeds = episode_seeds(
            settings.seed,
            Stream.SEARCH_EPISODES,
            settings.task.episodes,
            search.generation // settings.task.keep,
        )
        outcome = evaluator.evaluate(batch, weights, Trial(seeds))
        if len(outcome.failed) == len(batch):
            outcome.checked()  # nothing is left to select from
        if not np.isfinite(outcome.returns).any():
            raise BadInput(f"task.id: {self._task.id} gave no network of a generation a finite return")
        self._keep_failures(outcome.failed)
        returns = mean_over_episodes(outcome)
        clock, phases.evaluate = time.perf_counter(), time.perf_counter() - clock
        self._crown(evaluator, returns)
        clock, phases.champion = time.perf_counter(), time.perf_counter() - clock
        if search.generation == search.settings.generations - 1:
            self._keep_front(returns)
        row = search.tell(returns, outcome.returns.size, int(outcome.steps.sum()))
        phases.vary = time.perf_counter() - clock
        return row, phases

    def _crown(self, evaluator: Evaluator, returns: NDArray[np.float64]) -> None:
        seed, episodes = self.config.seed, self.config.search.champion_episodes
        trial = self._task.selection(episode_seeds(seed, Stream.CHAMPION_EPISODES, episodes))
        # What a network loses on other images says nothing of what it would lose on these.
        candidate = self.search.candidate(returns, comparable=trial.part == "train")
        if candidate is None:
            return
        batch = compile_population(self.search.ask().take(np.array([candidate])))
        outcome = evaluator.evaluate(batch, selection_weights(self.config.weights), trial)
        if outcome.failed:
            self._keep_failures({candidate: outcome.failed[0]})
        with np.errstate(invalid="ignore"):  # crown refuses what is not finite
            mean = float(outcome.returns.mean())
        self.search.crown(candidate, mean)

    def _save(self) -> None:
        self.folder.save(Checkpoint(self.search.generation, self.search.state()))
        network = self.champion()
        if network is not None:
            write_atomically(self.folder.champion, render(to_document(network)).encode())

    def champion(self) -> Network | None:
        """The best network so far."""
        found = self.search.champion
        if found is None:
            return None
        provenance = {
            "seed": self.config.seed,
            "generation": found.generation,
            "selection_mean": found.mean,
            "selection_episodes": self.config.search.champion_episodes * self.config.weights.count,
        }
        return self._network(found.population, 0, provenance)

    def _network(self, population: Population, index: int, provenance: dict[str, Any]) -> Network:
        name, interface = self._task.id, self._task.interface
        return Network.of_genome(population, index, task=name, provenance=provenance, interface=interface)

    def _keep_failures(self, failed: Mapping[int, str]) -> None:
        """Write the networks that could not be evaluated, with the reason; they are ranked last."""
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
            network = self._network(self.search.ask(), index, provenance)
            path = folder / f"{generation:08d}-{index:06d}.json"
            write_atomically(path, render(to_document(network)).encode())
        count = "a network" if len(failed) == 1 else f"{len(failed)} networks"
        reason = next(iter(failed.values()))
        self._tell(f"{count} of generation {generation} could not be evaluated ({reason}); see {folder}")

    def _keep_front(self, returns: NDArray[np.float64]) -> None:
        """Write the non-dominated networks of the last generation, and what they earned."""
        make_folder(self.folder.front)
        for old in self.folder.front.glob("*"):
            old.unlink()
        population = self.search.ask()
        rows = []
        for index in self.search.front(returns).tolist():
            connections, mean = int(population.connections[index]), float(returns[index].mean())
            provenance = {
                "seed": self.config.seed,
                "generation": self.search.generation,
                "mean": mean,
            }
            network = self._network(population, index, provenance)
            name = f"{connections:05d}-connections.json"
            write_atomically(self.folder.front / name, render(to_document(network)).encode())
            rows.append(f"{connections},{mean!r}\n")
        table = "connections,mean\n" + "".join(rows)
        write_atomically(self.folder.front / "front.csv", table.encode())


class _Pace:
    """Rate and time left, from a moving average over the last generations."""

    def __init__(self, search: Search) -> None:
        self._clock = time.perf_counter()
        self._episodes = search.evaluations
        self._seconds: float | None = None

    def after(self, row: Generation, search: Search) -> Progress:
        now = time.perf_counter()
        seconds, episodes = now - self._clock, row.evaluations - self._episodes
        self._clock, self._episodes = now, row.evaluations
        generations, rate = search.settings.generations, episodes / seconds
        if self._seconds is None:  # the first generation may have waited for the compiler
            self._seconds = 0.0
            return Progress(row, generations, rate, None)
        self._seconds = 0.9 * self._seconds + 0.1 * seconds if self._seconds else seconds
        return Progress(row, generations, rate, self._seconds * (generations - 1 - row.generation))


def _write_manifest(
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


def start_search(config: Config, path: Path, task: Task) -> Experiment:
    """A fresh search in a fresh folder.

    Raises:
        BadInput: the folder is not empty or cannot be written.
    """
    folder = RunFolder.create(path, "front")
    config = config.changed(task=config.task.changed(**task.settled))
    _write_manifest(folder, config, Manifest(), 0.0, 0.0)
    search = Search.begin(config.search, config.mutation, task.inputs, task.outputs, config.seed)
    return Experiment(config, folder, search, task)


def resume_search(
    path: Path,
    generations: int | None = None,
    backend: Callable[[BackendSettings], BackendSettings] = lambda same: same,
) -> tuple[Experiment, Task]:
    """A search that goes on from its last checkpoint.

    Args:
        path: its run folder.
        generations: generations in all; what the configuration says if not given.
        backend: where to compute, given what the configuration says.

    Raises:
        BadInput: no run folder, a damaged checkpoint or manifest, or fewer generations than are done.
    """
    folder = RunFolder.existing(path)
    before = read_manifest(folder.manifest)
    config = load_config(folder.config)
    config = config.changed(backend=backend(config.backend))
    if generations is not None:
        config = config.changed(search=config.search.changed(generations=generations))
    task = make_task(config.task)
    checkpoint = folder.newest_checkpoint()
    if checkpoint is None:
        search = Search.begin(config.search, config.mutation, task.inputs, task.outputs, config.seed)
    else:
        if checkpoint.generation > config.search.generations:
            raise BadInput(
                f"{path}: {checkpoint.generation} generations are done already; "
                f"--generations {config.search.generations} asks for fewer in all"
            )
        try:
            search = Search.restore(
                config.search,
                config.mutation,
                config.seed,
                checkpoint.generation,
                checkpoint.arrays,
                (task.inputs, task.outputs),
            )
        except BadInput as error:
            raise BadInput(f"{folder.checkpoints}, generation {checkpoint.generation}: {error}") from None
    folder.truncate(folder.timing, search.generation)
    rows = folder.truncate(folder.metrics, search.generation)
    if rows < search.generation:
        raise BadInput(
            f"{folder.metrics}: {rows} rows, but the checkpoint stands after {search.generation} "
            "generations and needs a row for each"
        )
    return Experiment(config, folder, search, task, before), task
