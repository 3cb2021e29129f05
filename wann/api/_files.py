"""The verbs that read and write networks."""

from __future__ import annotations

from pathlib import Path

from ..formats import export_network, load_network, load_out
from ..formats import save as save_network
from ..network import Network

__all__ = ["export", "import_out", "load", "save"]


def load(path: Path | str) -> Network:
    """Read a network from network JSON, or the champion of a run folder.

    Raises:
        BadInput: it is neither.
    """
    return load_network(Path(path))


def save(network: Network, path: Path | str) -> None:
    """Write network JSON.

    Raises:
        BadInput: no network, or a folder that is not there.
        Failure: the file cannot be written.
    """
    save_network(Network.expected(network), Path(path))


def export(network: Network, path: Path | str, format_name: str) -> list[Path]:
    """Write a network in another format; returns the files written.

    Raises:
        BadInput: no network, no such format, or a file that cannot be written.
    """
    return export_network(Network.expected(network), Path(path), format_name)


def import_out(
    path: Path | str,
    inputs: int,
    outputs: int,
    *,
    weights: Path | str | None = None,
    weight_bias: float = 0.0,
    task: str | None = None,
) -> Network:
    """Read a network in the published ``.out`` format, with the weights of its ``.wann.json``.

    Raises:
        BadInput: a damaged file, or one that does not fit.
    """
    return load_out(
        Path(path), inputs, outputs, None if weights is None else Path(weights), weight_bias, task
    )
