"""Pruned and evolved networks on one frontier of accuracy against connections."""
