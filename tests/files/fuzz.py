"""Many damaged files of every kind, in processes of limited memory; prints what became of them.

python -m tests.files.fuzz              2,000 of each kind
python -m tests.files.fuzz 500 mask.npz
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.files.subjects import KINDS, light, make_subjects, meet

_MEMORY: Final = 2**30
"""Bytes of address space that reading may take beyond what is there before."""


def _fuzz(kind: str, count: int) -> None:
    """Read damaged files of one kind, and print the figures as JSON."""
    with light(), tempfile.TemporaryDirectory() as folder:
        subject = make_subjects(Path(folder))[kind]

        def cases() -> Iterator[tuple[str, bytes]]:
            yield "whole", subject.content
            yield from ((f"hostile {number}", content) for number, content in enumerate(subject.hostile))
            for number in range(count):
                print(number, file=sys.stderr)  # noqa: T201 - the last one, should the process die
                yield str(number), subject.damage(random.Random(f"{kind} {number}"), subject.content)  # noqa: S311

        meet(subject, iter([("whole", subject.content)]))  # kernels are compiled, libraries loaded
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        most = pages * resource.getpagesize() + _MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        peak, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
        outcome = meet(subject, cases())
        megabytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak) / 1024
        seconds = time.process_time() - began
    figures = [outcome.read, outcome.refused, megabytes, seconds, outcome.failures]
    print(json.dumps(figures))  # noqa: T201


def main(count: int, kinds: tuple[str, ...]) -> int:
    """Fuzz each kind in a process of its own; returns how many kinds have failures."""
    print(f"{'kind':30} {'cases':>6} {'read':>6} {'refused':>8} {'failed':>7} {'MB':>6} {'s':>6}")  # noqa: T201
    failed = 0
    for kind in kinds:
        command = [sys.executable, "-m", "tests.files.fuzz", "--alone", str(count), kind]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            failed += 1
            print(f"{kind:30} died with {done.returncode}: {done.stderr[-500:]}")  # noqa: T201
            continue
        read, refused, megabytes, seconds, failures = json.loads(done.stdout.splitlines()[-1])
        cases = read + refused + sum("does not name" not in failure for failure in failures)
        line = f"{kind:30} {cases:6} {read:6} {refused:8} {len(failures):7} {megabytes:6.0f} {seconds:6.1f}"
        print("\n    ".join([line, *failures[:10]]), flush=True)  # noqa: T201
        failed += bool(failures)
    return failed


if __name__ == "__main__":
    if sys.argv[1:2] == ["--alone"]:
        _fuzz(sys.argv[3], int(sys.argv[2]))
    else:
        sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 2000, tuple(sys.argv[2:]) or KINDS))
