"""The file formats published with weight-agnostic networks (the code of Gaier & Ha 2019).

``NAME.out`` is a table without header of N rows and N + 1 columns: row = source, column = target, last
column = activation id. The order of the nodes is bias, inputs, hidden (topological), outputs. A cell of 0
is no gene, nan a disabled one, and any other number a connection.
``NAME.wann.json`` is ``[[offset, ...], score, (std)]`` with one offset for each connection, row by row; the
connection's weight is the offset plus a bias that depends on the task.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, TypeAdapter, ValidationError

from ..errors import BadInput
from ..files import read_bytes, read_json
from ..kernels.genes import topological_order
from ..network import Network
from ..settings import explain
from .network_json import LARGEST_FILE

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
    """Read a published network, and its weights.

    Args:
        path: the ``.out`` file.
        inputs: number of inputs.
        outputs: number of outputs.
        weights: the ``.wann.json`` file; None for a network without weights.
        weight_bias: added to every offset.
        task: the id of the network's task.

    Raises:
        BadInput: a file is damaged, or does not fit the number of inputs and outputs.
    """
    source, target, activation = _read_table(path)
    size = len(activation)
    if size < 1 + inputs + outputs:
        raise BadInput(
            f"{path}: {size} nodes, but a bias, {inputs} inputs and {outputs} outputs "
            f"need at least {1 + inputs + outputs}"
        )
    index = np.concatenate(
        [
            np.arange(1 + inputs),
            np.arange(1 + inputs + outputs, size),  # in a Network hidden nodes come last
            np.arange(1 + inputs, 1 + inputs + outputs),
        ]
    )
    computed = _activations(path, activation[1 + inputs :])
    hidden = size - 1 - inputs - outputs
    with np.errstate(over="ignore"):  # an infinite weight is refused by Network
        values = None if weights is None else load_weights(weights, len(source)) + weight_bias
    try:
        return Network(
            inputs,
            outputs,
            np.concatenate([computed[hidden:], computed[:hidden]]),
            index[source],
            index[target],
            values,
            task=task,
            provenance={"imported": path.name},
        )
    except BadInput as error:
        raise BadInput(f"{path if weights is None else f'{path} with {weights}'}: {error}") from None


def load_weights(path: Path, connections: int) -> NDArray[np.float64]:
    """The offsets of a ``.wann.json`` file, float64[connections].

    Raises:
        BadInput: the file is damaged, or the number of offsets is not that of the connections.
    """
    document = read_json(path, LARGEST_FILE)
    try:
        offsets = _OFFSETS.validate_python(_DOCUMENT.validate_python(document)[0])
    except ValidationError as error:
        raise BadInput(f"{path}: not [[offset, ...], score] as JSON ({explain(error)})") from None
    if len(offsets) != connections:
        raise BadInput(
            f"{path}: {len(offsets)} offsets for a network of {connections} connections; "
            "accepted is one for each, row by row of the .out table"
        )
    return np.array(offsets, np.float64)


def render_out(network: Network) -> str:
    """The network as an ``.out`` table, with 1 for each connection.

    Raises:
        BadInput: the table would be larger than ``load_out`` accepts.
    """
    size, first = network.size, 1 + network.inputs
    if size > _LARGEST_TABLE:
        raise BadInput(
            f"{size:,} nodes: an .out table of them has {size * (size + 1):,} cells, mostly zeros, some "
            f"{2 * size * (size + 1) // 2**20:,} MB; accepted are up to {_LARGEST_TABLE:,} nodes. "
            "The format json has no such limit"
        )
    order = _published_order(network)
    position = np.argsort(order)
    rows = np.argsort(position[network.source], kind="stable")
    ends = np.searchsorted(position[network.source][rows], np.arange(size + 1))
    targets = position[network.target][rows]
    activation = np.ones(size, np.int64)
    activation[first:] = network.activation[order[first:] - first]
    lines = []
    for row in range(size):
        cells = np.full(2 * size, ord(","), np.uint8)
        cells[::2] = ord("0")
        cells[2 * targets[ends[row] : ends[row + 1]]] = ord("1")
        lines.append(f"{cells.tobytes().decode()}{activation[row]}\n")
    return "".join(lines)


def render_weights(network: Network, score: float = 0.0) -> str:
    """The network's weights as ``.wann.json`` that belongs to the table of ``render_out``; the bias is 0.

    Raises:
        BadInput: the network has no weights.
    """
    if network.weights is None:
        raise BadInput("the network has no weights to write")
    position = np.argsort(_published_order(network))
    rows = np.lexsort((position[network.target], position[network.source]))
    return json.dumps([network.weights[rows].tolist(), score]) + "\n"


def _published_order(network: Network) -> NDArray[np.int64]:
    """The node indices of a network in published order: bias, inputs, hidden by depth, outputs."""
    first = 1 + network.inputs
    hidden = topological_order(network.size, first + network.outputs, network.source, network.target)
    return np.concatenate([np.arange(first), hidden, np.arange(first, first + network.outputs)])


def _read_table(path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Sources and targets of the connections, row by row, and the column of activations."""
    lines = read_bytes(path, LARGEST_FILE).split(None, _LARGEST_TABLE)
    size = len(lines)
    if not lines:
        raise BadInput(f"{path}: empty; an .out file has a row for each node")
    if size > _LARGEST_TABLE:
        raise BadInput(f"{path}: more than {_LARGEST_TABLE:,} rows, the most nodes that are accepted")
    targets, activation = [], np.empty(size)
    for number, line in enumerate(lines, 1):  # row by row: the whole table may be large, and nearly empty
        row = _read_row(path, number, line.decode(errors="replace"))
        if len(row) != size + 1:
            raise BadInput(f"{path}: row {number} has {len(row)} columns; {size} rows need {size + 1}")
        (columns,) = np.nonzero(~np.isnan(row[:-1]) & (row[:-1] != 0))
        if len(columns) and columns[0] < number:
            raise BadInput(
                f"{path}: row {number} connects back to column {columns[0] + 1}; "
                "only connections above the diagonal are accepted"
            )
        targets.append(columns)
        activation[number - 1] = row[-1]
    sources = np.repeat(np.arange(size), [len(columns) for columns in targets])
    return sources, np.concatenate(targets), activation


def _read_row(path: Path, number: int, line: str) -> NDArray[np.float64]:
    if line.count(",") > _LARGEST_TABLE:
        raise BadInput(f"{path}: row {number} has more than {_LARGEST_TABLE:,} columns of nodes")
    try:
        row = np.array([float(cell) for cell in line.split(",")])
    except ValueError:
        shown = line if len(line) <= 60 else f"{line[:57]}..."
        raise BadInput(f"{path}: row {number} is not numbers separated by commas: {shown!r}") from None
    if np.isinf(row).any():
        raise BadInput(f"{path}: row {number} contains an infinite number")
    return row


def _activations(path: Path, column: NDArray[np.float64]) -> NDArray[np.int8]:
    wrong = column[(column != np.round(column)) | ~((column >= 1) & (column <= 11))]
    if len(wrong):
        raise BadInput(f"{path}: unknown activation {wrong[0]:g}; accepted are 1 to 11")
    return column.astype(np.int8)
