"""Pieces of an evaluation that can be computed anywhere, in any order, and put together again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..kernels.forward import Program
from ..network import NetworkBatch
from ..tasks import Outcome, Task, Trial
from .messages import narrow, pack, unpack

__all__ = ["Chunk", "Evaluation", "compute"]

_LIGHT: Final = 90_000  # bytes: Ray sends so much within a call, and more by way of the object store
_ENVIRONMENT: Final = 40.0  # what a step of an environment costs, in connections: about right for swing-up


@dataclass(frozen=True)
class Chunk:
    """Some networks, under some of the weights, in some of the episodes: each a range [begin, end).

    Attributes:
        networks: of the population.
        weights: of the weights that they are evaluated with.
        episodes: of those that each weight meets.
        troubles: what it has gone through so far; see ``Schedule``.
        isolation: 0 where it may share its worker's queue, 1 where it goes alone to a worker, 2 where
            nothing else may be computed meanwhile.
    """

    networks: tuple[int, int]
    weights: tuple[int, int]
    episodes: tuple[int, int]
    troubles: int = 0
    isolation: int = 0

    @property
    def size(self) -> int:
        """Networks in it."""
        return self.networks[1] - self.networks[0]

    @property
    def played(self) -> int:
        """Episodes in it, of all networks under all weights."""
        return self.size * (self.weights[1] - self.weights[0]) * (self.episodes[1] - self.episodes[0])

    def split(self, parts: int) -> Iterator[Chunk]:
        """At most so many parts of about equal size: of its networks, else weights, else episodes."""
        for name in ("networks", "weights", "episodes"):
            begin, end = getattr(self, name)
            if end - begin > 1:
                count = min(parts, end - begin)
                bounds = [begin + (end - begin) * part // count for part in range(count + 1)]
                for pair in pairwise(bounds):
                    part: dict[str, Any] = {name: pair}
                    yield replace(self, **part)
                return
        yield self

    def parts(self, count: int) -> Iterator[Chunk]:
        """About so many parts; where networks are few, of their weights and episodes too."""
        for part in self.split(count):
            wanted = count * part.played // self.played
            if part.size > 1 or wanted < 2:
                yield part
                continue
            for piece in part.split(wanted):
                yield from piece.split(max(1, wanted * piece.played // part.played))


class Evaluation:
    """Networks, weights and a trial, and the outcome that fills chunk by chunk.

    Attributes:
        whole: everything as one chunk.
        cost: float64[networks + 1], what the networks before each one cost, in arbitrary units.
        outcome: what has arrived.
    """

    def __init__(self, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial) -> None:
        program = batch.program_for(weights)
        self._weights = weights
        self._trial = trial
        networks, lanes = len(batch), len(weights) * trial.episodes
        self.whole = Chunk((0, networks), (0, len(weights)), (0, trial.episodes))
        self.outcome = Outcome.blank(networks, len(weights), trial)
        self._node_rows, self._edge_rows = program.node_rows, program.edge_rows[program.node_rows]
        self.cost = (self._edge_rows + _ENVIRONMENT * np.arange(networks + 1)) * lanes
        # About two bytes for a connection and for a node; about ten for an episode that comes back.
        self._sent = 2 * (self._edge_rows + self._node_rows)
        self._answered = 10 * lanes
        self._header: dict[str, Any] = {"inputs": program.inputs, "outputs": program.outputs}
        self._header |= {"part": trial.part}
        self._nodes = {"activation": program.activation, "edges": narrow(np.diff(program.edge_rows))}
        self._edges = {"source": narrow(program.source), "times": narrow(program.times)}
        # Only weights of a connection's own are looked up by its gene.
        self._gene = None if program is batch.merged else program.gene

    def cost_of(self, chunk: Chunk) -> float:
        """What a chunk costs, in the units of ``cost``."""
        (first, last), (begin, end), (start, stop) = chunk.networks, chunk.weights, chunk.episodes
        share = (end - begin) * (stop - start) / (self.whole.weights[1] * self.whole.episodes[1])
        return float(self.cost[last] - self.cost[first]) * share

    def light(self, begin: int) -> int:
        """The end of the longest range of networks from here that is light both ways; at least one."""
        end = int(np.searchsorted(self._sent, self._sent[begin] + _LIGHT, "right")) - 1
        return max(begin + 1, min(end, begin + _LIGHT // self._answered))

    def message(self, chunk: Chunk) -> bytes:
        """All that a worker needs to compute a chunk, beside the task."""
        begin, end = chunk.networks
        nodes = slice(self._node_rows[begin], self._node_rows[end])
        edges = slice(self._edge_rows[begin], self._edge_rows[end])
        own = (slice(*chunk.weights),) if self._trial.own else ()
        seeds = self._trial.seeds[*own, slice(*chunk.episodes)]
        arrays = {"nodes": narrow(np.diff(self._node_rows[begin : end + 1]))}
        arrays |= {name: array[nodes] for name, array in self._nodes.items()}
        arrays |= {name: array[edges] for name, array in self._edges.items()}
        arrays |= {"weights": self._weights[slice(*chunk.weights)], "seeds": seeds}
        if self._gene is not None:
            gene, table = self._gene[edges], arrays["weights"]
            first, last = (gene.min(), gene.max() + 1) if len(gene) else (0, 0)
            if last - first == 1 < table.shape[1]:  # one column would mean shared values
                first, last = (first, last + 1) if last < table.shape[1] else (first - 1, last)
            arrays |= {"weights": table[:, first:last], "gene": narrow(gene - first)}
        return pack(self._header, arrays)

    def accept(self, chunk: Chunk, returns: NDArray[Any], steps: NDArray[Any]) -> None:
        """Put what came of a chunk in its place.

        Raises:
            ValueError: the arrays are not of the chunk's shape.
        """
        place = tuple(slice(*pair) for pair in (chunk.networks, chunk.weights, chunk.episodes))
        room = self.outcome.returns[place]
        if returns.shape != room.shape or steps.shape != room.shape:
            raise ValueError(f"an outcome of shape {returns.shape} for a chunk of {room.shape}")
        room[...] = returns
        self.outcome.steps[place] = steps


def compute(task: Task, message: bytes) -> Outcome:
    """Do what a message of ``Evaluation.message`` asks for.

    Raises:
        Damaged: it is no such message.
    """
    header, arrays = unpack(message)
    program = Program(
        int(header["inputs"]),
        int(header["outputs"]),
        _rows(arrays["nodes"]),
        arrays["activation"],
        _rows(arrays["edges"]),
        arrays["source"].astype(np.int32),
        arrays["times"].astype(np.float32),
        arrays.get("gene", np.empty(0)).astype(np.int64),
    )
    trial = Trial(arrays["seeds"], header["part"])
    weights = arrays["weights"]
    job = task.job(program, weights, trial)
    job.run(0, job.units)
    return job.outcome


def _rows(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Where each row begins, from how long they are."""
    rows = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=rows[1:])
    return rows
