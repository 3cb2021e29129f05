"""A pruning run: joins configuration, images, iteration and run folder."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import BadInput
from ..files import append_text, array_of, read_bytes, read_table, write_atomically
from ..formats.network_json import LARGEST_FILE
from ..reporting import FrontierPoint, draw_frontier
from ..runs import Checkpoint, RunFolder, manifest
from ..settings import render_settings
from ..trust import NOTHING, Trust
from .compaction import Chain
from .dense import dense_model, load_examples
from .iteration import Iteration, RoundOutcome
from .mask import Mask
from .memory import Memory
from .models import initialise
from .record import Record, SmallForms, state_bytes
from .settings import PruneConfig, load_prune_config
from .state import Snapshot, State, state_of
from .training import Measurement, Stopped, measure, one_thread

__all__ = ["PruningRun", "RoundProgress"]

_MEASURED: Final = ("round", "weights", "test_accuracy", "validation_accuracy")
_TIMED: Final = ("round", "seconds")


@dataclass(frozen=True)
class RoundProgress:
    """The progress of a run.

    Attributes:
        round: number of the current round.
        rounds: number of the last round.
        variant: the network in training: ``dense``, ``pruned``, or a control.
        iteration: iterations of its training done.
        validation: loss and accuracy on the validation images.
        left: estimated seconds left; None before there is an estimate.
    """

    round: int
    rounds: int
    variant: str
    iteration: int
    validation: Measurement
    left: float | None


class PruningRun:
    """A run and its folder.

    Attributes:
        config: the settings.
        folder: the run folder.
    """

    def __init__(self, config: PruneConfig, folder: RunFolder, memory: Memory | None = None) -> None:
        self.config = config
        self.folder = folder
        model = dense_model(config)
        self._validation, self._test = (load_examples(config.data, part) for part in ("validation", "test"))
        self._iteration = Iteration(
            model,
            config.pruning,
            config.training,
            load_examples(config.data, "train"),
            self._validation,
            config.seed,
            initialise=lambda model, rng: initialise(model, config.model, rng),
            memory=memory,
        )
        self._sequence = True
        try:
            Chain.of(model, Mask.dense(model), self._validation.inputs[:1])
        except BadInput:
            if config.pruning.criterion == "neurons":  # units cannot be removed from such a network
                raise
            self._sequence = False

    @classmethod
    @contextmanager
    def start(
        cls, config: PruneConfig, path: Path, tell: Callable[[str], None] = lambda _: None
    ) -> Iterator[PruningRun]:
        """A new run in a new folder, which is locked while the context is open.

        Args:
            config: the settings.
            path: the folder.
            tell: called with a sentence if the folder cannot be locked.

        Raises:
            BadInput: the configuration or the folder cannot be used, or another process writes there.
        """
        run = cls(config, RunFolder(path))
        with RunFolder.create(path, render_settings(config), "rounds", tell=tell):
            run._describe()
            yield run

    @classmethod
    @contextmanager
    def resume(
        cls, path: Path, tell: Callable[[str], None] = lambda _: None, trust: Trust = NOTHING
    ) -> Iterator[PruningRun]:
        """A run after its last complete round, in its folder, which is locked while the context is open.

        Args:
            path: the folder.
            tell: called with a sentence if the folder cannot be locked.
            trust: modules that may make its network.

        Raises:
            BadInput: there is no such run, another process writes in it, a checkpoint is damaged, or an
                untrusted module makes its network.
        """
        folder = RunFolder.existing(path)
        with folder.writing("rounds", tell=tell):
            config = load_prune_config(folder.config)
            try:
                trust.split(config.model.kind, "model.kind")
            except BadInput as error:
                raise error.within(folder.config) from None
            checkpoint = folder.newest_checkpoint()
            if checkpoint is None:
                run, done = cls(config, folder), 0
                run._describe()
            else:
                done = checkpoint.generation + 1
                try:
                    run = cls(config, folder, _memory(checkpoint))
                except BadInput as error:
                    raise BadInput(
                        f"{folder.checkpoints}: the checkpoint of round {checkpoint.generation} "
                        f"does not belong to this run ({error})"
                    ) from None
            needed = [number for number in range(done) for _ in config.pruning.variants(number)]
            folder.truncate(folder.metrics, done, needed, "round")
            for table in (folder.timing, path / "learning.csv"):
                folder.truncate(table, done)
            if done:  # before hours of work, not after them
                _read_rounds(folder.metrics, _MEASURED)
                _read_rounds(folder.timing, _TIMED)
            yield run

    def _describe(self) -> None:
        """Write the manifest and the initial weights."""
        facts = manifest(seed=self.config.seed, kind="prune", finished=False)
        self.folder.write_json(self.folder.manifest, facts)
        write_atomically(self.folder.path / "initial.npz", state_bytes(state_of(self._iteration.model)))

    def run(
        self, show: Callable[[RoundProgress], None] = lambda _: None, stop: Callable[[], bool] = lambda: False
    ) -> bool:
        """Train and prune to the end, or until ``stop`` returns true.

        Args:
            show: called with the progress after each evaluation of the validation images.
            stop: called at the same times; whether to stop.

        Returns:
            Whether the run is complete.

        Raises:
            BadInput: the network cannot be trained or pruned as configured.
            Unwritable: the folder cannot be written.
        """
        remaining = _RemainingTime(self._iteration)

        def tell(number: int, variant: str, done: int, measured: Measurement) -> None:
            if stop():
                raise Stopped
            left = remaining.seconds(number, variant, done)
            show(RoundProgress(number, self.config.pruning.count, variant, done, measured, left))

        try:
            with one_thread():
                for number in self._iteration.remaining:
                    began = time.perf_counter()
                    for outcome in self._iteration.round(partial(tell, number)):
                        self._write(outcome, time.perf_counter() - began)
                        began = time.perf_counter()
                    self._save_checkpoint()
                self._finish()
        except Stopped:
            return False
        return True

    def _save_checkpoint(self) -> None:
        if self._iteration.memory is not None:
            self.folder.save(_checkpoint(self._iteration.memory))

    def _write(self, outcome: RoundOutcome, seconds: float) -> None:
        """Write a trained network, then its rows of the tables."""
        model = self._iteration.model
        directory = self.folder.path / "rounds" / f"{outcome.round:02d}-{outcome.variant}"
        final = measure(model, self._test).accuracy
        model.load_state_dict(outcome.trained.best)
        small = SmallForms.of(model, outcome.mask, self._validation) if self._sequence else None
        record = Record(model, outcome, self._test, small)
        record.write(directory, self.config)
        row = record.row(directory, final)
        times = {"round": outcome.round, "variant": outcome.variant, "seconds": seconds, **record.times()}
        learning, text = self.folder.path / "learning.csv", io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        if not learning.exists() or learning.stat().st_size == 0:
            writer.writerow(("round", "variant", "iteration", "validation_loss", "validation_accuracy"))
        writer.writerows(
            (outcome.round, outcome.variant, done, repr(measured.loss), repr(measured.accuracy))
            for done, measured in outcome.trained.history
        )
        append_text(learning, text.getvalue())
        self.folder.append(self.folder.metrics, row)
        self.folder.append(self.folder.timing, times)

    def _finish(self) -> None:
        """Write the smallest network as accurate as the dense one, the picture, and the manifest."""
        rows = _read_rounds(self.folder.metrics, _MEASURED)
        dense = rows[0]
        good = [
            row
            for row in rows
            if row["variant"] == "pruned" and row["validation_accuracy"] >= dense["validation_accuracy"]
        ]
        for row in sorted(good, key=lambda row: float(row["weights"])):
            network = self.folder.path / "rounds" / f"{row['round']:02.0f}-pruned" / "network.json"
            if network.is_file():
                write_atomically(self.folder.champion, read_bytes(network, LARGEST_FILE))
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
                seconds=sum(float(row["seconds"]) for row in _read_rounds(self.folder.timing, _TIMED)),
                cpu_seconds=time.process_time(),
            ),
        )


class _RemainingTime:
    """Estimates the time left from the iterations done and still to do."""

    def __init__(self, iteration: Iteration) -> None:
        self._plan, self._training = iteration.plan, iteration.training
        self._began: tuple[float, int] | None = None

    def _length(self, number: int) -> int:
        """Iterations of each training in a round."""
        return self._plan.trained_by(self._training, number).iterations - self._skipped(number)

    def _skipped(self, number: int) -> int:
        return (self._plan.rewind_step or 0) if number else 0

    def seconds(self, number: int, variant: str, done: int) -> float | None:
        """Estimated seconds until the end of the run; None before there is an estimate."""
        order = ("dense", "pruned", *self._plan.controls)
        index = max(0, order.index(variant) - 1)
        rounds = range(self._plan.count + 1)
        total = [self._length(each) * len(self._plan.variants(each)) for each in rounds]
        now = sum(total[:number]) + index * self._length(number) + done - self._skipped(number)
        if self._began is None:
            self._began = time.perf_counter(), now
        began, first = self._began
        if now <= first:
            return None
        return (time.perf_counter() - began) / (now - first) * (sum(total) - now)


def _read_rounds(path: Path, needed: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of a table, one for each network.

    The columns in ``needed`` hold finite, non-negative numbers.

    Raises:
        BadInput: the table is missing or damaged.
    """
    numbers, words = read_table(path, needed, ("variant",))
    for name in needed:
        if not (np.isfinite(numbers[name]) & (numbers[name] >= 0)).all():
            raise BadInput(
                f"{path}: not a table of a pruning run: {name} holds a number that is negative or not finite"
            )
    if words["variant"][:1] != ["dense"]:
        raise BadInput(f"{path}: not a table of a pruning run: its first row is not the dense network")
    columns = {**numbers, **words}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _checkpoint(memory: Memory) -> Checkpoint:
    arrays: dict[str, NDArray[np.generic]] = {}
    parts = {"mask": memory.mask.tensors, "initial": memory.initial, "final": memory.final}
    if memory.snapshot is not None:
        arrays["iteration"] = np.array(memory.snapshot.iteration)
        parts |= {"state": memory.snapshot.state, "optimizer": memory.snapshot.optimizer}
    for part, tensors in parts.items():
        arrays |= {f"{part}:{name}": tensor.numpy() for name, tensor in tensors.items()}
    return Checkpoint(memory.round, arrays)


def _memory(checkpoint: Checkpoint) -> Memory:
    """The memory in a checkpoint; ``Memory.check`` compares it with the network.

    Raises:
        BadInput: a part has another type.
    """
    parts: dict[str, State] = {part: {} for part in ("mask", "initial", "final", "state", "optimizer")}
    for key, array in checkpoint.arrays.items():
        part, separator, name = key.partition(":")
        if separator and part in parts:
            parts[part][name] = torch.from_numpy(array)
    snapshot = None
    if "iteration" in checkpoint.arrays:
        iteration = int(array_of(checkpoint.arrays, "iteration", np.int64, ()))
        snapshot = Snapshot(iteration, parts["state"], parts["optimizer"])
    return Memory(checkpoint.generation, Mask(parts["mask"]), parts["initial"], parts["final"], snapshot)
