"""Populations of genomes: the first one, and mutation."""

from .codec import DIGEST, decode, digest, encode
from .mutation import MutationSettings, mutate
from .operators import OPERATORS
from .population import Population, first_population, join

__all__ = [
    "DIGEST",
    "OPERATORS",
    "MutationSettings",
    "Population",
    "decode",
    "digest",
    "encode",
    "first_population",
    "join",
    "mutate",
]
