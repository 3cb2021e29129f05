"""How it is computed: numba kernels over plain arrays and scalars."""
