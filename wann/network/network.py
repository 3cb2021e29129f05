"""A single network: an evolved champion, a pruned or an imported one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import networkx as nx
import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..activations import ACTIVATIONS
from ..errors import BadInput
from ..genome import Population
from ..kernels.genes import Genes
from ..trust import Trust
from .batch import NetworkBatch, compile_population
from .interface import Interface
from .labelled import LabelledData
from .pictures import drawer
from .policy import Policy

if TYPE_CHECKING:
    from .policy import AnyEnvironment

__all__ = ["Network"]

_NAMES: Final = {activation.id: activation.name for activation in ACTIVATIONS}


def _representable(weights: NDArray[np.float64]) -> bool:
    with np.errstate(over="ignore"):
        return bool(np.isfinite(weights.astype(np.float32)).all())


@dataclass(frozen=True, eq=False)
class Network:
    """A feed-forward network of any topology.

    Nodes are numbered: 0 the bias, then inputs, then outputs, then hidden nodes.

    Attributes:
        inputs: number of inputs, without the bias.
        outputs: number of outputs.
        activation: int8[outputs + hidden], activation ids of outputs and hidden nodes.
        source: int64[connections], node numbers.
        target: int64[connections], node numbers; pairs are distinct and sorted.
        weights: float64[connections], or None where the network was not given any.
        shared_weight: the one weight it works best with, if that is known.
        task: id of the task it was evolved for.
        provenance: where it comes from (seed, generation, ...); plain JSON values.
        interface: how it meets the task's environment; None for images, and where it was not recorded.
        data: of a classifier of one's own data, their names and how they were divided.

    Raises:
        BadInput: a cycle, an unknown node, a repeated connection, a number that is not finite.
    """

    inputs: int
    outputs: int
    activation: NDArray[np.int8]
    source: NDArray[np.int64]
    target: NDArray[np.int64]
    weights: NDArray[np.float64] | None = None
    shared_weight: float | None = None
    task: str | None = None
    provenance: Mapping[str, Any] = field(default_factory=dict)
    interface: Interface | None = None
    data: LabelledData | None = None

    def __post_init__(self) -> None:
        order = np.lexsort((self.target, self.source))
        if self.weights is not None:
            if self.weights.shape != self.source.shape:
                raise BadInput(
                    f"{self.weights.size} weights for {self.source.size} connections: "
                    "give one for each or none"
                )
            object.__setattr__(self, "weights", self.weights[order])
            if not _representable(self.weights):
                raise BadInput("a weight is not a finite number of 32 bits")
        if self.shared_weight is not None and not _representable(np.array(self.shared_weight)):
            raise BadInput(f"shared_weight {self.shared_weight:g} is not a finite number of 32 bits")
        if self.data and (len(self.data.features), len(self.data.classes)) != (self.inputs, self.outputs):
            raise BadInput(
                f"data: {len(self.data.features)} features and {len(self.data.classes)} classes for "
                f"{self.inputs} inputs and {self.outputs} outputs"
            )
        object.__setattr__(self, "source", self.source[order])
        object.__setattr__(self, "target", self.target[order])
        self._check_connections()

    @classmethod
    def expected(cls, given: object) -> Network:
        """What was given, if it is a network.

        Raises:
            BadInput: it is something else.
        """
        if not isinstance(given, Network):
            raise BadInput(
                f"a {type(given).__name__}; give a Network, such as run.champion or wann.load(path)",
                argument="network",
            )
        return given

    def _check_connections(self) -> None:
        unknown = sorted(set(self.activation.tolist()) - set(_NAMES))
        if unknown:
            raise BadInput(f"no activation {unknown[0]}; ids run from 1 to {max(_NAMES)}")
        size, first = self.size, 1 + self.inputs
        for source, target in zip(self.source.tolist(), self.target.tolist(), strict=True):
            if not (0 <= source < size and 0 <= target < size):
                raise BadInput(f"connection {source} -> {target} names a node that is not there")
            if target < first:
                raise BadInput(f"connection {source} -> {target} ends in the bias or an input")
            if first <= source < first + self.outputs:
                raise BadInput(f"connection {source} -> {target} leaves an output")
        pairs = np.stack([self.source, self.target])
        if pairs.shape[1] and (np.diff(pairs) == 0).all(axis=0).any():
            position = int(np.flatnonzero((np.diff(pairs) == 0).all(axis=0))[0])
            raise BadInput(f"connection {pairs[0, position]} -> {pairs[1, position]} stands twice")
        try:
            self.batch  # noqa: B018 - compiling finds cycles
        except ValueError:
            cycle = [edge[0] for edge in nx.find_cycle(self.graph())]
            path = " -> ".join(map(str, [*cycle, cycle[0]]))
            raise BadInput(f"the connections form a cycle: {path}") from None

    @property
    def size(self) -> int:
        """Number of nodes, bias and inputs among them."""
        return 1 + self.inputs + len(self.activation)

    @property
    def hidden(self) -> int:
        """Number of hidden nodes."""
        return len(self.activation) - self.outputs

    @property
    def connections(self) -> int:
        """Number of connections."""
        return len(self.source)

    @property
    def effective_connections(self) -> int:
        """Connections on some path from bias or input to output."""
        return int(self.batch.effective_connections[0])

    @cached_property
    def population(self) -> Population:
        """This network as a population of one, every gene enabled."""
        fixed = 1 + self.inputs
        genes = Genes(
            self.inputs,
            self.outputs,
            np.array([0, len(self.activation)]),
            np.arange(fixed, self.size),
            self.activation,
            np.array([0, self.connections]),
            self.source,
            self.target,
            np.ones(self.connections, np.bool_),
        )
        return Population(genes)

    @cached_property
    def batch(self) -> NetworkBatch:
        """This network, compiled."""
        return compile_population(self.population)

    def kind(self, node: int) -> str:
        """What a node is: bias, input, output or hidden."""
        if node == 0:
            return "bias"
        if node <= self.inputs:
            return "input"
        return "output" if node <= self.inputs + self.outputs else "hidden"

    def activation_name(self, node: int) -> str:
        """Name of a node's activation; bias and inputs are linear."""
        position = node - 1 - self.inputs
        return "linear" if position < 0 else _NAMES[int(self.activation[position])]

    def graph(self) -> nx.DiGraph[int]:
        """The topology as a networkx graph.

        Nodes are numbered as in the network. They carry ``kind`` (bias, input, output or hidden),
        ``activation`` and, where the network knows it, ``name``; edges carry ``weight`` where the network
        has weights.
        """
        named = () if self.data is None else (*self.data.features, *self.data.classes)
        names = [{}, *({"name": name} for name in named)]
        graph: nx.DiGraph[int] = nx.DiGraph()
        for node in range(self.size):
            name = names[node] if node < len(names) else {}
            graph.add_node(node, kind=self.kind(node), activation=self.activation_name(node), **name)
        for position, edge in enumerate(zip(self.source.tolist(), self.target.tolist(), strict=True)):
            weight = {} if self.weights is None else {"weight": float(self.weights[position])}
            graph.add_edge(*edge, **weight)
        return graph

    def with_weights(
        self, weights: NDArray[np.float64] | None, shared_weight: float | None = None
    ) -> Network:
        """The same topology with other weights (float64[connections], in the order of ``source``)."""
        return replace(self, weights=weights, shared_weight=shared_weight)

    def policy(
        self,
        weight: float | None = None,
        *,
        environment: AnyEnvironment | None = None,
        trust: Sequence[str] = (),
    ) -> Policy:
        """A callable from observation to action, with a shared weight or the stored weights.

        Args:
            weight: the shared weight; by default the stored weights, else the stored shared weight.
            environment: which the policy will meet: it is compared with the spaces in the network's file,
                and gives them where the file has none.
            trust: modules that may be imported for an encoder that the network's file names.

        Raises:
            BadInput: no weight is given and the network carries none, or it does not fit the environment.
        """
        return Policy.of(self, weight, environment, Trust.of(trust))

    def classify(self, features: ArrayLike, weight: float | None = None) -> NDArray[np.str_]:
        """The classes of rows of features float[rows, features], by their names.

        Args:
            features: as in the data that the network was grown on; scaled as those were.
            weight: one shared weight; if None the weights that the network carries, or its shared weight.

        Raises:
            BadInput: a network that was not grown on one's own data, or rows of another length.
        """
        if self.data is None:
            raise BadInput(f"the network was grown on {self.task or 'no task'}, not on data with classes")
        rows = np.asarray(features, np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.inputs:
            raise BadInput(
                f"an array of shape {rows.shape}; accepted are rows of {self.inputs} numbers: "
                f"{', '.join(self.data.features)}",
                argument="features",
            )
        outputs = self.policy(weight).outputs(rows)
        return np.asarray(np.array(self.data.classes)[outputs.argmax(axis=1)], np.str_)

    def plot(self, *, title: str | None = None) -> Any:
        """The topology as a ``matplotlib.figure.Figure``, which shows itself in notebooks."""
        return drawer()(self, title=title)

    def _repr_svg_(self) -> str:
        svg: str = self.plot()._repr_svg_()
        return svg

    def __repr__(self) -> str:
        task = "" if self.task is None else f" for {self.task}"
        shared = "" if self.shared_weight is None else f", best with {self.shared_weight:g}"
        weights = shared if self.weights is None else ", with weights"
        return (
            f"Network({self.inputs} -> {self.outputs}, {self.hidden} hidden, "
            f"{self.connections} connection{'' if self.connections == 1 else 's'}{weights}{task})"
        )

    @classmethod
    def of_genome(cls, population: Population, index: int, **described: Any) -> Network:
        """The network of one genome: its enabled connections and the nodes that they touch.

        Hidden nodes are renumbered in their order.
        """
        genes = population.take(np.array([index])).genes
        fixed, on = 1 + genes.inputs, genes.enabled
        touched = np.isin(genes.node, np.concatenate([genes.source[on], genes.target[on]]))
        touched[: genes.outputs] = True
        position = {name: fixed + rank for rank, name in enumerate(genes.node[touched].tolist())}
        position |= {name: name for name in range(fixed)}
        return cls(
            genes.inputs,
            genes.outputs,
            genes.activation[touched],
            np.array([position[name] for name in genes.source[on].tolist()], np.int64),
            np.array([position[name] for name in genes.target[on].tolist()], np.int64),
            **described,
        )
