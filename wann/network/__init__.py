"""What computes: networks compiled to flat arrays, one alone or a whole population."""

from .batch import NetworkBatch, compile_population
from .network import Network
from .policy import Policy

__all__ = ["Network", "NetworkBatch", "Policy", "compile_population"]
