"""A pruning run: configuration, images, iteration and run folder, wired together."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..config import render_config
from ..errors import BadInput, Failure
from ..reporting import FrontierPoint, draw_frontier
from ..runs import Checkpoint, RunFolder, manifest, write_atomically
from ..streams import Stream, generator
from ..tasks import DATA_SETS, ImageSet
from .compaction import Chain
from .iteration import Iteration, Memory, Outcome
from .mask import Mask
from .models import initialise, make_model
from .record import Record, state_bytes
from .settings import PruneConfig, load_prune_config
from .training import Examples, Measured, Snapshot, State, Stopped, measure, one_thread, state_of

__all__ = ["Progress", "PruningRun"]


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        round: the present one.
        rounds: the last one's number.
        variant: ``dense``, ``pruned``, or a control.
        iteration: iterations done in this training.
        validation: what the validation images say.
        left: seconds left, or None before that can be told.
    """

    round: int
    rounds: int
    variant: str
    iteration: int
    validation: Measured
    left: float | None


class PruningRun:
    """A run and its folder.

    Attributes:
        config: the settings.
        folder: where everything is kept.
    """

    def __init__(
        self, config: PruneConfig, folder: RunFolder, memory: Memory | None = None, rows: int = 0
    ) -> None:
        self.config = config
        self.folder = folder
        data = DATA_SETS[config.data.name]
        given = None if config.data.folder is None else Path(config.data.folder)
        train, self._test = data.load("train", given), _examples(data.load("test", given))
        self._validation = _examples(train[len(train) - data.validation :])
        self._rows = rows
        model = make_model(
            config.model, data.side, len(data.classes), generator(config.seed, Stream.PRUNING_WEIGHTS)
        )
        self._iteration = Iteration(
            model,
            config.pruning,
            config.training,
            _examples(train[: len(train) - data.validation]),
            self._validation,
            config.seed,
            initialise=lambda model, rng: initialise(model, config.model, rng),
            memory=memory,
        )
        if config.pruning.criterion == "neurons":
            Chain.of(
                model, Mask.dense(model), self._validation.inputs[:1]
            )  # refuses what has no neurons to remove

    @classmethod
    def start(cls, config: PruneConfig, path: Path) -> PruningRun:
        """A new run in a fresh folder.

        Raises:
            BadInput: the configuration or the folder cannot be used.
        """
        run = cls(config, RunFolder(path))
        folder = RunFolder.create(path, "rounds")
        write_atomically(folder.config, render_config(config).encode())
        folder.write_json(folder.manifest, manifest(seed=config.seed, kind="prune", finished=False))
        write_atomically(path / "initial.npz", state_bytes(state_of(run._iteration.model)))
        return run

    @classmethod
    def resume(cls, path: Path) -> PruningRun:
        """A run after its last whole round.

        Raises:
            BadInput: no such run, or a damaged checkpoint.
        """
        folder = RunFolder.existing(path)
        config = load_prune_config(folder.config)
        checkpoint = folder.newest_checkpoint()
        if checkpoint is None:
            run = cls(config, folder)
        else:
            memory, rows = _memory(checkpoint)
            run = cls(config, folder, memory, rows)
        for table in (folder.metrics, folder.timing):
            folder.truncate(table, run._rows)
        _forget(path / "learning.csv", 0 if checkpoint is None else checkpoint.generation + 1)
        return run

    def run(
        self, show: Callable[[Progress], None] = lambda _: None, stop: Callable[[], bool] = lambda: False
    ) -> bool:
        """Train and prune to the end, or until somebody asks to stop.

        Args:
            show: told where the run stands.
            stop: asked whenever the validation images have been looked at.

        Returns:
            Whether the run came to its end.

        Raises:
            BadInput: what cannot be trained or pruned as the configuration says.
            Failure: the folder can no longer be written.
        """
        clock = _Clock(self._iteration)

        def tell(number: int, variant: str, done: int, found: Measured) -> None:
            if stop():
                raise Stopped
            left = clock.left(number, variant, done)
            show(Progress(number, self.config.pruning.count, variant, done, found, left))

        try:
            with one_thread():
                for number in self._iteration.remaining:
                    began = time.perf_counter()
                    for outcome in self._iteration.round(partial(tell, number)):
                        self._write(outcome, time.perf_counter() - began)
                        began = time.perf_counter()
                    self._keep()
                self._close()
        except Stopped:
            return False
        except OSError as error:
            raise Failure(
                f"{error.filename or self.folder.path}: cannot be written ({error.strerror})"
            ) from None
        return True

    def _keep(self) -> None:
        if self._iteration.memory is not None:
            self.folder.save(_checkpoint(self._iteration.memory, self._rows))

    def _write(self, outcome: Outcome, seconds: float) -> None:
        """Keep what a round has trained, then its rows."""
        model = self._iteration.model
        place = self.folder.path / "rounds" / f"{outcome.round:02d}-{outcome.variant}"
        final = measure(model, self._test).accuracy
        model.load_state_dict(outcome.trained.best)
        record = Record.of(model, outcome, self._validation, self._test)
        record.write(place, self.config)
        row = record.row(place, final)
        times = {"round": outcome.round, "variant": outcome.variant, "seconds": seconds, **record.times()}
        with (self.folder.path / "learning.csv").open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if file.tell() == 0:
                writer.writerow(("round", "variant", "iteration", "validation_loss", "validation_accuracy"))
            writer.writerows(
                (outcome.round, outcome.variant, done, repr(found.loss), repr(found.accuracy))
                for done, found in outcome.trained.history
            )
        self.folder.append(self.folder.metrics, row)
        self.folder.append(self.folder.timing, times)
        self._rows += 1

    def _close(self) -> None:
        """The smallest network that is as good as the dense one, the picture, the manifest."""
        rows = read_rows(self.folder.metrics)
        dense = next(row for row in rows if row["variant"] == "dense")
        good = [
            row
            for row in rows
            if row["variant"] == "pruned" and row["validation_accuracy"] >= dense["validation_accuracy"]
        ]
        for row in sorted(good, key=lambda row: float(row["weights"])):
            network = self.folder.path / "rounds" / f"{row['round']:02.0f}-pruned" / "network.json"
            if network.is_file():
                write_atomically(self.folder.champion, network.read_bytes())
                break
        points = [
            FrontierPoint(str(row["variant"]), float(row["weights"]), float(row["test_accuracy"]), 0.0)
            for row in rows
            if float(row["weights"]) > 0
        ]
        draw_frontier(
            points,
            self.folder.figures / "accuracy.svg",
            title=f"{self.config.data.name}: {self.config.pruning.criterion}",
            across="weights",
        )
        self.folder.write_json(
            self.folder.manifest,
            manifest(
                seed=self.config.seed,
                kind="prune",
                finished=True,
                seconds=sum(float(row["seconds"]) for row in read_rows(self.folder.timing)),
                cpu_seconds=time.process_time(),
            ),
        )


