"""Many damaged files of every kind, in processes of limited memory; prints what became of them.

python -m tests.files.fuzz              2,000 of each kind
python -m tests.files.fuzz 500 mask.npz
"""

from __future__ import annotations

import gc
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

from tests.files.subjects import KINDS, Subject, light, make_subjects, meet

_MEMORY: Final = 2**30
"""Bytes of address space that reading may take beyond what is there before."""


def _fuzz(count: int, kinds: list[str]) -> None:
    """Read damaged files of some kinds, and print the figures of each as a line of JSON."""
    with light(), tempfile.TemporaryDirectory() as folder:
        subjects = make_subjects(Path(folder))
        for kind in kinds:
            meet(subjects[kind], iter([("whole", subjects[kind].content)]))  # kernels, libraries
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            most = pages * resource.getpagesize() + _MEMORY
            resource.setrlimit(resource.RLIMIT_AS, (most, resource.RLIM_INFINITY))
            began = time.process_time()
            outcome = meet(subjects[kind], _cases(kind, subjects[kind], count))
            seconds = time.process_time() - began
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            print(json.dumps([outcome.read, outcome.refused, seconds, outcome.failures]), flush=True)  # noqa: T201


def _cases(kind: str, subject: Subject, count: int) -> Iterator[tuple[str, bytes]]:
    yield from ((f"hostile {number}", content) for number, content in enumerate(subject.hostile))
    for number in range(count):
        if number % 50 == 0:
            gc.collect()  # figures refer to their own parts
        print(number, file=sys.stderr)  # noqa: T201 - the last one, should the process die
        yield str(number), subject.damage(random.Random(f"{kind} {number}"), subject.content)  # noqa: S311


def main(count: int, kinds: list[str]) -> int:
    """Fuzz each kind, and go on with the next where one ends the process; returns how many have failures."""
    print(f"{'kind':30} {'cases':>6} {'read':>6} {'refused':>8} {'failed':>7} {'seconds':>8}")  # noqa: T201
    failed = 0
    while kinds:
        command = [sys.executable, "-m", "tests.files.fuzz", "--alone", str(count), *kinds]
        with (
            tempfile.TemporaryFile("w+") as errors,
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as child,
        ):
            for line in child.stdout or ():
                kind = kinds.pop(0)
                read, refused, seconds, failures = json.loads(line)
                figures = f"{read + refused:6} {read:6} {refused:8} {len(failures):7} {seconds:8.1f}"
                print("\n    ".join([f"{kind:30} {figures}", *failures[:10]]), flush=True)  # noqa: T201
                failed += bool(failures)
            if child.wait():
                errors.seek(0)
                print(f"{kinds.pop(0):30} died with {child.returncode}: {errors.read()[-500:]}")  # noqa: T201
                failed += 1
    return failed


if __name__ == "__main__":
    if sys.argv[1:2] == ["--alone"]:
        _fuzz(int(sys.argv[2]), sys.argv[3:])
    else:
        sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 2000, sys.argv[2:] or list(KINDS)))
