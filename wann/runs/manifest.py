"""Manifests: the versions, machine, command and commit that a run was made with."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import BadInput
from ..files import read_json
from ..settings import explain

__all__ = ["Manifest", "manifest", "read_manifest"]

_LARGEST: Final = 16 * 2**20
_Seconds = Annotated[float, Field(ge=0.0, lt=1e12)]

_PACKAGES: Final = (
    "wann", "numpy", "numba", "llvmlite", "gymnasium", "cma", "networkx", "matplotlib", "ray", "scikit-learn",
    "torch", "box2d", "envpool", "mujoco",
)  # fmt: skip


def manifest(**facts: Any) -> dict[str, Any]:
    """Versions, machine, command and commit, with ``facts`` (seed, times, ...); plain JSON values."""
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


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, allow_inf_nan=False)


class Machine(_Part):
    """The machine that a run was computed on."""

    processor: Annotated[str, Field(max_length=1000)] = "unknown"
    cores: int | None = None


class Manifest(_Part):
    """The parts of a manifest that are read back.

    Attributes:
        wall_seconds: elapsed time of the search so far, in seconds.
        processor_seconds: processor time of the search so far, in seconds.
        machine: the machine it was last computed on.
    """

    wall_seconds: _Seconds | None = None
    processor_seconds: _Seconds | None = None
    machine: Machine = Machine()


def read_manifest(path: Path) -> Manifest:
    """Read a manifest; an empty one if the file does not exist.

    Raises:
        BadInput: the manifest is damaged.
    """
    if not path.exists():
        return Manifest()
    try:
        return Manifest.model_validate(read_json(path, _LARGEST))
    except ValidationError as error:
        reason = f"{path}: not a manifest ({explain(error)})"
    except BadInput as error:
        reason = str(error)
    raise BadInput(f"{reason}; remove it: the run can be resumed without it, and its times start from zero")


@cache  # reading the metadata of a package takes longer than a generation
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
    """The git commit of this source, or None if it is not a checkout."""
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=40"]
    try:
        done = subprocess.run(git, capture_output=True, text=True, timeout=10, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
