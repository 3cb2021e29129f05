"""Numba kernels over plain arrays and scalars."""
