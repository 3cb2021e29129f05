"""Every champion in results/mnist/champions under all conditions, on the test images.

    WANN_DATA=... python results/mnist/table.py

Weights are trained with PyTorch; the trained networks are written beside the champions.
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from wann import api
from wann.runs import manifest

HERE = Path(__file__).parent


def measure(path: Path) -> dict[str, Any]:
    """A row for one champion; its trained twin is written."""
    champion = api.load(path)
    row: dict[str, Any] = {
        "champion": path.stem,
        "task": champion.task,
        "connections": champion.connections,
        "effective_connections": champion.effective_connections,
        "generation": champion.provenance["generation"],
    }
    for condition in ("random", "shared", "tuned-shared", "ensemble"):
        (score,) = api.evaluate(champion, condition=condition)
        row[condition] = round(100 * score.accuracy, 2)
        row[f"{condition}_error"] = round(100 * score.accuracy_standard_error, 2)
        if score.accuracy_std is not None:
            row[f"{condition}_std"] = round(100 * score.accuracy_std, 2)
        if score.averaged is not None:
            row["averaged"] = round(100 * score.averaged, 2)
    trained = api.tune(champion)
    api.save(trained, HERE / "trained" / path.name)
    (score,) = api.evaluate(trained, condition="stored")
    return row | {"trained": round(100 * score.accuracy, 2)}


def main() -> None:
    """Measure all, write the table and what it was made with."""
    facts = manifest(seed=0)  # before the tables change: the commit is clean
    (HERE / "trained").mkdir(exist_ok=True)
    rows = []
    for path in sorted((HERE / "champions").glob("*.json")):
        if not path.name.endswith(".manifest.json"):
            rows.append(measure(path))
            print(rows[-1], flush=True)  # noqa: T201 - a script
    with (HERE / "table.csv").open("w", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    (HERE / "table.manifest.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
