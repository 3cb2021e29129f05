"""Readers of a pruning run's configuration and tables that work without PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from ..errors import BadInput
from ..files import read_table
from ..settings import explain

__all__ = ["PruningOutline", "read_rounds"]

_LARGEST: Final = 1e15  # of any count in a table
_MEASURED: Final = (*("round", "connections", "biases", "test_accuracy", "multiply_adds", "csr_bytes"),)


class _Part(BaseModel):
    model_config = ConfigDict(strict=True)


class _Data(_Part):
    name: str


class _Model(_Part):
    kind: str
    hidden: list[int] = []

    @property
    def name(self) -> str:
        return "LeNet-5" if self.kind == "lenet-5" else "-".join(map(str, self.hidden)) or "logistic"


class _Plan(_Part):
    criterion: str
    schedule: str
    rounds: int | None = None
    rewind: Literal["initial", "step", "rate", "none"]
    step: int = 0
    at: str | None = None


class PruningOutline(_Part):
    """The parts of a pruning run's configuration that a comparison needs."""

    data: _Data
    model: _Model
    pruning: _Plan

    @classmethod
    def of(cls, path: Path, document: Mapping[str, Any]) -> Self:
        """Validate a document that was read from ``path``.

        Raises:
            BadInput: the document is not the configuration of a pruning run.
        """
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            raise BadInput(f"{path}: {explain(error)}") from None

    @property
    def family(self) -> str:
        """The pruning method in a few words."""
        plan = self.pruning
        names = {"obd": "OBD", "snip": "SNIP", "grasp": "GraSP", "synflow": "SynFlow", "deviation": "Han"}
        how = {
            "initial": "initial weights",
            "step": f"weights of step {plan.step}",
            "rate": "learning rate rewound",
            "none": "trained on",
        }[plan.rewind]
        early = plan.at == "initial" or (plan.at is None and plan.criterion in ("snip", "grasp", "synflow"))
        name = names.get(plan.criterion, plan.criterion)
        return f"{name}, {'before training' if early else how}, {self.model.name}"


def read_rounds(run: Path) -> Iterator[tuple[str, dict[str, float]]]:
    """Iterate over the networks of a pruning run: the variant's name, and its measurements by column.

    ``seconds`` among the measurements is the time from the start of the run until the network was done.

    Raises:
        BadInput: a table is missing, incomplete or damaged.
    """
    numbers, words = read_table(run / "metrics.csv", _MEASURED, ("variant",))
    seconds = read_table(run / "timing.csv", ("seconds",), ("variant",))[0]["seconds"]
    columns = {name: numbers[name] for name in _MEASURED} | {"seconds": np.cumsum(seconds)}
    if len(seconds) != len(words["variant"]):
        error = BadInput(
            f"{run}: an incomplete pruning run: metrics.csv has {len(words['variant'])} rows and timing.csv "
            f"{len(seconds)}"
        )
        error.resume = run
        raise error
    for name, column in columns.items():
        if not ((column >= 0) & (column <= (1 if name == "test_accuracy" else _LARGEST))).all():
            table = "timing.csv" if name == "seconds" else "metrics.csv"
            raise BadInput(f"{run / table}: not a table of a pruning run: {name} is out of range")
    for row, variant in enumerate(words["variant"]):
        yield variant[:40], {name: float(column[row]) for name, column in columns.items()}
