"""Networks by path: a network JSON file, or a run folder and thereby its champion."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from ..errors import BadInput
from ..files import write_atomically
from ..network import Network
from ..runs import check_parts
from .network_json import load, render, to_document
from .published import render_out, render_weights

__all__ = ["FORMATS", "export_network", "load_network"]


def _json(network: Network) -> str:
    return render(to_document(network))


FORMATS: Final[dict[str, Callable[[Network], str]]] = {"json": _json, "out": render_out}
"""What a network can be exported to."""


def load_network(path: Path) -> Network:
    """Read a network.

    Raises:
        BadInput: nothing there, a run without a champion yet or with a part that is a link, or a file that
            is no network.
    """
    if path.is_dir():
        check_parts(path)
        champion = path / "champion.json"
        if not champion.is_file():
            raise BadInput(f"{path}: a folder without champion.json; name a network JSON or a run folder")
        return load(champion)
    if not path.exists():
        raise BadInput(f"{path}: no such file; name a network JSON or a run folder")
    return load(path)


def export_network(network: Network, path: Path, format_name: str) -> list[Path]:
    """Write a network in another format; returns the files written.

    With ``out``, weights that the network carries go to ``NAME.wann.json`` beside it.

    Raises:
        BadInput: no such format, or a network that it cannot hold.
        Unwritable: see ``write_atomically``.
    """
    if format_name not in FORMATS:
        raise BadInput(f"--format {format_name}: accepted are {', '.join(FORMATS)}")
    texts = {path: FORMATS[format_name](network)}
    if format_name == "out" and network.weights is not None:
        texts[path.with_suffix(".wann.json")] = render_weights(network)
    for target, text in texts.items():
        write_atomically(target, text.encode())
    return list(texts)
