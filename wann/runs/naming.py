"""Names of new run folders under results/runs."""

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
    """Create a new folder, such as ``results/runs/swingup-seed3-1``.

    Simultaneous calls get different folders, since only one process succeeds in creating each.

    Args:
        name: a preset or a task; characters unsuitable for a folder name become dashes.
        seed: the run's seed.

    Raises:
        BadInput: the folder cannot be created.
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
        reason = f"{_RUNS}: cannot be written ({error.strerror}); name another folder"
        raise BadInput(reason, argument="run") from None
    raise AssertionError
