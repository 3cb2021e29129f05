"""The wiring of a search: configuration -> task, evaluator, search, run folder. They meet only here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
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
from .network import Network, NetworkBatch, compile_population
from .runs import Checkpoint, Manifest, RunFolder, manifest, read_manifest
from .streams import Stream, episode_seeds
from .tasks import Outcome, Task, Trial, make_task, mean_over_episodes, recorded
from .trust import NOTHING, Trust, module_named

__all__ = ["Experiment", "Phases", "Progress", "resume_command", "resume_search", "start_search"]

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
        self._stop: Callable[[], bool] = lambda: False

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
        self._tell, self._stop = tell, stop
        try:
            return self._run(evaluator, show, stop)
        except Unwritable as error:
            again = resume_command(self.folder.path, self.config)
            raise Failure(f"{error}; the last checkpoint is whole, go on with `{again}`") from None
        except (BadInput, Failure) as error:
            self._save()
            if stop():
                return False  # the signal may have ended what an environment has started
            again = resume_command(self.folder.path, self.config)
            raise type(error)(f"{error}; the checkpoint is kept, go on with `{again}`") from None

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
        population = search.ask()
        batch = compile_population(population)
        clock, phases.compile = time.perf_counter(), time.perf_counter() - clock
        weights = generation_weights(settings.weights, settings.seed, search.generation)
        draw = search.generation // settings.task.redraw_every
        seeds = self._seeds(Stream.SEARCH_EPISODES, settings.task.episodes, draw)
        outcome = self._evaluated(evaluator, batch, weights, Trial(seeds))
        if len(outcome.failed) == len(batch):
            outcome.checked()  # nothing is left to select from
        if not np.isfinite(outcome.returns).any():
            raise BadInput(f"task.id: {self._task.id} gave no network of a generation a finite return")
        self._keep_failures(population, outcome.failed)
        returns = mean_over_episodes(outcome)
        clock, phases.evaluate = time.perf_counter(), time.perf_counter() - clock
        self._promote(evaluator, population, returns)
        clock, phases.champion = time.perf_counter(), time.perf_counter() - clock
        if search.generation == search.settings.generations - 1:
            self._keep_front(population, returns)
        row = search.tell(returns, outcome.returns.size, int(outcome.steps.sum()))
        phases.vary = time.perf_counter() - clock
        return row, phases

    def _evaluated(
        self, evaluator: Evaluator, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial
    ) -> Outcome:
        outcome = evaluator.evaluate(batch, weights, trial)
        if outcome.failed and self._stop():
            outcome.checked()  # no network is blamed for what an interruption may have done
        return outcome

    def _promote(self, evaluator: Evaluator, population: Population, returns: NDArray[np.float64]) -> None:
        seeds = self._seeds(Stream.CHAMPION_EPISODES, self.config.search.champion_episodes)
        whole = self._task.selection(seeds)
        # What a network loses on other images says nothing of what it would lose on these.
        left = self.search.candidates(returns, comparable=whole.part == "train")
        if not len(left):
            return
        rounds = (self.config.search.candidates - 1).bit_length()
        for left_rounds in range(rounds, 0, -1):
            heat = replace(whole, seeds=whole.seeds[..., : max(1, whole.episodes >> left_rounds)])
            left = self.search.better_half(left, self._means(evaluator, population, left, heat))
        means = self._means(evaluator, population, left, whole)
        for candidate, mean in zip(left.tolist(), means.tolist(), strict=True):
            self.search.promote(candidate, mean)

    def _seeds(self, purpose: Stream, episodes: int, *indices: int) -> NDArray[np.int64]:
        """Seeds int64[episodes], or int64[weights, episodes] where each weight meets episodes of its own."""
        weights = self.config.weights.count if self.config.weights.own_episodes else 1
        seeds = episode_seeds(self.config.seed, purpose, weights * episodes, *indices)
        return seeds.reshape(weights, episodes) if weights > 1 else seeds

    def _means(
        self, evaluator: Evaluator, population: Population, indices: NDArray[np.int64], trial: Trial
    ) -> NDArray[np.float64]:
        """Mean returns of some genomes over the selection weights and the episodes of a trial."""
        batch = compile_population(population.take(indices))
        outcome = self._evaluated(evaluator, batch, selection_weights(self.config.weights), trial)
        named = {int(indices[network]): reason for network, reason in outcome.failed.items()}
        self._keep_failures(population, named)
        with np.errstate(invalid="ignore"):  # what is not finite is never promoted
            return np.asarray(outcome.returns.reshape(len(indices), -1).mean(axis=1))

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

    def _keep_failures(self, population: Population, failed: Mapping[int, str]) -> None:
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
            network = self._network(population, index, provenance)
            path = folder / f"{generation:08d}-{index:06d}.json"
            write_atomically(path, render(to_document(network)).encode())
        count = "a network" if len(failed) == 1 else f"{len(failed)} networks"
        reason = next(iter(failed.values()))
        self._tell(f"{count} of generation {generation} could not be evaluated ({reason}); see {folder}")

    def _keep_front(self, population: Population, returns: NDArray[np.float64]) -> None:
        """Write the non-dominated networks of the last generation, and what they earned."""
        make_folder(self.folder.front)
        self.folder.clear_front()
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


def resume_command(path: Path, config: Config) -> str:
    """What goes on with a search, with the words that its folder may not say for whoever reads it."""
    module, address = module_named(config.task.id), config.backend.address
    trusted = f" --trust {module}" if module else ""
    return f"wann resume {path}{trusted}{f' --ray-address {address}' if address else ''}"


@contextmanager
def start_search(
    config: Config, path: Path, task: Task, tell: Callable[[str], None] = lambda _: None
) -> Iterator[Experiment]:
    """A fresh search in a fresh folder, in which nobody else writes while the block lasts.

    Args:
        config: what is asked for.
        path: the folder.
        task: as the configuration has it.
        tell: told in a sentence if the folder cannot be locked.

    Raises:
        BadInput: the folder is not empty or cannot be written, or another process writes there.
    """
    config = config.changed(task=recorded(config.task, task))
    search = Search.begin(config.search, config.mutation, task.inputs, task.outputs, config.seed)
    with RunFolder.begun(path, render_config(config), "front", tell=tell) as folder:
        _write_manifest(folder, config, Manifest(), 0.0, 0.0)
        yield Experiment(config, folder, search, task)


@contextmanager
def resume_search(
    path: Path,
    generations: int | None = None,
    backend: Callable[[BackendSettings], BackendSettings] = lambda same: same,
    trust: Trust = NOTHING,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[Experiment, Task]]:
    """A search that goes on from its last checkpoint; nobody else writes there while the block lasts.

    Args:
        path: its run folder.
        generations: generations in all; what the configuration says if not given.
        backend: where to compute, given what the configuration says.
        trust: which modules the configuration's task may have imported.
        tell: told in a sentence if the folder cannot be locked.

    Raises:
        BadInput: no run folder, one in which another process writes, a damaged checkpoint or manifest, a task
            in a module without trust, or fewer generations than are done.
    """
    folder = RunFolder.existing(path)
    with folder.writing("front", tell=tell):
        before = read_manifest(folder.manifest)
        config = load_config(folder.config)
        config = config.changed(backend=backend(config.backend))
        if generations is not None:
            config = config.changed(search=config.search.changed(generations=generations))
        try:
            task = make_task(config.task, trust=trust)
        except BadInput as error:
            raise BadInput(f"{folder.config}: {error}") from None
        search = _restored(folder, config, task)
        folder.cut(folder.metrics, search.generation, range(search.generation))
        folder.cut(folder.timing, search.generation)
        yield Experiment(config, folder, search, task, before), task


def _restored(folder: RunFolder, config: Config, task: Task) -> Search:
    """The search as the newest checkpoint has it, or at its beginning."""
    checkpoint = folder.newest_checkpoint()
    if checkpoint is None:
        return Search.begin(config.search, config.mutation, task.inputs, task.outputs, config.seed)
    if checkpoint.generation > config.search.generations:
        raise BadInput(
            f"{folder.path}: {checkpoint.generation} generations are done already; "
            f"--generations {config.search.generations} asks for fewer in all"
        )
    try:
        return Search.restore(
            config.search,
            config.mutation,
            config.seed,
            checkpoint.generation,
            checkpoint.arrays,
            (task.inputs, task.outputs),
        )
    except BadInput as error:
        raise BadInput(f"{folder.checkpoints}, generation {checkpoint.generation}: {error}") from None
