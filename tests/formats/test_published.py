"""The published ``.out`` and ``.wann.json`` files are read as their authors meant them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from numpy.typing import NDArray

from tests.samples import INPUTS, OUTPUTS, networks
from wann.activations import ACTIVATIONS, Activation
from wann.errors import BadInput
from wann.formats import export_network, load_out, load_weights, render_out
from wann.network import Network

OBSERVATIONS = np.random.default_rng(1).normal(size=(4, INPUTS)).astype(np.float32)
run = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

# Bias, two inputs, one tanh node, one output. Connected are bias -> output, both inputs -> tanh
# (one by a stray value) and tanh -> output; the second input's gene to the output is disabled.
SMALL = """\
0,0,0,0,1,1
0,0,0,1,0,0
0,0,0,-1.58,nan,99
0,0,0,0,0.3,5
0,0,0,0,0,1
"""


def small(folder: Path, text: str = SMALL) -> Path:
    path = folder / "small.out"
    path.write_text(text, encoding="utf-8")
    return path


def outputs(network: Network, weight: float | None, *observation: float) -> list[float]:
    found: list[float] = network.policy(weight).outputs(np.array(observation)).tolist()
    return found


def test_a_small_file_computes_what_is_reckoned_by_hand(tmp_path: Path) -> None:
    network = load_out(small(tmp_path), 2, 1)
    assert (network.hidden, network.connections, network.effective_connections) == (1, 4, 4)
    # By hand: the shared weight times the sum of the bias and the tanh node.
    assert outputs(network, 2.0, 0.25, 0.5) == pytest.approx([2.0 * (1 + 0.9051482536)], rel=1e-6)
    assert outputs(network, -0.5, 1.0, 1.0) == pytest.approx([-0.5 * (1 - 0.7615941560)], rel=1e-6)


def test_offsets_go_row_by_row_and_the_bias_is_added_to_each(tmp_path: Path) -> None:
    weights = tmp_path / "small.wann.json"
    # Bias -> output, first input -> tanh, second input -> tanh, tanh -> output.
    weights.write_text("[[0.5, 2.5, 1.0, 4.5], 931.2, 8.1]", encoding="utf-8")
    network = load_out(small(tmp_path), 2, 1, weights, weight_bias=-1.5)
    expected = -1.0 + 3.0 * np.tanh(1.0 * 0.25 - 0.5 * 0.75)
    assert outputs(network, None, 0.25, 0.75) == pytest.approx([expected], rel=1e-6)


def test_a_score_without_a_deviation_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "w.json"
    path.write_text("[[1, -2.5], 3.0]", encoding="utf-8")
    assert load_weights(path, 2).tolist() == [1.0, -2.5]


def test_nan_is_a_disabled_gene_and_zero_is_none(tmp_path: Path) -> None:
    network = load_out(small(tmp_path), 2, 1)
    # In our numbering the output (3) comes before the hidden node (4).
    pairs = list(zip(network.source.tolist(), network.target.tolist(), strict=True))
    assert pairs == [(0, 3), (1, 4), (2, 4), (4, 3)]


@pytest.mark.parametrize("value", ["-1.58", "1e-300", "7", "-0.001", "1e300"])
def test_any_other_number_means_connected_whatever_it_is(tmp_path: Path, value: str) -> None:
    network = load_out(small(tmp_path, SMALL.replace("-1.58", value)), 2, 1)
    assert network.connections == 4
    assert network.weights is None


@pytest.mark.parametrize("value", ["0", "-3", "nan", "4.5", "12"])
def test_the_activation_column_of_bias_and_inputs_is_ignored(tmp_path: Path, value: str) -> None:
    text = SMALL.replace("nan,99", f"nan,{value}").replace("0,0,0,0,1,1", f"0,0,0,0,1,{value}")
    network = load_out(small(tmp_path, text), 2, 1)
    expected = outputs(load_out(small(tmp_path), 2, 1), 1.0, 0.3, 0.4)
    assert outputs(network, 1.0, 0.3, 0.4) == expected


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda entry: str(entry.name))
def test_activation_ids_are_the_published_ones(tmp_path: Path, activation: Activation) -> None:
    network = load_out(small(tmp_path, SMALL.replace("0.3,5", f"0.3,{activation.id}")), 2, 1)
    hidden = activation.reference(np.array([0.7]))
    assert outputs(network, 1.0, 0.3, 0.4) == pytest.approx([1.0 + hidden[0]], abs=1e-5)


def test_the_table_of_activations_is_the_published_one() -> None:
    names = "linear step sin gaussian tanh sigmoid inverse abs relu cos square"
    assert [entry.name for entry in ACTIVATIONS] == names.split()
    assert [entry.id for entry in ACTIVATIONS] == list(range(1, 12))
    values = [0.5, 1, 1, np.exp(-0.125), np.tanh(0.5), 1 / (1 + np.exp(-0.5)), -0.5, 0.5, 0.5, 0, 0.25]
    found = [float(entry.reference(np.array([0.5]))[0]) for entry in ACTIVATIONS]
    assert found == pytest.approx(values, abs=1e-12)


def test_the_output_may_have_an_activation_of_its_own(tmp_path: Path) -> None:
    network = load_out(small(tmp_path, SMALL.removesuffix("1\n") + "7\n"), 2, 1)
    assert outputs(network, 1.0, 0.0, 0.0) == [-1.0]


def test_scientific_notation_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    rows = [[float(cell) for cell in line.split(",")] for line in SMALL.split()]
    text = "".join(",".join(f"{cell:.18e}" for cell in row) + "\r\n" for row in rows)
    one, other = load_out(small(tmp_path, text), 2, 1), load_out(small(tmp_path), 2, 1)
    assert one.source.tolist() == other.source.tolist()


def _replies(network: Network, weight: float | None) -> NDArray[np.float32]:
    return network.policy(weight).outputs(OBSERVATIONS)


@run
@given(network=networks())
def test_what_is_written_and_read_back_behaves_the_same_to_the_bit(network: Network, tmp_path: Path) -> None:
    path = tmp_path / "network.out"
    files = export_network(network, path, "out")
    weights = files[1] if network.weights is not None else None
    again = load_out(path, INPUTS, OUTPUTS, weights)
    for weight in (-1.1, 0.6, *([None] if network.weights is not None else [])):
        assert np.array_equal(_replies(again, weight), _replies(network, weight), equal_nan=True)
    assert render_out(again) == path.read_text(encoding="utf-8")


@run
@given(networks())
def test_what_is_written_is_upper_triangular_with_a_row_for_each_node(network: Network) -> None:
    table = np.array([[float(cell) for cell in row.split(",")] for row in render_out(network).split()])
    assert table.shape == (network.size, network.size + 1)
    assert not np.tril(table[:, :-1]).any()
    assert (table[:, :-1] != 0).sum() == network.connections


def test_weights_that_are_not_there_are_not_written(tmp_path: Path) -> None:
    network = load_out(small(tmp_path), 2, 1)
    assert export_network(network, tmp_path / "x.out", "out") == [tmp_path / "x.out"]
    weighted = network.with_weights(np.arange(4.0))
    written = export_network(weighted, tmp_path / "x.out", "out")
    assert written == [tmp_path / "x.out", tmp_path / "x.wann.json"]
    assert json.loads(written[1].read_text(encoding="utf-8"))[0] == [0.0, 1.0, 2.0, 3.0]


def test_a_hidden_node_beyond_what_the_numbers_say_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="5 nodes"):
        load_out(small(tmp_path), 4, 1)
    # Two outputs: then the tanh node would be an output that has a successor.
    with pytest.raises(BadInput, match="leaves an output"):
        load_out(small(tmp_path), 2, 2)
