"""What a run was made with: enough to make it again, and to read its times rightly."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

__all__ = ["manifest"]

_PACKAGES: Final = (
    "wann", "numpy", "numba", "llvmlite", "gymnasium", "cma", "networkx", "matplotlib", "ray", "scikit-learn",
    "torch", "box2d", "envpool", "mujoco",
)  # fmt: skip


def manifest(**facts: Any) -> dict[str, Any]:
    """Versions, machine and commit, with further ``facts`` (seed, times, ...); plain JSON values."""
    return {
        **facts,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": sys.argv,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
        "machine": {
            "system": f"{platform.system()} {platform.release()}",
            "processor": _processor(),
            "cores": os.cpu_count(),
        },
        "commit": _commit(),
    }


@cache  # what a process has loaded does not change
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


@cache
def _commit() -> str | None:
    """The git commit of this source, if it is a checkout."""
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(git, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
