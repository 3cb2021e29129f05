"""What a classifier of labelled rows carries, so that it can be used without the data it was grown on."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import BadInput

__all__ = ["LabelledData"]


@dataclass(frozen=True)
class LabelledData:
    """The data that a classifier was grown on: names, and how the rows were divided.

    How features are scaled is in the network's ``Interface``.

    Attributes:
        features: a name for each input.
        classes: a name for each output.
        label: the column of the classes.
        split: shares of the rows for training, validation and test.
        split_seed: by which the rows were divided.
        digest: SHA-256 of the file.

    Raises:
        BadInput: names that are repeated.
    """

    features: tuple[str, ...]
    classes: tuple[str, ...]
    label: str
    split: tuple[float, float, float]
    split_seed: int
    digest: str

    def __post_init__(self) -> None:
        for names in (self.features, self.classes):
            if len(set(names)) < len(names):
                repeated = next(name for name in names if names.count(name) > 1)
                raise BadInput(f"the name {repeated!r} stands twice")
