"""Settings of the classification of one's own data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from ...errors import BadInput
from ..settings import ClassificationSettings
from .reading import TABLE_SUFFIXES

__all__ = ["TableSettings"]

_Share = Annotated[float, Field(gt=0.0, lt=1.0)]


class TableSettings(ClassificationSettings):
    """Which file of labelled rows networks classify, and how its rows are divided.

    Attributes:
        data: the file, ``.csv`` with a header or ``.npz`` with the arrays ``X`` and ``y``.
        label: the column of a CSV file that holds the classes.
        split: shares of the rows of each class for training, validation and test; an ``.npz`` file that
            holds ``X_train`` and so on is divided as it says.
        split_seed: by which rows are divided; another seed of the search keeps the same test rows.
        normalise: whether each feature is shifted and scaled to mean 0 and standard deviation 1 over the
            training rows; the champion carries that.
        batch: rows in a batch; 1,000, or all training rows if there are fewer, if not given.
        digest: SHA-256 of the file, which a run records: with another content it is refused.
    """

    data: Path | None = None
    label: str = "label"
    split: tuple[_Share, _Share, _Share] = (0.7, 0.15, 0.15)
    split_seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    normalise: bool = True
    batch: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    digest: str | None = None

    @model_validator(mode="after")
    def _whole(self) -> TableSettings:
        if abs(sum(self.split) - 1) > 1e-6:
            raise ValueError(f"split {', '.join(f'{share:g}' for share in self.split)} must have the sum 1")
        return self

    @property
    def file(self) -> Path:
        """The file.

        Raises:
            BadInput: none is named, or by another suffix.
        """
        if self.data is None and self.id == "data":
            raise BadInput("task.data: no file is named; give one, such as task.data=mine.csv")
        path = self.data or Path(self.id)
        if path.suffix.lower() not in TABLE_SUFFIXES:
            raise BadInput(f"task.data: {path}; accepted are files that end in {', '.join(TABLE_SUFFIXES)}")
        return path
