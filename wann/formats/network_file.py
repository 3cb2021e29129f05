"""Reading a network from a JSON file or a run folder, and exporting it to other formats."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from ..errors import BadInput
from ..files import write_atomically
from ..network import Network
from ..runs import RunFolder, check_parts
from .network_json import load, render, to_document
from .published import render_out, render_weights

__all__ = ["FORMATS", "export_network", "load_network"]


def _json(network: Network) -> str:
    return render(to_document(network))


FORMATS: Final[dict[str, Callable[[Network], str]]] = {"json": _json, "out": render_out}
"""Renderers of a network as text, by the name of the format."""


def load_network(path: Path) -> Network:
    """Read a network from a network JSON file, or the champion of a run folder.

    Raises:
        BadInput: the path does not exist, is not a network, or is a run folder that has no champion yet or
            contains a link.
    """
    if path.is_dir():
        check_parts(path)
        champion = path / "champion.json"
        if not champion.is_file():
            raise BadInput(f"{path}: a folder without champion.json; name a network JSON or a run folder")
        return _beside(champion)
    if not path.exists():
        raise BadInput(f"{path}: no such file; name a network JSON or a run folder")
    return _beside(path)


def _beside(path: Path) -> Network:
    """The network of a file; its task is the data that its run keeps, if these are beside it."""
    network, kept = load(path), RunFolder(path.parent).data
    if network.data is None or network.task != kept.name or not kept.is_file():
        return network
    return replace(network, task=str(kept))


def export_network(network: Network, path: Path, format_name: str) -> list[Path]:
    """Write a network in another format.

    In the format ``out``, the network's weights, if it has any, go to ``NAME.wann.json`` beside the file.

    Returns:
        The files written.

    Raises:
        BadInput: an unknown format, or a network that the format cannot hold.
        Unwritable: see ``write_atomically``.
    """
    if format_name not in FORMATS:
        raise BadInput(f"{format_name}: accepted are {', '.join(FORMATS)}", argument="format_name")
    texts = {path: FORMATS[format_name](network)}
    if format_name == "out" and network.weights is not None:
        texts[path.with_suffix(".wann.json")] = render_weights(network)
    for target, text in texts.items():
        write_atomically(target, text.encode())
    return list(texts)
