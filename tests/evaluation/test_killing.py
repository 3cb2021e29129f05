"""Searches whose workers and nodes are killed at random, on busy cores, leave the undisturbed bytes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

SCRIPT: Final = Path(__file__).parents[2] / "results" / "scaling" / "killing.py"


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["workers", "nodes", "guilty"])
def test_three_searches_under_blows_and_load_leave_the_same_bytes(scenario: str) -> None:
    command = [sys.executable, str(SCRIPT), scenario, "--repetitions", "3", "--keep"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"'scenario': '{scenario}', 'repetitions': 3, 'same_bytes': 3" in done.stdout
