"""Classification of images: all networks on the same batch; the return is minus the cross-entropy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import BadInput
from ...kernels.classification import TILE, shared_logits, shared_losses, weighted_logits, weighted_losses
from ...kernels.forward import Program
from ...kernels.sharing import Shared, share
from ...network import Interface, LabelledData
from ..settings import ClassificationSettings
from ..task import Outcome, Renderer, Trial
from .datasets import DATA_SETS, DataSet, ImageSet
from .settings import ImageSettings

__all__ = ["ClassificationTask", "make_classification"]

Floats = NDArray[np.float32]

_BATCH: Final = 1000  # images, as published
_MEMORY: Final = 64  # megabytes
_STRIPES: Final = 64  # units of work in a batch at most; their losses are summed in order


@dataclass(frozen=True)
class ClassificationTask:
    """A set of images, or of rows of features, to be classified.

    A trial's seed determines a batch: images drawn without replacement from the training part.

    Attributes:
        id: name of the set of images, or path of the file.
        input_names: of the pixels, by row and column from the upper left, or of the features.
        output_names: of the classes.
        batch: images in a batch.
        memory: bytes for the values of nodes while a batch is computed.
        temperatures: of the softmax; the loss of a batch is the one at the best of them.
        train: images that the search uses.
        validation: images that champions and weights are chosen on; the search never uses them.
        read_test: reads the images that results are reported on.
        interface: how features were scaled; None for pixels, which networks receive unchanged.
        data: of one's own data, what their networks carry.
    """

    id: str
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    batch: int
    memory: int
    temperatures: tuple[float, ...]
    train: ImageSet
    validation: ImageSet
    read_test: Callable[[], ImageSet]
    interface: Interface | None = None
    data: LabelledData | None = None

    @property
    def resolved(self) -> Mapping[str, Any]:
        """The digest of one's own data, so that other data are not taken for them."""
        return {} if self.data is None else {"digest": self.data.digest}

    @property
    def threshold(self) -> None:
        """Undefined for a loss."""

    @property
    def holds_interpreter(self) -> bool:
        """Jobs run in kernels."""
        return False

    @property
    def inputs(self) -> int:
        """Pixels of an image, or features of a row."""
        return len(self.input_names)

    @property
    def outputs(self) -> int:
        """Classes."""
        return len(self.output_names)

    @cached_property
    def test(self) -> ImageSet:
        """Images that results are reported on; read on first use."""
        return self.read_test()

    def part(self, name: Literal["train", "validation", "test"]) -> ImageSet:
        """The images of a part."""
        images: ImageSet = getattr(self, name)
        return images

    @property
    def stepped(self) -> bool:
        """Images are classified in kernels."""
        return False

    def search(self, seeds: NDArray[np.int64], generation: int) -> Trial:  # noqa: ARG002 - all alike
        """A batch of training images for each seed."""
        return Trial(seeds)

    def selection(self, seeds: NDArray[np.int64]) -> Trial:
        """All validation images at once, whatever the seeds."""
        return Trial(seeds.reshape(-1)[:1], part="validation")

    def report(self, seeds: NDArray[np.int64]) -> Trial:
        """All test images at once, whatever the seeds."""
        return Trial(seeds.reshape(-1)[:1], part="test")

    def renderer(self) -> Renderer:
        """Images have no episodes.

        Raises:
            BadInput: always.
        """
        kind = "a set of images" if self.data is None else "data to classify"
        raise BadInput(f"{self.id} is {kind}: it has no episodes to show")

    def job(self, program: Program, weights: NDArray[np.float64], trial: Trial) -> ClassificationJob:
        """Units of some networks and some images each; see ``Task.job``."""
        table = (weights if weights.size else np.ones(len(weights))).astype(np.float32)
        batches = self._batches(trial)
        outcome = Outcome.blank(program.networks, len(weights), trial)
        outcome.steps[:] = batches[0].images
        rows = 1 + program.inputs + int(program.outputs)
        # At most, a node needs its value, the sum over its inputs and its exponentials.
        limit = max(1, (self.memory // (TILE * 4) - rows) // 3)
        parts = list(_shared_parts(program, limit)) if table.ndim == 1 else []
        return ClassificationJob(program, parts, table, self.temperatures, batches, outcome, own=trial.own)

    @cached_property
    def _recent(self) -> dict[tuple[object, ...], list[Batch]]:
        """The batches of the last two trials, since a generation is computed in many chunks."""
        return {}

    def _batches(self, trial: Trial) -> list[Batch]:
        key = (trial.part, *(trial.seeds.reshape(-1).tolist() if trial.part == "train" else ()))
        if key not in self._recent:
            for old in list(self._recent)[:-1]:
                del self._recent[old]
            self._recent[key] = list(self._draw(trial))
        return self._recent[key]

    def _draw(self, trial: Trial) -> Iterator[Batch]:
        images = self.part(trial.part)
        if trial.part != "train":
            yield Batch.of(images, slice(None), self.outputs)
            return
        for seed in trial.seeds.reshape(-1).tolist():
            rng = np.random.default_rng(seed)
            drawn = rng.choice(len(images), min(self.batch, len(images)), replace=False)
            yield Batch.of(images, drawn, self.outputs)

    def logits(
        self, program: Program, weights: NDArray[np.float64], part: Literal["validation", "test"]
    ) -> Floats:
        """Raw outputs float32[weights, images, outputs] of a single network on all images of a part.

        Args:
            program: of the single network.
            weights: as in ``job``.
            part: which images.
        """
        table = (weights if weights.size else np.ones(len(weights))).astype(np.float32)
        (batch,) = self._batches(Trial(np.empty(0, np.int64), part=part))
        tiles = batch.pixels.shape[1] // TILE
        logits = np.empty((len(table), self.outputs, batch.pixels.shape[1]), np.float32)
        if table.ndim == 1:
            for graph in _shared_parts(program, np.iinfo(np.int64).max):
                shared_logits(graph, batch.pixels, table, 0, tiles, logits)
        else:
            weighted_logits(program, batch.pixels, table, 0, tiles, logits)
        return np.ascontiguousarray(logits[:, :, : batch.images].transpose(0, 2, 1))


def _shared_parts(program: Program, limit: int) -> Iterator[Shared]:
    """Graphs of at most ``limit`` nodes that together contain all networks, in their order."""
    begin = 0
    while begin < program.networks:
        begin, *arrays = share(program, begin, limit)
        yield Shared(*arrays)


@dataclass(frozen=True)
class Batch:
    """Images in the layout of the kernels, padded to whole tiles.

    Attributes:
        images: number of images.
        pixels: float32[1 + inputs, padded images], bias and pixels; padded with the last image.
        one_hot: float32[outputs + 1, padded images], 1 where an image is of the class; the last row is 1
            for images and 0 for padding.
    """

    images: int
    pixels: Floats
    one_hot: Floats

    @classmethod
    def of(cls, images: ImageSet, chosen: NDArray[np.int64] | slice, classes: int) -> Batch:
        """The chosen images of a set."""
        rows, labels = images.pixels(chosen), images.labels[chosen]
        count = len(rows)
        width = -(-count // TILE) * TILE
        pixels = np.ones((1 + rows.shape[1], width), np.float32)
        pixels[1:, :count] = rows.T
        pixels[1:, count:] = rows[-1][:, None]
        one_hot = np.zeros((classes + 1, width), np.float32)
        one_hot[labels, np.arange(count)] = 1
        one_hot[-1, :count] = 1
        return cls(count, pixels, one_hot)


class ClassificationJob:
    """Units of some networks and a stripe of a batch each."""

    def __init__(
        self,
        program: Program,
        parts: list[Shared],
        weights: Floats,
        temperatures: tuple[float, ...],
        batches: list[Batch],
        outcome: Outcome,
        *,
        own: bool,
    ) -> None:
        self._program = program
        self._parts = parts
        self._weights = weights
        self._scales = (1.0 / np.array(temperatures)).astype(np.float32)
        self._batches = batches
        self._own = own
        self._outcome = outcome
        tiles = batches[0].pixels.shape[1] // TILE
        stripes = min(tiles, _STRIPES)
        self._bounds = [tiles * stripe // stripes for stripe in range(stripes + 1)]
        self._losses = np.zeros((stripes, *outcome.returns.shape, len(temperatures)))

    @property
    def units(self) -> int:
        """Number of units."""
        return max(1, len(self._parts)) * len(self._batches) * len(self._losses)

    @property
    def grain(self) -> int:
        """Units cost the same one at a time."""
        return 1

    def run(self, begin: int, end: int) -> None:
        """Compute units [begin, end)."""
        stripes, batches = len(self._losses), len(self._batches)
        for unit in range(begin, end):
            rest, stripe = divmod(unit, stripes)
            part, batch = divmod(rest, batches)
            self._compute(part, batch, stripe)

    def _compute(self, part: int, batch: int, stripe: int) -> None:
        images = self._batches[batch]
        weight, episode = divmod(batch, self._outcome.returns.shape[2]) if self._own else (None, batch)
        which = slice(None) if weight is None else slice(weight, weight + 1)
        weights = self._weights[which]
        bounds = self._bounds[stripe : stripe + 2]
        if self._weights.ndim == 2:
            losses = self._losses[stripe, :, which, episode]
            computed = np.empty(losses.shape)
            weighted_losses(
                self._program, images.pixels, images.one_hot, weights, self._scales, *bounds, computed
            )
        else:
            graph = self._parts[part]
            first = sum(len(before.outputs) for before in self._parts[:part])
            networks = slice(first, first + len(graph.outputs))
            losses = self._losses[stripe, networks, which, episode]
            computed = np.empty(losses.shape)
            shared_losses(graph, images.pixels, images.one_hot, weights, self._scales, *bounds, computed)
        losses[...] = computed

    @property
    def outcome(self) -> Outcome:
        """Minus the mean cross-entropy of each batch, when all units are computed."""
        total = np.zeros(self._losses.shape[1:])
        for stripe in self._losses:
            total += stripe
        self._outcome.returns[...] = -total.min(axis=-1) / self._batches[0].images
        return self._outcome


def make_classification(settings: ImageSettings) -> ClassificationTask:
    """Read the set of images that the settings name.

    Raises:
        BadInput: its files are missing or damaged, or a batch is larger than the training part.
    """
    data: DataSet = DATA_SETS[settings.id]
    images = data.load("train", settings.data)
    border = len(images) - data.validation
    return ClassificationTask(
        settings.id,
        data.pixel_names,
        data.classes,
        batch_size(settings.images, border, "task.images", settings.id),
        memory_bytes(settings),
        settings.temperatures,
        images[:border],
        images[border:],
        partial(data.load, "test", settings.data),
    )


def batch_size(wanted: int | None, training: int, key: str, name: str, what: str = "images") -> int:
    """Images in a batch: as many as are wanted, else 1,000, or all if there are fewer.

    Raises:
        BadInput: there are fewer than are wanted.
    """
    if wanted is not None and wanted > training:
        raise BadInput(f"{key}: {wanted:,}; {name} has {training:,} training {what}")
    return wanted or min(_BATCH, training)


def memory_bytes(settings: ClassificationSettings) -> int:
    """Bytes for the values of nodes while a batch is computed."""
    return (settings.memory or _MEMORY) * 2**20
