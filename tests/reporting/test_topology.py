"""Pictures of topologies: structure, names, refusals, equal bytes."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from wann.activations import ACTIVATIONS
from wann.errors import BadInput
from wann.formats import network_json
from wann.network import Network
from wann.reporting import draw_topology
from wann.reporting.summary import Summary, is_large

Grow = Callable[..., Network]


def parts(path: Path) -> list[ET.Element]:
    return list(ET.fromstring(path.read_bytes()).iter())  # noqa: S314 - our own file


def texts(path: Path) -> list[str]:
    return ["".join(part.itertext()) for part in parts(path) if part.tag.endswith("}text")]


def ids(path: Path) -> set[str]:
    return {part.attrib["id"] for part in parts(path) if "id" in part.attrib}


def test_every_activation_has_a_colour_and_a_label_of_its_own() -> None:
    assert len({activation.colour for activation in ACTIVATIONS}) == len(ACTIVATIONS)
    assert len({activation.label for activation in ACTIVATIONS}) == len(ACTIVATIONS)


def test_every_activation_is_drawn_in_its_colour_with_its_label(tmp_path: Path) -> None:
    count = len(ACTIVATIONS)
    hidden = np.arange(3, 3 + count)
    network = Network(
        1,
        1,
        np.array([1, *(activation.id for activation in ACTIVATIONS)], np.int8),
        np.concatenate([np.ones(count, np.int64), hidden]),
        np.concatenate([hidden, np.full(count, 2)]),
    )
    draw_topology(network, tmp_path / "all.svg")
    drawn, source = texts(tmp_path / "all.svg"), (tmp_path / "all.svg").read_text()
    for activation in ACTIVATIONS:
        assert activation.label in drawn
        assert activation.name in drawn
        assert f"fill: {activation.colour}" in source


@pytest.mark.parametrize("suffix", [".svg", ".png", ".pdf", ".html"])
def test_equal_networks_give_equal_bytes(tmp_path: Path, grow: Grow, suffix: str) -> None:
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    for path in (first, second):
        draw_topology(grow(30, seed=4), path, title="A network")
    assert first.read_bytes() == second.read_bytes()


def test_bytes_do_not_depend_on_the_process_and_pyplot_is_left_alone(tmp_path: Path, grow: Grow) -> None:
    network_json.save(grow(12, seed=4), tmp_path / "network.json")
    program = (
        "import sys; from pathlib import Path; from wann.formats import network_json\n"
        "from wann.reporting import draw_topology\n"
        "folder = Path(sys.argv[1]); network = network_json.load(folder / 'network.json')\n"
        "for suffix in ('svg', 'pdf'): draw_topology(network, folder / f'{sys.argv[2]}.{suffix}')\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"}
    subprocess.run([sys.executable, "-c", program, tmp_path, "there"], check=True, env=environment)
    for suffix in ("svg", "pdf"):
        draw_topology(grow(12, seed=4), tmp_path / f"here.{suffix}")
        assert (tmp_path / f"here.{suffix}").read_bytes() == (tmp_path / f"there.{suffix}").read_bytes()


def test_names_of_inputs_and_outputs_are_written(tmp_path: Path, grow: Grow) -> None:
    inputs, outputs = ["x", "ẋ", "cos θ", "a & b", "$w_1$"], ["force <N>"]
    draw_topology(grow(20), tmp_path / "n.svg", input_names=inputs, output_names=outputs, title="T")
    assert {"bias", "T", *inputs, *outputs} <= set(texts(tmp_path / "n.svg"))


def test_every_node_and_connection_is_a_part_of_its_own(tmp_path: Path, grow: Grow) -> None:
    network = grow(52, seed=3)
    draw_topology(network, tmp_path / "n.svg")
    nodes = {f"node-{node}" for node in range(network.size)}
    edges = {f"edge-{edge}" for edge in range(network.connections)}
    assert nodes | edges <= ids(tmp_path / "n.svg")


def test_the_caption_counts_connections_and_hidden_nodes(tmp_path: Path, grow: Grow) -> None:
    network = grow(52, seed=3)
    draw_topology(network, tmp_path / "n.svg")
    (caption,) = [text for text in texts(tmp_path / "n.svg") if "effective" in text]
    assert caption.startswith(f"52 connections ({network.effective_connections} effective)")
    assert f"{network.hidden} hidden node" in caption


def test_what_is_on_no_path_is_said_to_be_faint(tmp_path: Path) -> None:
    network = Network(1, 1, np.array([1, 5], np.int8), np.array([1, 1]), np.array([2, 3]))
    draw_topology(network, tmp_path / "n.svg")
    assert any("faint: on no path" in text for text in texts(tmp_path / "n.svg"))


def test_weights_show_by_sign_and_width(tmp_path: Path) -> None:
    network = Network(2, 1, np.ones(1, np.int8), np.array([1, 2]), np.array([3, 3]), np.array([0.5, -2.0]))
    draw_topology(network, tmp_path / "n.svg")
    source = (tmp_path / "n.svg").read_text()
    strokes = dict(re.findall(r'id="edge-(\d)">\s*<path[^>]*stroke: (#\w+)', source))
    widths = dict(re.findall(r'id="edge-(\d)">\s*<path[^>]*stroke-width: ([\d.]+)', source))
    assert strokes["0"] != strokes["1"]
    assert float(widths["1"]) > float(widths["0"])
    assert {"weight > 0", "weight < 0"} <= set(texts(tmp_path / "n.svg"))


@pytest.mark.parametrize("weight", [0.0, 1e20])
def test_weights_of_any_size_can_be_drawn(tmp_path: Path, weight: float) -> None:
    network = Network(1, 1, np.ones(1, np.int8), np.array([1]), np.array([2]), np.array([weight]))
    draw_topology(network, tmp_path / "n.svg")


@pytest.mark.parametrize("shape", [(0, 1, 1), (0, 5, 2), (6, 5, 1), (300, 5, 1)])
def test_networks_of_any_size_can_be_drawn(tmp_path: Path, grow: Grow, shape: tuple[int, int, int]) -> None:
    network = grow(*shape, hidden=0.0 if shape[0] <= 6 else 0.15)
    draw_topology(network, tmp_path / "n.svg")
    assert f"edge-{network.connections}" not in ids(tmp_path / "n.svg")


def test_names_of_crowded_inputs_are_thinned_and_that_is_said(tmp_path: Path, grow: Grow) -> None:
    draw_topology(grow(300, 256, 10, hidden=0.05), tmp_path / "n.svg")
    drawn = texts(tmp_path / "n.svg")
    assert 10 <= sum(text.startswith("input ") for text in drawn) <= 64
    assert sum(text.startswith("output ") for text in drawn) == 10
    assert any("256 inputs, one in" in text for text in drawn)


@pytest.mark.parametrize("name", ["net.gif", "net", "net.svg.zip"])
def test_an_unknown_suffix_is_refused_with_those_accepted(tmp_path: Path, grow: Grow, name: str) -> None:
    with pytest.raises(BadInput, match=r"\.svg, \.png, \.pdf, \.html"):
        draw_topology(grow(5), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_does_not_exist_is_refused(tmp_path: Path, grow: Grow) -> None:
    with pytest.raises(BadInput, match="there is no folder"):
        draw_topology(grow(5), tmp_path / "nowhere" / "n.svg")


def test_names_that_are_too_few_are_refused(tmp_path: Path, grow: Grow) -> None:
    with pytest.raises(BadInput, match="input_names: 2 names for a network with 5 inputs"):
        draw_topology(grow(5), tmp_path / "n.svg", input_names=["a", "b"])


def test_nothing_but_the_picture_is_left_behind(tmp_path: Path, grow: Grow) -> None:
    before = dict(mpl.rcParams)
    draw_topology(grow(5), tmp_path / "N.SVG")
    assert [path.name for path in tmp_path.iterdir()] == ["N.SVG"]
    assert dict(mpl.rcParams) == before


def test_the_users_own_style_does_not_matter(tmp_path: Path, grow: Grow) -> None:
    draw_topology(grow(5), tmp_path / "a.svg")
    with mpl.rc_context({"font.size": 30, "text.color": "red", "svg.fonttype": "path"}):
        draw_topology(grow(5), tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


class Page(HTMLParser):
    """Collects tags, and what stands inside scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] == "script":
            self.scripts[-1] += data


