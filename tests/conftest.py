"""How many examples properties are tried on, always the same: few by default, many in ``make test-slow``."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("default", max_examples=50, derandomize=True, deadline=None)
settings.register_profile("thorough", max_examples=300, derandomize=True, deadline=None)
settings.load_profile("default")
