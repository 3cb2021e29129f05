"""How kernels are compiled: ahead of their first use in a process, from a cache on disk.

Numba's cache notices a change in the file of the function that it stores, but not in the
functions that were inlined into it from other files. Here every entry is stamped with a digest
of all kernel sources, so that a cached machine code never outlives the code it was made from.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit

__all__ = ["inlined", "kernel", "needs_compiling"]

# Kernels are generic over scalars and lanes, which Python's types cannot say.
Kernel = Callable[..., Any]

_HERE = Path(__file__).parent


@cache
def _digest(directory: Path) -> bytes:
    digest = hashlib.sha256()
    for source in sorted(directory.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.digest()


def inlined(function: Kernel) -> Kernel:
    """Compile a function that only other kernels call; it has no cache of its own."""
    compiled: Kernel = njit(error_model="numpy")(function)
    return compiled


def kernel(function: Kernel) -> Kernel:
    """Compile a module-level function that releases the GIL and is cached on disk."""
    dispatcher: Any = njit(cache=True, nogil=True, error_model="numpy")(function)
    own = Path(function.__code__.co_filename).parent
    # IndexDataCacheFile compares this stamp with the stored one before it trusts an entry.
    dispatcher._cache._cache_file._source_stamp = (_digest(_HERE), _digest(own))  # noqa: SLF001
    compiled: Kernel = dispatcher
    return compiled


def needs_compiling(compiled: Any) -> bool:
    """Whether a kernel has never been compiled on this machine, as it stands."""
    return not compiled._cache._cache_file._load_index()  # noqa: SLF001
