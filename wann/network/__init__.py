"""Networks compiled to flat arrays: one alone, or a whole population."""

from .batch import NetworkBatch, compile_population
from .interface import Interface, Squash
from .labelled import LabelledData
from .network import Network
from .paths import on_paths
from .pictures import draw_with
from .policy import Policy

__all__ = [
    "Interface",
    "LabelledData",
    "Network",
    "NetworkBatch",
    "Policy",
    "Squash",
    "compile_population",
    "draw_with",
    "on_paths",
]
