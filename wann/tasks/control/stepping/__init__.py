"""Environments that are stepped from outside, many of them together."""

from .job import SteppedJob, SteppedWorld
from .pools import pool_has, pool_is_faster
from .single import is_as_good_as_new

__all__ = ["SteppedJob", "SteppedWorld", "is_as_good_as_new", "pool_has", "pool_is_faster"]
