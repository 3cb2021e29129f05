"""What evolves: populations of genomes, their first generation and their mutation."""

from .mutation import MutationSettings, mutate
from .population import Population, first_population, join

__all__ = ["MutationSettings", "Population", "first_population", "join", "mutate"]
