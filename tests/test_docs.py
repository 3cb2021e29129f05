"""What the documentation shows in Python runs as it stands there, from top to bottom."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris

DOCS = Path(__file__).parents[1] / "docs"
_BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def played(page: str) -> dict[str, Any]:
    """The names that the examples of a page leave behind."""
    names: dict[str, Any] = {}
    for block in _BLOCK.findall((DOCS / page).read_text()):
        exec(compile(block, page, "exec"), names)  # noqa: S102 - our own page
    return names


def test_the_guide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = played("guide.md")
    assert names["run"].finished
    assert names["run"].generations == 5
    champion = names["champion"]
    outputs = champion.policy(1.0).outputs(names["inputs"])[:, 0]
    np.testing.assert_array_equal(outputs > 0.5, names["wanted"])  # it solves what it is shown to solve


def test_ones_own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    iris: Any = load_iris(as_frame=True)
    table = iris.data.assign(species=iris.target_names[iris.target])
    table.to_csv("iris.csv", index=False)
    run = played("data.md")["run"]
    assert run.champion.classify(iris.data[:5], 1.0).tolist() == ["setosa"] * 5
    assert "setosa" in run.champion.plot()._repr_svg_()