class _Clock:
    """Tells what is left from what was done, in iterations."""

    def __init__(self, iteration: Iteration) -> None:
        self._plan, self._training = iteration.plan, iteration.training
        self._began: tuple[float, int] | None = None

    def _length(self, number: int) -> int:
        plan = self._plan
        if number and plan.rewind == "none" and not plan.before_training:
            return plan.retrain.iterations or self._training.iterations
        return self._training.iterations - (plan.step if number and plan.rewind == "step" else 0)

    def _controls(self, number: int) -> int:
        plan = self._plan
        return (
            len(plan.controls) if number and (not plan.control_rounds or number in plan.control_rounds) else 0
        )

    def left(self, number: int, variant: str, done: int) -> float | None:
        """Seconds until the end, or None before that can be told."""
        order = ("dense", "pruned", *self._plan.controls)
        place = max(0, order.index(variant) - 1)
        total = [self._length(each) * (1 + self._controls(each)) for each in range(self._plan.count + 1)]
        before = sum(total[:number]) + place * self._length(number)
        skipped = self._plan.step if number and self._plan.rewind == "step" else 0
        now = before + done - skipped
        if self._began is None:
            self._began = time.perf_counter(), now
        began, first = self._began
        if now <= first:
            return None
        return (time.perf_counter() - began) / (now - first) * (sum(total) - now)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """A table with a column of text, numbers as numbers.

    Raises:
        BadInput: it is missing or damaged.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [
                {name: value if name == "variant" else float(value) for name, value in row.items()}
                for row in csv.DictReader(file)
            ]
    except (OSError, ValueError, TypeError) as error:
        raise BadInput(f"{path}: no table of a pruning run ({error})") from None


def _forget(path: Path, rounds: int) -> None:
    """Cut the learning curves back to those of whole rounds."""
    if not path.exists():
        return
    header, *lines = path.read_bytes().splitlines(keepends=True)
    kept = [line for line in lines if line.endswith(b"\n") and int(line.split(b",")[0]) < rounds]
    write_atomically(path, b"".join([header, *kept] if kept else []))


def _examples(images: ImageSet) -> Examples:
    return Examples(torch.from_numpy(images.pixels()), torch.from_numpy(images.labels))


def _checkpoint(memory: Memory, rows: int) -> Checkpoint:
    arrays: dict[str, NDArray[np.generic]] = {"rows": np.array(rows)}
    parts = {"mask": memory.mask.tensors, "initial": memory.initial, "final": memory.final}
    if memory.snapshot is not None:
        arrays["iteration"] = np.array(memory.snapshot.iteration)
        parts |= {"state": memory.snapshot.state, "optimizer": memory.snapshot.optimizer}
    for part, tensors in parts.items():
        arrays |= {f"{part}:{name}": tensor.numpy() for name, tensor in tensors.items()}
    return Checkpoint(memory.round, arrays)


def _memory(checkpoint: Checkpoint) -> tuple[Memory, int]:
    parts: dict[str, State] = {}
    for key, array in checkpoint.arrays.items():
        part, _, name = key.partition(":")
        parts.setdefault(part, {})[name] = torch.from_numpy(np.asarray(array).copy())
    try:
        snapshot = None
        if "iteration" in parts:
            snapshot = Snapshot(int(parts["iteration"][""]), parts["state"], parts["optimizer"])
        memory = Memory(
            checkpoint.generation, Mask(parts["mask"]), parts["initial"], parts["final"], snapshot
        )
        return memory, int(parts["rows"][""])
    except KeyError as error:
        raise BadInput(
            f"checkpoint {checkpoint.generation}: no {error} in it; it is not of a pruning run"
        ) from None
