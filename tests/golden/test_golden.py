"""Short real runs whose bytes are known: a change of behaviour is noticed, wanted or not.

Where a change is wanted, renew the record and say so in the commit:

    python tests/golden/test_golden.py
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from wann.evaluation import LocalEvaluator
from wann.experiment import parse_config, start_search
from wann.genome import OPERATORS
from wann.tasks import make_task

RECORD: Final = Path(__file__).with_name("short_run.json")
RENEW: Final = "if the change is wanted, renew the record: python tests/golden/test_golden.py"

PUBLISHED: Final[dict[str, Any]] = {
    "seed": 11,
    "task": {"id": "wann/CartPoleSwingUp-v0"},
    "search": {"population": 32, "generations": 12},
}
RUNS: Final[dict[str, dict[str, Any]]] = {
    "published": PUBLISHED,
    "every addition": {
        **PUBLISHED,
        "weights": {"sampling": "stratified"},
        "mutation": {"duplicate_node": 0.1, "disable_connection": 0.05, "repeat": 0.5},
        "search": {**PUBLISHED["search"], "tournament": 4, "alternative": "worst-half"},
    },
    "paths and beginnings": {
        **PUBLISHED,
        "weights": {"sampling": "stratified", "own_episodes": True},
        "mutation": dict.fromkeys(OPERATORS, 0.1) | {"repeat": 0.5},
        "search": PUBLISHED["search"]
        | {"tournament": 4, "beginnings": 4, "halve_every": 3, "candidates": 4, "utility_exponent": 4}
        | {"initial_mutations": 5, "most_connections": 200},
    },
}
"""What is run: the defaults, and everything that differs from what was published."""


def digests(document: Mapping[str, Any], run: Path) -> dict[str, str]:
    """SHA-256 of what a run leaves behind that depends on configuration and seed alone."""
    config = parse_config(document)
    task = make_task(config.task)
    with start_search(config, run, task) as experiment, LocalEvaluator(task, 2) as evaluator:
        assert experiment.run(evaluator)
    names = ("metrics.csv", "champion.json")
    return {name: hashlib.sha256((run / name).read_bytes()).hexdigest() for name in names}


@pytest.mark.parametrize("name", RUNS)
def test_a_short_run_leaves_the_recorded_bytes(name: str, tmp_path: Path) -> None:
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))
    assert digests(RUNS[name], tmp_path / "run") == recorded[name], RENEW


def renew() -> None:
    """Record what the runs leave behind now."""
    with tempfile.TemporaryDirectory() as folder:
        found = {name: digests(RUNS[name], Path(folder) / name) for name in RUNS}
    RECORD.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    renew()
