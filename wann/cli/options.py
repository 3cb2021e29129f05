"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .completion import task_ids

__all__ = [
    "Address",
    "Backend",
    "EpisodeLimit",
    "Json",
    "Minutes",
    "NetworkPath",
    "Output",
    "Seed",
    "Stepping",
    "TaskId",
    "Trusted",
    "Workers",
    "writable",
]


def writable(path: Path | None) -> Path | None:
    """Refuse before the work what could not be written after it."""
    if path is None:
        return None
    if path.is_dir():
        raise typer.BadParameter(f"{path} is a folder; name a file")
    if not path.parent.is_dir():
        raise typer.BadParameter(
            f"{path}: there is no folder {path.parent}; name a file in one that is there"
        )
    return path


Address = Annotated[
    str | None,
    typer.Option(
        "--ray-address",
        metavar="ADDR",
        help="A Ray cluster: host:port of its head, or auto; implies --backend ray.",
    ),
]
Backend = Annotated[
    str | None, typer.Option("--backend", help="Where to compute: local or ray.", metavar="NAME")
]
EpisodeLimit = Annotated[
    int | None,
    typer.Option(
        "--episode-limit",
        metavar="N",
        min=1,
        max=1_000_000,
        help="Steps after which an episode is cut; the environment's own if not given.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
Minutes = Annotated[
    float | None,
    typer.Option(
        "--minutes", metavar="N", help="Stop after the generation in which they have passed; resumable."
    ),
]
NetworkPath = Annotated[
    Path, typer.Argument(metavar="NETWORK", help="A network JSON file, or a run folder: its champion.")
]
Output = Annotated[
    Path,
    typer.Option("-o", "--output", help="The file to write.", metavar="FILE", callback=writable),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of episodes and random weights.")]
Stepping = Annotated[
    str | None,
    typer.Option(
        "--stepping", metavar="NAME", help="What computes an environment: auto, fused, envpool or gymnasium."
    ),
]
TaskId = Annotated[
    str | None,
    typer.Option(
        "--task",
        metavar="ID",
        help="An environment or a set of images; the network file's own if not given.",
        autocompletion=task_ids,
    ),
]
Trusted = Annotated[
    list[str] | None,
    typer.Option(
        "--trust",
        metavar="MODULE",
        help="Let the task that a network file or run folder names import this module; may be repeated.",
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers", metavar="N", min=1, max=4096, help="Threads, or Ray workers; all cores if not given."
    ),
]
