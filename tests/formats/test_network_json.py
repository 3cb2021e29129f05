"""Network JSON: what is written is read back, and equal networks are equal files."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gymnasium import spaces
from hypothesis import given
from pydantic import TypeAdapter

from tests.samples import networks
from wann.activations import ACTIVATIONS
from wann.encoding import FunctionEncoder, PixelEncoder
from wann.errors import BadInput, Failure
from wann.formats import from_document, load, load_network, render, save, to_document
from wann.formats.spaces import SpaceDocument, made_space, space_document
from wann.network import Interface, Network
from wann.trust import NOTHING

OBSERVATIONS = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)

EXAMPLE: dict[str, Any] = {
    "format": "wann-network",
    "version": 1,
    "inputs": 2,
    "outputs": 1,
    "nodes": [
        {"id": 0, "kind": "bias", "activation": "linear"},
        {"id": 1, "kind": "input", "activation": "linear"},
        {"id": 2, "kind": "input", "activation": "linear"},
        {"id": 3, "kind": "output", "activation": "linear"},
        {"id": 4, "kind": "hidden", "activation": "tanh"},
    ],
    "connections": [
        {"source": 1, "target": 4, "weight": 0.5},
        {"source": 4, "target": 3, "weight": -1.25},
    ],
    "shared_weight": 1.5,
    "task": "wann/CartPoleSwingUp-v0",
    "provenance": {"seed": 3, "generation": 812},
}


def same_behaviour(one: Network, other: Network) -> bool:
    return all(
        np.array_equal(
            one.policy(weight).outputs(OBSERVATIONS),
            other.policy(weight).outputs(OBSERVATIONS),
            equal_nan=True,
        )
        for weight in (-1.3, 0.7, None)
        if weight is not None or one.weights is not None
    )


@given(networks())
def test_a_network_survives_the_round_trip(network: Network) -> None:
    again = from_document(json.loads(render(to_document(network))))
    assert to_document(again) == to_document(network)
    assert same_behaviour(network, again)


def test_a_network_without_connections_needs_no_weights_to_survive_it() -> None:
    none = np.zeros(0, np.int64)
    network = Network(3, 2, np.ones(2, np.int8), none, none, np.zeros(0))
    again = from_document(json.loads(render(to_document(network))))
    assert same_behaviour(network, again)


@given(networks())
def test_writing_again_gives_the_same_bytes(network: Network) -> None:
    text = render(to_document(network))
    assert render(to_document(from_document(json.loads(text)))) == text


@given(networks(weighted=True))
def test_the_order_of_connections_in_the_file_does_not_matter(network: Network) -> None:
    document = to_document(network)
    shuffled = document | {"connections": document["connections"][::-1]}
    assert render(to_document(from_document(shuffled))) == render(document)


def test_the_example_of_the_specification_is_read_and_written_as_it_stands() -> None:
    network = from_document(EXAMPLE)
    assert to_document(network) == EXAMPLE
    assert list(to_document(network)) == list(EXAMPLE)
    assert (network.inputs, network.outputs, network.hidden, network.connections) == (2, 1, 1, 2)
    hidden = np.tanh(0.5 * 0.8)
    assert network.policy().outputs(np.array([0.8, 9.0])).tolist() == pytest.approx(
        [-1.25 * hidden], rel=1e-6
    )


def test_weights_win_over_the_shared_weight() -> None:
    network = from_document(EXAMPLE)
    observation = np.array([0.8, 0.0])
    assert network.policy().outputs(observation) != network.policy(1.5).outputs(observation)
    bare = EXAMPLE | {"connections": [{"source": 1, "target": 4}, {"source": 4, "target": 3}]}
    assert from_document(bare).policy().outputs(observation) == network.policy(1.5).outputs(observation)


def test_what_is_not_known_is_not_written() -> None:
    network = Network(1, 1, np.array([1], np.int8), np.array([1]), np.array([2]))
    document = to_document(network)
    assert list(document) == ["format", "version", "inputs", "outputs", "nodes", "connections"]
    assert document["connections"] == [{"source": 1, "target": 2}]


def test_a_network_without_connections_is_a_network() -> None:
    network = from_document(EXAMPLE | {"connections": []})
    assert to_document(network)["connections"] == []
    assert network.policy(1.0).outputs(np.array([1.0, 1.0])).tolist() == [0.0]


def test_node_ids_may_be_any_numbers_in_the_file() -> None:
    renamed = json.loads(json.dumps(EXAMPLE))
    for node in renamed["nodes"]:
        node["id"] = 1000 - node["id"]
    for connection in renamed["connections"]:
        connection["source"] = 1000 - connection["source"]
        connection["target"] = 1000 - connection["target"]
    assert to_document(from_document(renamed)) == EXAMPLE


@pytest.mark.parametrize("activation", [entry.name for entry in ACTIVATIONS])
def test_every_activation_is_written_by_its_name(activation: str) -> None:
    document = json.loads(json.dumps(EXAMPLE))
    document["nodes"][4]["activation"] = activation
    assert to_document(from_document(document)) == document


def test_a_file_has_a_line_for_each_node_and_connection(tmp_path: Path) -> None:
    path = tmp_path / "network.json"
    save(from_document(EXAMPLE), path)
    lines = path.read_text(encoding="utf-8").splitlines()
    assert sum('"kind"' in line for line in lines) == 5
    assert sum('"source"' in line for line in lines) == 2
    assert to_document(load(path)) == EXAMPLE


def test_a_run_folder_stands_for_its_champion(tmp_path: Path) -> None:
    save(from_document(EXAMPLE), tmp_path / "champion.json")
    assert to_document(load_network(tmp_path)) == EXAMPLE
    (tmp_path / "champion.json").unlink()
    with pytest.raises(BadInput, match=r"champion\.json"):
        load_network(tmp_path)


INTERFACES = {
    "nothing": Interface(),
    "places": Interface(observe=(4, 0)),
    "means": Interface(mean=(0.5, -1e-9), std=(0.0, 2.0)),
    "all": Interface((4, 0), (0.1, 0.2), (1.0, 3.0), "tanh"),
    "a squash": Interface(squash="clip"),
    "an encoder": Interface(encoder=PixelEncoder(8, 8, 3), frame_skip=4),
    "a function": Interface(encoder=FunctionEncoder("eyes:see", NOTHING)),
}


@pytest.mark.parametrize("interface", INTERFACES.values(), ids=INTERFACES)
def test_an_interface_survives_the_round_trip(interface: Interface) -> None:
    network = replace(from_document(EXAMPLE), interface=interface)
    document = to_document(network)
    for again in (from_document(document), from_document(json.loads(render(document)))):
        assert again.interface == interface
        assert render(to_document(again)) == render(document)
    named = {
        field.name for field in fields(interface) if getattr(interface, field.name) not in (None, (), {}, 1)
    }
    assert set(document["interface"]) == named


def test_the_earlier_name_of_a_std_is_read() -> None:
    network = replace(from_document(EXAMPLE), interface=INTERFACES["means"])
    text = render(to_document(network))
    assert '"std"' in text
    assert from_document(json.loads(text.replace('"std"', '"deviation"'))).interface == network.interface


SPACES = {
    "bounds for each number": spaces.Box(np.array([-1, -np.inf]), np.array([2.5, 3]), dtype=np.float64),
    "whole numbers": spaces.Box(0, 255, (2, 3), np.uint8),
    "a choice": spaces.Discrete(4, start=-2),
    "choices": spaces.MultiDiscrete(np.array([[2, 3], [4, 5]]), start=np.array([[0, 1], [-1, 7]])),
    "bits": spaces.MultiBinary((2, 3)),
    "parts": spaces.Dict(
        b=spaces.Tuple([spaces.Discrete(3), spaces.MultiBinary(2)]), a=spaces.Box(-1, 1, ())
    ),
}


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_a_space_survives_the_round_trip(space: spaces.Space[Any]) -> None:
    document = json.loads(json.dumps(space_document(space)))
    again = made_space(TypeAdapter(SpaceDocument).validate_python(document), "x")
    assert again == space
    assert again is not None
    assert json.dumps(space_document(again)) == json.dumps(document)  # in the same order, that of the numbers


ACTION = {"kind": "Box", "shape": [1], "dtype": "float32", "low": -1.0, "high": 1.0}
IMPOSSIBLE = {
    "too large": ({**ACTION, "shape": [4096, 4096]}, "16,777,216 numbers; accepted are up to 4,194,304"),
    "too many choices": ({"kind": "Discrete", "n": 10**9}, "less than or equal to 4096"),
    "other outputs": ({**ACTION, "shape": [2]}, "interface: action needs 2 outputs, not 1"),
    "unknown": ({"kind": "Image"}, "'Image'"),
    "upside down": ({**ACTION, "low": 3.0}, "interface.action: ValueError: Box all low values"),
    "out of range": ({**ACTION, "dtype": "float16", "high": 1e9}, "interface.action: FloatingPointError"),
    "no action": ({"kind": "Tuple", "parts": [ACTION]}, "accepted are Box, Discrete"),
}


@pytest.mark.parametrize(("action", "says"), IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_an_impossible_space_is_refused(action: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        from_document({**EXAMPLE, "interface": {"action": action}})


def test_without_an_interface_none_is_written() -> None:
    assert from_document(EXAMPLE).interface is None
    assert "interface" not in to_document(from_document(EXAMPLE))


@pytest.mark.parametrize(
    ("interface", "says"),
    [
        ({"observe": [0]}, "observe has 1 numbers for 2 inputs"),
        ({"observe": [0, -1]}, "interface.observe.1: .*greater than or equal to 0"),
        ({"observe": [0, 1.5]}, "interface.observe.1: .*integer"),
        ({"observe": 2}, "interface.observe: .*list"),
        ({"mean": [1.0]}, "mean has 1 numbers for 2 inputs"),
        ({"mean": [1.0, 2.0]}, "2 means and 0 stds"),
        ({"std": [1.0, 2.0]}, "0 means and 2 stds"),
        ({"mean": [1.0, 2.0], "std": [1.0, -2.0]}, "must not be negative"),
        ({"mean": [1.0, float("nan")], "std": [1.0, 1.0]}, "interface.mean.1: .*finite"),
        ({"mean": [1.0, 2.0], "std": [1.0, float("inf")]}, "interface.std.1: .*finite"),
        ({"squash": "relu"}, "interface.squash: .*'tanh'"),
        ({"mena": [1.0, 2.0]}, "interface.mena: .*not permitted"),
        ([], "interface: .*"),
        (5, "interface: .*"),
    ],
)
def test_a_damaged_interface_is_refused(interface: object, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        from_document(EXAMPLE | {"interface": interface})


def test_errors_are_of_two_kinds() -> None:
    assert issubclass(BadInput, ValueError)
    assert issubclass(Failure, RuntimeError)