def page(path: Path) -> Page:
    parsed = Page()
    parsed.feed(path.read_text(encoding="utf-8"))
    return parsed


def test_hostile_names_stay_text_in_the_page(tmp_path: Path, grow: Grow) -> None:
    hostile = "</script><script>alert(1)</script>"
    draw_topology(
        grow(5, inputs=2),
        tmp_path / "n.html",
        input_names=[hostile, "控制\x00\ud800"],
        output_names=["<img src=x>"],
        title=hostile,
    )
    parsed = page(tmp_path / "n.html")
    assert len(parsed.scripts) == 2
    assert "img" not in [tag for tag, _ in parsed.tags]
    names = [name for name, _ in json.loads(parsed.scripts[0])["nodes"]]
    assert names[:4] == ["bias", hostile, "控制��", "<img src=x>"]


def test_the_page_needs_no_other_file_and_knows_every_part(tmp_path: Path, grow: Grow) -> None:
    network = grow(30, seed=2)
    draw_topology(network, tmp_path / "n.html")
    parsed = page(tmp_path / "n.html")
    links = [
        value
        for _, attributes in parsed.tags
        for name, value in attributes.items()
        if name in ("src", "href", "xlink:href")
    ]
    assert all(link is not None and link.startswith("#") for link in links)
    told = json.loads(parsed.scripts[0])
    assert told["edges"] == [list(edge) for edge in zip(network.source, network.target, strict=True)]
    named = {attributes.get("id") for _, attributes in parsed.tags}
    assert {f"node-{node}" for node in range(network.size)} <= named


