"""What each class reads of an image: counted by paths here, drawn beside the topology there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from wann import api
from wann.network import Network
from wann.reporting import draw_topology
from wann.reporting.pixels import pixel_reads

Grow = Callable[..., Network]


def texts(path: Path) -> list[str]:
    root = ET.fromstring(path.read_bytes())  # noqa: S314 - our own file
    return ["".join(part.itertext()) for part in root.iter() if part.tag.endswith("}text")]


def images(path: Path) -> int:
    root = ET.fromstring(path.read_bytes())  # noqa: S314 - our own file
    return sum(part.tag.endswith("}image") for part in root.iter())


def test_reads_are_those_of_the_nodes_below_an_output() -> None:
    # Inputs 1 to 4, outputs 5 and 6, hidden 7 and 8: 7 feeds 8, 8 feeds both outputs.
    edges = np.array([(1, 5), (1, 7), (2, 7), (2, 8), (0, 8), (7, 8), (8, 5), (8, 6), (4, 6)])
    network = Network(4, 2, np.array([1, 1, 5, 9], np.int8), edges[:, 0], edges[:, 1])
    direct, hidden = pixel_reads(network)
    assert direct.tolist() == [[True, False, False, False], [False, False, False, True]]
    assert hidden.tolist() == [[1, 2, 0, 0], [1, 2, 0, 0]]


@pytest.mark.parametrize(
    ("connections", "side", "outputs"),
    [(5, 8, 10), (300, 16, 10), (40, 4, 3), pytest.param(1849, 28, 10, marks=pytest.mark.slow)],
)
def test_there_is_a_grid_for_each_class(
    grow: Grow, connections: int, side: int, outputs: int, tmp_path: Path
) -> None:
    network = grow(connections, side**2, outputs)
    names = [f"class {output}" for output in range(outputs)]
    path = tmp_path / "champion.svg"
    draw_topology(network, path, output_names=names, side=side)
    drawn = texts(path)
    direct, hidden = pixel_reads(network)
    assert images(path) == outputs
    for name, read in zip(names, ((hidden > 0) | direct).sum(axis=1).tolist(), strict=True):
        assert drawn.count(name) == 2  # beside its node and above its grid
        assert f"{read} pixels" in drawn
    first = path.read_bytes()
    draw_topology(network, path, output_names=names, side=side)
    assert path.read_bytes() == first


def test_a_champion_of_images_shows_them_from_its_file_alone(
    grow: Grow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANN_DATA", str(tmp_path / "nowhere"))
    grown = grow(60, 256, 10)
    network = Network(256, 10, grown.activation, grown.source, grown.target, task="fashion-mnist-16")
    api.show(network, tmp_path / "champion.svg")
    assert images(tmp_path / "champion.svg") == 10
    assert "sneaker" in texts(tmp_path / "champion.svg")


def test_other_networks_have_no_grids(grow: Grow, tmp_path: Path) -> None:
    api.show(grow(60, 256, 10), tmp_path / "champion.svg")
    assert images(tmp_path / "champion.svg") == 0
