"""What holds for every test: how many examples properties are tried on, and what Ctrl-C does.

Few examples by default, many in ``make test-slow``; always the same.
"""

from __future__ import annotations

import signal

from hypothesis import settings

settings.register_profile("default", max_examples=50, derandomize=True, deadline=None)
settings.register_profile("thorough", max_examples=300, derandomize=True, deadline=None)
settings.load_profile("default")

# A shell lets what it runs in the background ignore Ctrl-C, and so would every process that a test begins.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
