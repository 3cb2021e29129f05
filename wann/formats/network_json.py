"""Network JSON, version 1: a human-readable document, checked by a schema."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import numpy as np
from pydantic import AliasChoices, Field, JsonValue, ValidationError

from ..activations import BY_NAME
from ..encoding import (
    AbsentEncoder,
    ConvolutionalEncoder,
    Encoder,
    FunctionEncoder,
    encoder_bytes,
    find_encoder,
    written_encoder,
)
from ..errors import BadInput
from ..files import read_json, write_atomically
from ..network import Actions, Interface, LabelledData, Network, Observations
from ..settings import explain
from .spaces import SpaceDocument, Strict, made_space, space_document

__all__ = ["LARGEST_FILE", "from_document", "load", "save", "to_document"]

LARGEST_FILE: Final = 64 * 2**20
"""The most bytes of a network file that are read."""
LARGEST_NODES: Final = 100_000
LARGEST_GENES: Final = 1_000_000

_KINDS: Final = ("bias", "input", "output", "hidden")


class _Node(Strict):
    id: Annotated[int, Field(ge=0, le=2**53)]
    kind: Literal["bias", "input", "output", "hidden"]
    activation: str


class _Connection(Strict):
    source: int
    target: int
    weight: float | None = None


class _Encoder(Strict):
    name: Annotated[str, Field(max_length=200)]
    digest: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None


class _Interface(Strict):
    observe: list[Annotated[int, Field(ge=0)]] = Field(default_factory=list, max_length=LARGEST_NODES)
    mean: list[float] = Field(default_factory=list, max_length=LARGEST_NODES)
    std: Annotated[
        list[float], Field(validation_alias=AliasChoices("std", "deviation"))  # its earlier name
    ] = Field(default_factory=list, max_length=LARGEST_NODES)
    squash: Literal["scale", "clip", "tanh"] | None = None
    observation: SpaceDocument | None = None
    action: SpaceDocument | None = None
    kwargs: dict[str, JsonValue] = Field(default_factory=dict)
    wrappers: list[str] = Field(default_factory=list, max_length=100)
    encoder: _Encoder | None = None
    frame_skip: Annotated[int, Field(ge=1, le=1000)] = 1


class _Data(Strict):
    features: list[str] = Field(max_length=LARGEST_NODES)
    classes: list[str] = Field(max_length=LARGEST_NODES)
    label: str
    split: list[Annotated[float, Field(gt=0, lt=1)]] = Field(min_length=3, max_length=3)
    split_seed: Annotated[int, Field(ge=0, lt=2**63)]
    digest: str


class _Document(Strict):
    format: Literal["wann-network"]
    version: Literal[1]
    inputs: Annotated[int, Field(ge=1, le=LARGEST_NODES)]
    outputs: Annotated[int, Field(ge=1, le=LARGEST_NODES)]
    nodes: Annotated[list[_Node], Field(max_length=LARGEST_NODES)]
    connections: Annotated[list[_Connection], Field(max_length=LARGEST_GENES)]
    shared_weight: float | None = None
    task: str | None = None
    interface: _Interface | None = None
    data: _Data | None = None
    provenance: dict[str, Any] = Field(default_factory=dict)


def to_document(network: Network) -> dict[str, Any]:
    """The network as plain JSON values, in a fixed order."""
    nodes = [
        {"id": node, "kind": network.kind(node), "activation": network.activation_name(node)}
        for node in range(network.size)
    ]
    connections: list[dict[str, Any]] = [
        {"source": source, "target": target}
        for source, target in zip(network.source.tolist(), network.target.tolist(), strict=True)
    ]
    if network.weights is not None:
        for connection, weight in zip(connections, network.weights.tolist(), strict=True):
            connection["weight"] = weight
    document: dict[str, Any] = {
        "format": "wann-network",
        "version": 1,
        "inputs": network.inputs,
        "outputs": network.outputs,
        "nodes": nodes,
        "connections": connections,
    }
    if network.shared_weight is not None:
        document["shared_weight"] = network.shared_weight
    if network.task is not None:
        document["task"] = network.task
    if network.interface is not None:
        document["interface"] = _rendered(network.interface)
    if network.data is not None:
        document["data"] = asdict(network.data)
    if network.provenance:
        document["provenance"] = dict(network.provenance)
    return document


def _rendered(interface: Interface) -> dict[str, Any]:
    values: dict[str, Any] = {field.name: getattr(interface, field.name) for field in fields(interface)}
    for name in ("observation", "action"):
        values[name] = values[name] and space_document(values[name])
    values["encoder"] = interface.encoder and _named(interface.encoder)
    values["frame_skip"] = interface.frame_skip if interface.frame_skip > 1 else None
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in values.items() if value
    }


def _named(encoder: Encoder) -> dict[str, str]:
    digest: str | None = getattr(encoder, "digest", None)
    return {"name": encoder.name} if digest is None else {"name": encoder.name, "digest": digest}


def save(network: Network, path: Path) -> None:
    """Write network JSON atomically, with one node or connection a line, and its encoder beside it.

    Raises:
        BadInput, Unwritable: see ``write_atomically``.
    """
    encoder = network.interface and network.interface.encoder
    if isinstance(encoder, ConvolutionalEncoder):
        _keep(encoder, path.parent)
    write_atomically(path, render(to_document(network)).encode())


def _keep(encoder: ConvolutionalEncoder, folder: Path) -> None:
    """Write an encoder into a folder, unless the networks there have it already, or those in a run folder."""
    try:
        find_encoder(encoder.digest, (folder, folder.parent))
    except BadInput:
        write_atomically(folder / encoder.name, encoder_bytes(encoder))


def render(document: dict[str, Any]) -> str:
    """JSON text, with one line for each node and connection."""
    lines = []
    for key, value in document.items():
        if key in ("nodes", "connections") and value:
            rows = ",\n".join("  " + json.dumps(row) for row in value)
            lines.append(f" {json.dumps(key)}: [\n{rows}\n ]")
        else:
            lines.append(f" {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def load(path: Path) -> Network:
    """Read network JSON.

    Raises:
        BadInput: the file is not network JSON, or does not describe a valid network.
    """
    document = read_json(path, LARGEST_FILE)
    try:
        return from_document(document, (path.parent, path.parent.parent))
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def from_document(document: object, folders: tuple[Path, ...] = ()) -> Network:
    """The network that a document describes.

    Args:
        document: plain JSON values.
        folders: where the file of its encoder may lie.

    Raises:
        BadInput: the document violates the schema, or does not describe a valid network.
    """
    if isinstance(document, dict) and document.get("format") == "wann-network":
        version = document.get("version")
        if version != 1:
            raise BadInput(f"version {version!r} of the format; this program reads version 1")
    try:
        checked = _Document.model_validate(document)
    except ValidationError as error:
        raise BadInput(explain(error)) from None
    _check_nodes(checked)
    index = {node.id: position for position, node in enumerate(checked.nodes)}
    ends = [(link.source, link.target) for link in checked.connections]
    for source, target in ends:
        if source not in index or target not in index:
            raise BadInput(f"connection {source} -> {target} names a node that does not exist")
    weights = [link.weight for link in checked.connections]
    given = [weight for weight in weights if weight is not None]
    if given and len(given) != len(weights):
        raise BadInput(f"{len(given)} of {len(weights)} connections have a weight: give one for each or none")
    return Network(
        checked.inputs,
        checked.outputs,
        np.array([BY_NAME[node.activation].id for node in checked.nodes[1 + checked.inputs :]], np.int8),
        np.array([index[source] for source, _ in ends], np.int64),
        np.array([index[target] for _, target in ends], np.int64),
        np.array(given, np.float64) if given else None,
        checked.shared_weight,
        checked.task,
        checked.provenance,
        _interface(checked, folders),
        _data(checked.data),
    )


def _data(block: _Data | None) -> LabelledData | None:
    if block is None:
        return None
    training, validation, test = block.split
    return LabelledData(
        tuple(block.features),
        tuple(block.classes),
        block.label,
        (training, validation, test),
        block.split_seed,
        block.digest,
    )


def _interface(document: _Document, folders: tuple[Path, ...]) -> Interface | None:
    block = document.interface
    if block is None:
        return None
    for name in ("observe", "mean"):
        count = len(getattr(block, name))
        if count not in (0, document.inputs):
            raise BadInput(f"interface: {name} has {count} numbers for {document.inputs} inputs")
    found = Interface(
        tuple(block.observe),
        tuple(block.mean),
        tuple(block.std),
        block.squash,
        made_space(block.observation, "interface.observation"),
        made_space(block.action, "interface.action"),
        block.kwargs,
        tuple(block.wrappers),
        None if block.encoder is None else written_encoder(block.encoder.name, block.encoder.digest, folders),
        block.frame_skip,
    )
    _check_spaces(found, document.inputs, document.outputs)
    return found


def _check_spaces(interface: Interface, inputs: int, outputs: int) -> None:
    name = "the environment"
    if interface.action is not None:
        wanted = Actions.of(name, interface.action, interface.squash).outputs
        if wanted != outputs:
            raise BadInput(f"interface: action needs {wanted} outputs, not {outputs}")
    if interface.observation is not None and not isinstance(
        interface.encoder,
        AbsentEncoder | FunctionEncoder,  # whose sizes are not known yet
    ):
        size = Observations.of(name, interface.observation, interface.encoder).inputs
        if (len(interface.observe) or size) != inputs or max(interface.observe, default=0) >= size:
            raise BadInput(f"interface: observation has {size} numbers, which do not fit {inputs} inputs")


def _check_nodes(document: _Document) -> None:
    kinds = [node.kind for node in document.nodes]
    counted = [kinds.count(kind) for kind in ("bias", "input", "output")]
    expected = [1, document.inputs, document.outputs]
    if counted != expected:
        raise BadInput(
            f"nodes has {counted[0]} bias, {counted[1]} inputs and {counted[2]} outputs; "
            f"it must have 1 bias, {expected[1]} inputs and {expected[2]} outputs"
        )
    if kinds != sorted(kinds, key=_KINDS.index):
        raise BadInput("nodes must come in the order bias, inputs, outputs, hidden")
    seen = set()
    for node in document.nodes:
        if node.id in seen:
            raise BadInput(f"duplicate node id {node.id}")
        seen.add(node.id)
        if node.activation not in BY_NAME:
            raise BadInput(f"unknown activation {node.activation!r}; known are {', '.join(BY_NAME)}")
        if node.kind in ("bias", "input") and node.activation != "linear":
            raise BadInput(f"{node.kind} {node.id} has activation {node.activation}; it must be linear")