def test_a_large_network_is_drawn_as_blocks_of_layers(tmp_path: Path) -> None:
    hidden = np.arange(267, 287)
    network = Network(
        256,
        10,
        np.concatenate([np.ones(10, np.int8), np.full(20, 5, np.int8)]),
        np.concatenate([np.repeat(np.arange(1, 257), 20), np.repeat(hidden, 10)]),
        np.concatenate([np.tile(hidden, 256), np.tile(np.arange(257, 267), 20)]),
    )
    draw_topology(network, tmp_path / "n.svg", side=16, title="Large")
    drawn = texts(tmp_path / "n.svg")
    assert not {part for part in ids(tmp_path / "n.svg") if part.startswith(("node-", "edge-"))}
    assert {"bias and", "256 inputs", "10 outputs", "Large"} <= set(drawn)
    assert any(text.startswith("5,320 connections") and "layers as blocks" in text for text in drawn)
    draw_topology(network, tmp_path / "n.html")
    assert json.loads(page(tmp_path / "n.html").scripts[0]) == {"nodes": [], "edges": []}


def test_blocks_hold_every_node_and_every_connection_once(grow: Grow) -> None:
    network = grow(300, hidden=0.4)
    summary = Summary.of(network)
    assert int(summary.counts.sum()) == network.connections
    assert not np.tril(summary.counts, -1).any()
    assert summary.block[0] == summary.block[network.inputs] == 0
    outputs = summary.block[1 + network.inputs : 1 + network.inputs + network.outputs]
    assert set(outputs.tolist()) == {len(summary.first) - 1}
    assert len(summary.first) <= 10
    source, target = summary.block[network.source], summary.block[network.target]
    for one, other in ((0, 1), (0, len(summary.first) - 1)):
        assert summary.counts[one, other] == int(((source == one) & (target == other)).sum())


def test_what_has_few_connections_but_many_long_ones_is_large(grow: Grow) -> None:
    # A chain of 400 nodes, of which each also reaches the end: every layer would have hundreds of bends.
    chain = np.arange(3, 403)
    network = Network(
        1,
        1,
        np.ones(401, np.int8),
        np.concatenate([[1], chain[:-1], chain]),
        np.concatenate([chain, np.full(400, 2)]),
    )
    assert network.connections == 800
    assert is_large(network)
    assert not is_large(grow(1_000, inputs=64, outputs=10, hidden=0.05))
