"""Fresh folders under results/runs, named after what is run there."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path
from typing import Final

from ..errors import BadInput

__all__ = ["fresh_folder"]

_RUNS: Final = Path("results/runs")
_LONGEST: Final = 100


def fresh_folder(name: str, seed: int) -> Path:
    """Make a folder that was not there, such as ``results/runs/swingup-seed3-1``.

    Whoever calls at the same time gets another one: to make a folder succeeds once.

    Args:
        name: a preset, or a task; what folders are not named with becomes a dash.
        seed: of the run.

    Raises:
        BadInput: it cannot be made.
    """
    plain = re.sub(r"[^A-Za-z0-9._]+", "-", name).strip("-.")[:_LONGEST] or "run"
    try:
        _RUNS.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            path = _RUNS / f"{plain}-seed{seed}-{number}"
            try:
                path.mkdir()
            except FileExistsError:
                continue
            return path
    except OSError as error:
        raise BadInput(f"{_RUNS}: cannot be written ({error.strerror}); name a folder with --run") from None
    raise AssertionError
