"""The documentation's example of pruning somebody's own module runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch


def test_the_example_makes_a_module_small_that_computes_the_same() -> None:
    text = (Path(__file__).parents[2] / "docs" / "pruning.md").read_text(encoding="utf-8")
    (example,) = [
        block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "wann.pruning" in block
    ]
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102 - our own text
    model, small, (inputs, _) = names["model"], names["small"], names["batch"]
    assert names["mask"].sparsity > 0.9
    torch.testing.assert_close(small(inputs), model(inputs), rtol=1e-4, atol=1e-5)
    assert small[0].out_features < 100
    assert hasattr(model[0], "weight_mask")
