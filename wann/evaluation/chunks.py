"""Chunks of an evaluation, which can be computed anywhere and in any order, and the whole they add up to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..kernels.forward import Program
from ..network import NetworkBatch
from ..tasks import Outcome, Rules, Task, Trial
from .messages import narrow, pack, unpack

__all__ = ["Chunk", "Evaluation", "compute"]

_INLINE_BYTES: Final = 90_000  # Ray sends larger messages by way of its object store
_STEP_COST: Final = 40.0  # of an environment, in connections: about right for swing-up


@dataclass(frozen=True)
class Chunk:
    """Some networks under some of the weights in some of the episodes, each a range [begin, end).

    Attributes:
        networks: range of the population.
        weights: range of the weights that networks are evaluated with.
        episodes: range of the episodes of each weight.
        penalty: what its failures so far count against its network; see ``Schedule``.
        isolation: 0 if other chunks may be queued on the same worker, 1 if it must be its worker's only
            chunk, 2 if it must be the only chunk in progress anywhere.
    """

    networks: tuple[int, int]
    weights: tuple[int, int]
    episodes: tuple[int, int]
    penalty: int = 0
    isolation: int = 0

    @property
    def size(self) -> int:
        """Number of networks."""
        return self.networks[1] - self.networks[0]

    @property
    def rollouts(self) -> int:
        """Number of episodes, over all networks and weights."""
        return self.size * (self.weights[1] - self.weights[0]) * (self.episodes[1] - self.episodes[0])

    def split(self, parts: int) -> Iterator[Chunk]:
        """Split into at most ``parts`` chunks of similar size: by networks, else weights, else episodes."""
        for axis in ("networks", "weights", "episodes"):
            begin, end = getattr(self, axis)
            if end - begin > 1:
                count = min(parts, end - begin)
                bounds = [begin + (end - begin) * part // count for part in range(count + 1)]
                for pair in pairwise(bounds):
                    part: dict[str, Any] = {axis: pair}
                    yield replace(self, **part)
                return
        yield self

    def divide(self, count: int) -> Iterator[Chunk]:
        """Split into about ``count`` chunks: by networks; if those are few, by weights and episodes too."""
        for part in self.split(count):
            wanted = count * part.rollouts // self.rollouts
            if part.size > 1 or wanted < 2:
                yield part
                continue
            for piece in part.split(wanted):
                yield from piece.split(max(1, wanted * piece.rollouts // part.rollouts))


class Evaluation:
    """Networks, weights and a trial, with the outcome that is filled chunk by chunk.

    Attributes:
        whole: the whole evaluation as one chunk.
        cost: float64[networks + 1], cumulative cost of the networks before each one, in arbitrary units.
        outcome: the results so far.
    """

    def __init__(self, batch: NetworkBatch, weights: NDArray[np.float64], trial: Trial) -> None:
        program = batch.program_for(weights)
        self._weights = weights
        self._trial = trial
        networks, lanes = len(batch), len(weights) * trial.episodes
        self.whole = Chunk((0, networks), (0, len(weights)), (0, trial.episodes))
        self.outcome = Outcome.blank(networks, len(weights), trial)
        self._node_rows, self._edge_rows = program.node_rows, program.edge_rows[program.node_rows]
        self.cost = (self._edge_rows + _STEP_COST * np.arange(networks + 1)) * lanes
        # About two bytes for each connection and node in a request, ten for each episode in an answer.
        self._request_bytes = 2 * (self._edge_rows + self._node_rows)
        self._answer_bytes = 10 * lanes
        self._header: dict[str, Any] = {"inputs": program.inputs, "outputs": program.outputs}
        self._header |= {"part": trial.part, "rules": asdict(trial.rules)}
        self._nodes = {"activation": program.activation, "edges": narrow(np.diff(program.edge_rows))}
        self._edges = {"source": narrow(program.source), "times": narrow(program.times)}
        # Only with a weight for each connection does a program look up weights by gene.
        self._gene = None if program is batch.merged else program.gene

    def cost_of(self, chunk: Chunk) -> float:
        """The cost of a chunk, in the units of ``cost``."""
        (first, last), (begin, end), (start, stop) = chunk.networks, chunk.weights, chunk.episodes
        share = (end - begin) * (stop - start) / (self.whole.weights[1] * self.whole.episodes[1])
        return float(self.cost[last] - self.cost[first]) * share

    def inline_end(self, begin: int) -> int:
        """The end of the longest range of networks from ``begin`` whose messages Ray sends inline.

        The range has at least one network.
        """
        end = (
            int(np.searchsorted(self._request_bytes, self._request_bytes[begin] + _INLINE_BYTES, "right")) - 1
        )
        return max(begin + 1, min(end, begin + _INLINE_BYTES // self._answer_bytes))

    def message(self, chunk: Chunk) -> bytes:
        """Everything that a worker needs to compute a chunk, besides the task."""
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
            if last - first == 1 < table.shape[1]:  # a single column would mean shared weights
                first, last = (first, last + 1) if last < table.shape[1] else (first - 1, last)
            arrays |= {"weights": table[:, first:last], "gene": narrow(gene - first)}
        return pack(self._header, arrays)

    def store(self, chunk: Chunk, returns: NDArray[Any], steps: NDArray[Any]) -> None:
        """Copy the results of a chunk into the outcome.

        Args:
            chunk: the chunk.
            returns: [networks, weights, episodes] of the chunk.
            steps: of the same shape.

        Raises:
            ValueError: the arrays are not of the chunk's shape.
        """
        index = tuple(slice(*pair) for pair in (chunk.networks, chunk.weights, chunk.episodes))
        target = self.outcome.returns[index]
        if returns.shape != target.shape or steps.shape != target.shape:
            raise ValueError(f"an outcome of shape {returns.shape} for a chunk of {target.shape}")
        target[...] = returns
        self.outcome.steps[index] = steps


def compute(task: Task, message: bytes) -> Outcome:
    """Compute the chunk that a message of ``Evaluation.message`` describes.

    Raises:
        InvalidMessage: the bytes are not such a message.
    """
    header, arrays = unpack(message)
    program = Program(
        int(header["inputs"]),
        int(header["outputs"]),
        _row_pointers(arrays["nodes"]),
        arrays["activation"],
        _row_pointers(arrays["edges"]),
        arrays["source"].astype(np.int32),
        arrays["times"].astype(np.float32),
        arrays.get("gene", np.empty(0)).astype(np.int64),
    )
    trial = Trial(arrays["seeds"], header["part"], Rules(**header["rules"]))
    weights = arrays["weights"]
    job = task.job(program, weights, trial)
    job.run(0, job.units)
    return job.outcome


def _row_pointers(lengths: NDArray[Any]) -> NDArray[np.int64]:
    """Where each row begins, int64[rows + 1], from the lengths of the rows."""
    rows = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=rows[1:])
    return rows
