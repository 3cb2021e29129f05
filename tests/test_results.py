"""What is kept as evidence says what it was made with."""

from __future__ import annotations

import json
import re
from pathlib import Path

RESULTS = Path(__file__).parents[1] / "results"


def test_results_without_a_clean_commit_are_named() -> None:
    unclean = {}
    for path in sorted(RESULTS.rglob("*manifest.json")):
        if "runs" in path.relative_to(RESULTS).parts:
            continue  # a user's own
        commit = json.loads(path.read_text(encoding="utf-8"))["commit"]
        if commit is None or not re.fullmatch("[0-9a-f]{40}", commit):
            unclean[str(path.relative_to(RESULTS))] = commit and f"{commit[:7]}{commit[40:]}"
    text = (RESULTS / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(.+)` \| (.+) \|$", text, re.MULTILINE)
    named = {path: None if commit == "none" else commit for path, commit in rows if "manifest" in path}
    assert named == unclean
