"""Every champion in results/control/champions under all conditions, with its curve over the shared weight.

    python results/control/table.py [NAME ...]

Without names all of them. A row takes the place of the row of that name that was there before; tuned
networks are written beside the champions.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

from wann import api
from wann.runs import manifest

HERE = Path(__file__).parent
CONDITIONS = ("random", "shared", "tuned-shared")
SLOW_ITERATIONS = 40  # of CMA-ES, where environments are stepped from outside


def measure(path: Path) -> dict[str, Any]:
    """A row for one champion; its tuned twin and its curve are written."""
    champion = api.load(path)
    row: dict[str, Any] = {
        "champion": path.stem,
        "task": champion.task,
        "connections": champion.connections,
        "effective_connections": champion.effective_connections,
        "generation": champion.provenance["generation"],
    }
    tuned = champion
    for name in (*CONDITIONS, "tuned"):
        if name == "tuned":
            iterations = None if row["stepping"] == "fused" else SLOW_ITERATIONS
            curve = HERE / "curves" / f"{path.stem}.svg"
            tuned = api.tune(champion, iterations=iterations, curve=curve)
            api.save(tuned, HERE / "tuned" / path.name)
        (score,) = api.evaluate(tuned, condition="stored" if name == "tuned" else name)
        row["stepping"] = score.stepping
        row |= {name: round(score.mean, 2), f"{name}_error": round(score.standard_error, 2)}
        row |= {f"{name}_std": round(score.std, 2)}
        if score.weight_std is not None:
            row[f"{name}_weight_std"] = round(score.weight_std, 2)
        row |= {f"{name}_quartiles": " ".join(f"{value:.1f}" for value in score.quartiles)}
        if score.success is not None:
            row[f"{name}_success"] = round(score.success, 3)
        row[f"{name}_episodes"] = score.episodes
        if name == "tuned-shared":
            row["weight"] = score.weight
    return row


def main() -> None:
    """Measure, write the table and what it was made with."""
    facts = json.dumps(manifest(seed=0), indent=2)  # before the tables change: the commit is clean
    for folder in ("curves", "tuned"):
        (HERE / folder).mkdir(exist_ok=True)
    paths = [path for path in sorted((HERE / "champions").glob("*.json")) if ".manifest" not in path.name]
    table = HERE / "table.csv"
    rows = {}
    if table.exists():
        with table.open(encoding="utf-8") as file:
            rows = {row["champion"]: row for row in csv.DictReader(file)}
    for path in paths:
        if not sys.argv[1:] or path.stem in sys.argv[1:]:
            rows[path.stem] = measure(path)
            print(rows[path.stem], flush=True)  # noqa: T201 - a script
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    with table.open("w", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[name] for name in sorted(rows))
    (HERE / "table.manifest.json").write_text(f"{facts}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
