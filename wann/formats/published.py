"""The published file formats of weight-agnostic networks (Gaier & Ha 2019, their code).

``NAME.out`` is a headerless table of N rows and N + 1 columns: row = source, column = destination, last
column = activation id. Nodes stand in the order bias, inputs, hidden (topological), outputs. 0 is no
gene, nan a disabled one, and anything else a connection, whatever the number.
``NAME.wann.json`` is ``[[offset, ...], score, (deviation)]`` with an offset for each connection, row by
row; its weight is the offset plus a bias that belongs to the task.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError

from ..errors import BadInput
from ..kernels.genes import topological_order
from ..network import Network
from ..settings import explain
from .limits import LARGEST_FILE, read_bytes

__all__ = ["load_out", "load_weights", "render_out", "render_weights"]

_LARGEST_TABLE: Final = 5_000
_Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
_DOCUMENT: Final = TypeAdapter(Annotated[list[Any], Field(min_length=1)])
_OFFSETS: Final = TypeAdapter(list[_Number])


def load_out(
    path: Path,
    inputs: int,
    outputs: int,
    weights: Path | None = None,
    weight_bias: float = 0.0,
    task: str | None = None,
) -> Network:
    """Read a published network, and the weights published for it if ``weights`` names them.

    Raises:
        BadInput: a damaged file, or one that does not fit the number of inputs and outputs.
    """
    table = _read_table(path)
    size = len(table)
    if size < 1 + inputs + outputs:
        raise BadInput(
            f"{path}: {size} nodes, but a bias, {inputs} inputs and {outputs} outputs "
            f"need at least {1 + inputs + outputs}"
        )
    matrix, activation = table[:, :-1], table[:, -1]
    connected = ~np.isnan(matrix) & (matrix != 0)
    _check_triangle(path, connected)
    source, target = np.nonzero(connected)  # row-major, as the offsets are
    place = np.concatenate(
        [
            np.arange(1 + inputs),
            np.arange(1 + inputs + outputs, size),  # hidden nodes come last with us
            np.arange(1 + inputs, 1 + inputs + outputs),
        ]
    )
    computed = _activations(path, activation[1 + inputs :])
    hidden = size - 1 - inputs - outputs
    values = None if weights is None else load_weights(weights, len(source)) + weight_bias
    try:
        return Network(
            inputs,
            outputs,
            np.concatenate([computed[hidden:], computed[:hidden]]),
            place[source],
            place[target],
            values,
            task=task,
            provenance={"imported": path.name},
        )
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def load_weights(path: Path, connections: int) -> NDArray[np.float64]:
    """The offsets of a ``.wann.json`` file, float64[connections].

    Raises:
        BadInput: a damaged file, or a number of offsets other than of connections.
    """
    text = read_bytes(path, LARGEST_FILE)
    try:
        offsets = _OFFSETS.validate_python(_DOCUMENT.validate_json(text)[0])
    except ValidationError as error:
        raise BadInput(f"{path}: not [[offset, ...], score] as JSON ({explain(error)})") from None
    if len(offsets) != connections:
        raise BadInput(
            f"{path}: {len(offsets)} offsets for a network of {connections} connections; "
            "accepted is one for each, row by row of the .out table"
        )
    return np.array(offsets, np.float64)


def render_out(network: Network) -> str:
    """The network as an ``.out`` table; 1 stands for a connection."""
    order = _published_order(network)
    place = np.argsort(order)
    table = np.zeros((network.size, network.size + 1), np.int64)
    table[place[network.source], place[network.target]] = 1
    first = 1 + network.inputs
    table[:first, -1] = 1
    table[first:, -1] = network.activation[order[first:] - first]
    return "".join(",".join(map(str, row)) + "\n" for row in table.tolist())


def render_weights(network: Network, score: float = 0.0) -> str:
    """The network's weights as ``.wann.json`` for the table of ``render_out``, with weight bias 0.

    Raises:
        BadInput: the network carries no weights.
    """
    if network.weights is None:
        raise BadInput("the network carries no weights that could be written")
    place = np.argsort(_published_order(network))
    rows = np.lexsort((place[network.target], place[network.source]))
    return json.dumps([network.weights[rows].tolist(), score]) + "\n"


def _published_order(network: Network) -> NDArray[np.int64]:
    """Our node numbers in published order: bias, inputs, hidden by depth, outputs."""
    first = 1 + network.inputs
    hidden = topological_order(network.size, first + network.outputs, network.source, network.target)
    return np.concatenate([np.arange(first), hidden, np.arange(first, first + network.outputs)])


def _read_table(path: Path) -> NDArray[np.float64]:
    lines = read_bytes(path, LARGEST_FILE).decode(errors="replace").split()
    if len(lines) > _LARGEST_TABLE:
        raise BadInput(f"{path}: {len(lines)} rows; at most {_LARGEST_TABLE} nodes are accepted")
    rows = [_read_row(path, number, line) for number, line in enumerate(lines, 1)]
    for number, row in enumerate(rows, 1):
        if len(row) != len(rows) + 1:
            raise BadInput(
                f"{path}: row {number} has {len(row)} columns; {len(rows)} rows need {len(rows) + 1}"
            )
    if not rows:
        raise BadInput(f"{path}: empty; an .out file has a row for each node")
    return np.array(rows)


def _read_row(path: Path, number: int, line: str) -> Sequence[float]:
    try:
        row = [float(cell) for cell in line.split(",")]
    except ValueError:
        shown = line if len(line) <= 60 else f"{line[:57]}..."
        raise BadInput(f"{path}: row {number} is not numbers between commas, found {shown!r}") from None
    if any(math.isinf(cell) for cell in row):
        raise BadInput(f"{path}: row {number} holds an infinite number")
    return row


def _check_triangle(path: Path, connected: NDArray[np.bool_]) -> None:
    rows, columns = np.nonzero(np.tril(connected))
    if len(rows):
        raise BadInput(
            f"{path}: row {rows[0] + 1} connects back to column {columns[0] + 1}; "
            "only connections above the diagonal are accepted"
        )


def _activations(path: Path, column: NDArray[np.float64]) -> NDArray[np.int8]:
    wrong = column[(column != np.round(column)) | ~((column >= 1) & (column <= 11))]
    if len(wrong):
        raise BadInput(f"{path}: no activation {wrong[0]:g}; ids run from 1 to 11")
    return column.astype(np.int8)
