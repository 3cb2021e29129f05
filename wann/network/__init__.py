"""Networks compiled to flat arrays: one alone, or a whole population."""

from .actions import Actions, Squash
from .batch import NetworkBatch, compile_population
from .interface import Interface
from .labelled import LabelledData
from .network import Network
from .observations import Observations
from .paths import on_paths
from .pictures import draw_with
from .policy import Policy

__all__ = [
    "Actions",
    "Interface",
    "LabelledData",
    "Network",
    "NetworkBatch",
    "Observations",
    "Policy",
    "Squash",
    "compile_population",
    "draw_with",
    "on_paths",
]
