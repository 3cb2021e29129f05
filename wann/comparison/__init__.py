"""Pruned and evolved networks on one frontier of accuracy against connections."""

from .entries import Entry, Family

__all__ = ["Entry", "Family"]
