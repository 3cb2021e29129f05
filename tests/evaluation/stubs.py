"""A quick, exact task that misbehaves on request."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from wann.kernels.forward import Program
from wann.network import NetworkBatch
from wann.tasks import Outcome, Trial


class Elsewhere:
    """An object that only this process can unpickle, like a task whose library the workers lack."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (__import__, ("a_library_of_this_process_alone",))


def connections(batch: NetworkBatch) -> NDArray[np.int64]:
    """Connections of each network as the stub counts them: without idle ones and duplicates."""
    return np.diff(batch.merged.edge_rows[batch.merged.node_rows])


@dataclass(frozen=True)
class Stub:
    """Returns follow from the structure, the weight and the seed by a short formula.

    Attributes:
        misdeeds: what happens where a network has so many connections.
        marks: a folder in which a misdeed with ``once`` in its name leaves a mark.
        seconds: that a network takes.
        held: what a task holds.
        extra: anything.
    """

    misdeeds: Mapping[int, str] = field(default_factory=dict)
    marks: Path = Path()
    seconds: float = 0.0
    held: NDArray[np.float64] = field(default_factory=lambda: np.zeros(1))
    extra: Any = None
    id: str = "stub"
    inputs: int = 3
    outputs: int = 2
    input_names: tuple[str, ...] = ("a", "b", "c")
    output_names: tuple[str, ...] = ("x", "y")
    interface: None = None
    data: None = None
    threshold: None = None
    holds_interpreter: bool = False
    stepped: bool = False

    @property
    def resolved(self) -> Mapping[str, Any]:
        return {}

    def selection(self, seeds: NDArray[np.int64]) -> Trial:
        return Trial(seeds)

    report = selection

    def search(self, seeds: NDArray[np.int64], generation: int) -> Trial:
        return Trial(seeds)

    def renderer(self) -> NoReturn:
        raise NotImplementedError

    def job(self, program: Program, weights: NDArray[np.float64], trial: Trial) -> StubJob:
        return StubJob(self, program, weights, trial, Outcome.blank(program.networks, len(weights), trial))

    def misbehave(self, connections: int) -> None:
        misdeed = self.misdeeds.get(connections, "none")
        if misdeed.endswith("once"):
            try:
                (self.marks / f"{connections}").touch(exist_ok=False)
            except FileExistsError:
                return
        if misdeed.startswith("raise"):
            raise ZeroDivisionError(f"no reward for {connections} connections\nsecond line")
        while misdeed.startswith("spin"):
            pass
        if misdeed.startswith("die"):
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class StubJob:
    task: Stub
    program: Program
    weights: NDArray[np.float64]
    trial: Trial
    outcome: Outcome

    @property
    def units(self) -> int:
        return self.program.networks

    @property
    def grain(self) -> int:
        return 1

    def run(self, begin: int, end: int) -> None:
        program, seeds = self.program, self.trial.seeds % 1000 / 7.0
        for network in range(begin, end):
            nodes = program.node_rows[network : network + 2]
            first, last = program.edge_rows[nodes].tolist()
            self.task.misbehave(last - first)
            if self.task.seconds:
                time.sleep(self.task.seconds)
            structure = 1.0 + float(program.source[first:last].sum()) + 100.0 * (last - first)
            structure += float(self.task.held[0])
            rows = (
                self.weights
                if self.weights.ndim == 1
                else self.weights[:, program.gene[first:last]].sum(axis=1)
            )
            self.outcome.returns[network] = structure * rows[:, None] + seeds
            self.outcome.steps[network] = last - first
