"""Classification of images by populations of a real search, next to the published implementation."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..errors import BadInput
from ..evaluation import LocalEvaluator
from ..evolution import Search, SearchSettings
from ..experiment import Config, Generations
from ..genome import MutationSettings
from ..kernels.classification import TILE, sum_terms
from ..kernels.forward import Program
from ..kernels.sharing import share
from ..network import Network, compile_population
from ..runs import RunFolder
from ..settings import render_settings
from ..streams import Stream, episode_seeds
from ..tasks import ClassificationTask, ImageSettings, Trial, make_classification
from .generation import GenerationRow, TimedSearch
from .published import DenseNetwork

__all__ = ["ImageRow", "Limits", "measure_images"]

TASK: Final = "mnist-16"
_ACTIVATIONS: Final = (
    "linear", "sin", "gaussian", "tanh", "sigmoid", "inverse", "abs", "relu", "cos",
)  # fmt: skip
_SAMPLED: Final = 5  # networks that the published implementation is timed on
_COPIED: Final = 2**27  # bytes


@dataclass(frozen=True)
class ImageRow:
    """A population after some generations of the published search.

    Attributes:
        generation: number of the generation.
        whole: seconds of each phase of a generation, on one thread.
        published: seconds per network and weight of the published implementation.
        kernel: seconds per network and weight of the evaluation.
        saved: share of the connections that are not computed, because another network shares them.
        term: ns per computed connection and image, including the softmax.
    """

    generation: int
    whole: GenerationRow
    published: float
    kernel: float
    saved: float
    term: float

    @property
    def speedup(self) -> float:
        """How many times faster the kernel is than the published implementation."""
        return self.published / self.kernel


@dataclass(frozen=True)
class Limits:
    """Lower bounds of this machine, in ns per connection and image.

    Attributes:
        vector: a multiplication and an addition with operands in the first-level cache.
        memory: reading four bytes from main memory.
    """

    vector: float
    memory: float


def measure_images(
    generations: Sequence[int], population: int, repetitions: int, show: Callable[[str], None]
) -> tuple[tuple[ImageRow, ...], Limits | None, str | None]:
    """A row for each of these generations of one search, and the limits; or a note why there are none.

    Args:
        generations: numbers of generations, ascending.
        population: number of genomes; 960 as published.
        repetitions: timed generations.
        show: called with a few words on what is measured next.
    """
    task_settings = ImageSettings(id=TASK, episodes=1)
    try:
        task = make_classification(task_settings)
    except BadInput as error:
        return (), None, f"images: not measured, {error}"
    config = Config(
        task=task_settings,
        search=SearchSettings(
            population=population, generations=10**7, enabled=0.05, tournament=min(32, population)
        ),
        mutation=MutationSettings(activations=_ACTIVATIONS),
    )
    rows = []
    search = Search.begin(config.search, config.mutation, task.inputs, task.outputs, config.seed)
    published = Generations(config, task, search)
    for mark in generations:
        show(f"images: the published search until generation {mark:,}")
        with LocalEvaluator(task) as evaluator:
            while search.generation < mark:
                published.step(evaluator)
        show(f"images: generation {mark:,}")
        rows.append(_row(config, search, task, repetitions))
    return tuple(rows), _limits(), None


def _trial(config: Config, search: Search) -> Trial:
    return Trial(episode_seeds(config.seed, Stream.SEARCH_EPISODES, 1, search.generation))


def _row(config: Config, search: Search, task: ClassificationTask, repetitions: int) -> ImageRow:
    generation, population = search.generation, search.population
    program = compile_population(population).merged
    published = float(np.median(list(_published(search, task, _trial(config, search)))))
    terms = sum(len(arrays[4]) for arrays in _graphs(program))
    with (
        tempfile.TemporaryDirectory() as folder,
        RunFolder.create(Path(folder) / "run", render_settings(config), "front") as run,
    ):
        whole = TimedSearch(config, search, task, run).row(repetitions)
    lanes = config.weights.count
    return ImageRow(
        generation,
        whole,
        published,
        whole.evaluate / (len(population) * lanes),
        1.0 - terms / len(program.source),
        1e9 * whole.evaluate / (terms * lanes * task.batch),
    )


def _graphs(program: Program) -> Iterator[tuple[Any, ...]]:
    begin = 0
    while begin < program.networks:
        begin, *arrays = share(program, begin, np.iinfo(np.int64).max)
        yield tuple(arrays)


def _published(search: Search, task: ClassificationTask, trial: Trial) -> Iterator[float]:
    """Seconds for the loss of single networks with one weight: dense matrices, the whole batch at once."""
    chosen = np.random.default_rng(int(trial.seeds[0])).choice(len(task.train), task.batch, replace=False)
    images, labels = task.train.pixels(chosen).astype(np.float64), task.train.labels[chosen]
    for index in np.linspace(0, len(search.population) - 1, _SAMPLED).astype(int).tolist():
        network = DenseNetwork.of(Network.of_genome(search.population, index), 1.0)
        begun = time.perf_counter()
        outputs = network(images)
        raised = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        share_of_class = raised[np.arange(len(labels)), labels] / raised.sum(axis=1)
        with np.errstate(divide="ignore"):
            np.log(share_of_class).mean()
        yield time.perf_counter() - begun


def _limits() -> Limits:
    """Best of several repetitions; the values of a few nodes stay in the first-level cache."""
    slots, terms = 40, 4096
    values = np.random.default_rng(0).random(slots * TILE).astype(np.float32)
    source = np.random.default_rng(1).integers(0, slots, terms).astype(np.int32)
    times, result = np.ones(terms, np.float32), np.empty(TILE, np.float32)
    memory = np.ones(_COPIED // 8), np.empty(_COPIED // 8)
    vector, copying = [], []
    for _ in range(8):
        begun = time.perf_counter()
        sum_terms(values, source, times, 100, result)
        vector.append((time.perf_counter() - begun) / (100 * terms * TILE))
        begun = time.perf_counter()
        np.copyto(memory[1], memory[0])
        copying.append((time.perf_counter() - begun) / (2 * _COPIED / 4))
    return Limits(1e9 * min(vector[1:]), 1e9 * min(copying[1:]))
