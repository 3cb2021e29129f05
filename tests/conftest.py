"""How much the tests try: a little, and always the same, by default; much more in ``make test-slow``."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("default", max_examples=50, derandomize=True, deadline=None)
settings.register_profile("thorough", max_examples=500, deadline=None, print_blob=True)
settings.load_profile("default")
