"""File formats of networks."""

from .network_file import FORMATS, export_network, load_network
from .network_json import from_document, load, render, save, to_document
from .published import load_out, load_weights, render_out, render_weights

__all__ = [
    "FORMATS",
    "export_network",
    "from_document",
    "load",
    "load_network",
    "load_out",
    "load_weights",
    "render",
    "render_out",
    "render_weights",
    "save",
    "to_document",
]
