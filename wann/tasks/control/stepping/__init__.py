"""Environments that are stepped outside kernels, many at a time."""

from .job import SteppedJob, SteppedWorld
from .pools import pool_has, pool_is_faster
from .single import resets_completely

__all__ = ["SteppedJob", "SteppedWorld", "pool_has", "pool_is_faster", "resets_completely"]
