"""Mutation operators: one module for each, and the roulette that draws among them."""

from .idle import drop_idle
from .roulette import OPERATORS, vary

__all__ = ["OPERATORS", "drop_idle", "vary"]
