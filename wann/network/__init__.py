"""Networks compiled to flat arrays: one alone, or a whole population."""

from .batch import NetworkBatch, compile_population
from .interface import Interface, Squash
from .network import Network
from .paths import on_paths
from .policy import Policy

__all__ = ["Interface", "Network", "NetworkBatch", "Policy", "Squash", "compile_population", "on_paths"]
