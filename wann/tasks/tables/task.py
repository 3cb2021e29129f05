"""One's own data as a task: its rows divided, its features scaled."""

from __future__ import annotations

from functools import partial

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from ...errors import BadInput
from ...network import Interface, LabelledData
from ...streams import Stream, generator
from ..images import ClassificationTask, ImageSet, batch_size, memory_bytes
from .reading import PARTS, Table, read_labelled
from .settings import TableSettings

__all__ = ["make_table_task"]


def make_table_task(
    settings: TableSettings,
    table: Table | None = None,
    interface: Interface | None = None,
    data: LabelledData | None = None,
) -> ClassificationTask:
    """Divide the rows of a table, and scale its features.

    Args:
        settings: which file, and how it is divided.
        table: its content, where it is at hand already.
        interface: how the features are scaled for a network that was grown before; by default as the
            settings say.
        data: what that network knows of the data that it was grown on.

    Raises:
        BadInput: the file cannot be used, is not the one that the settings record, has other features or
            classes than the network knows, or leaves a part without rows.
    """
    name = str(settings.file)
    table = table or read_labelled(settings.file, settings.label)
    if settings.digest not in (None, table.digest):
        raise BadInput(
            f"{name}: not the data that this was begun with, its content has changed (SHA-256 "
            f"{table.digest[:12]}..., then {str(settings.digest)[:12]}...): bring the old file back, or "
            "begin anew"
        )
    labels = table.labels if data is None else _as_known(name, table, data)
    part = _divided(table.labels, settings) if table.part is None else table.part
    rows = [np.flatnonzero(part == number) for number in range(len(PARTS))]
    for number, chosen in enumerate(rows):
        if not len(chosen):
            raise BadInput(f"{name}: {len(part):,} rows are too few: none is left for {PARTS[number]}")
    interface = interface or _interface(table, table.values[rows[0]] if settings.normalise else None)
    values = interface.observed(table.values)
    train, validation, test = (ImageSet(values[chosen], labels[chosen]) for chosen in rows)
    known = data or LabelledData(
        table.features, table.classes, settings.label, settings.split, settings.split_seed, table.digest
    )
    return ClassificationTask(
        name,
        known.features,
        known.classes,
        batch_size(settings.batch, len(train), "task.batch", name, "rows"),
        memory_bytes(settings),
        settings.temperatures,
        train,
        validation,
        partial(ImageSet, test.images, test.labels),
        interface,
        known,
    )


def _interface(table: Table, training: NDArray[np.float64] | None) -> Interface:
    """How features are scaled, by the training rows; a policy's action is the index of a class."""
    features = table.values.shape[1]
    return Interface(
        mean=() if training is None else tuple(training.mean(axis=0).tolist()),
        std=() if training is None else tuple(training.std(axis=0).tolist()),
        observation=spaces.Box(-np.inf, np.inf, (features,), np.float64),
        action=spaces.Discrete(len(table.classes)),
    )


def _divided(labels: NDArray[np.int64], settings: TableSettings) -> NDArray[np.int64]:
    """The part of each row, int64[rows]: of each class, the shares that the settings name."""
    order = generator(settings.split_seed, Stream.DATA_SPLIT).permutation(len(labels))
    place = np.empty(len(labels))
    for label in range(int(labels.max()) + 1):
        own = order[labels[order] == label]
        place[own] = (np.arange(len(own)) + 0.5) / len(own)
    return np.searchsorted(np.cumsum(settings.split[:2]), place, side="right")


def _as_known(name: str, table: Table, data: LabelledData) -> NDArray[np.int64]:
    """The class of each row as the network numbers them."""
    if table.features != data.features:
        raise BadInput(
            f"{name}: its features are {_some(table.features)}; the network's are {_some(data.features)}"
        )
    unknown = [one for one in table.classes if one not in data.classes]
    if unknown:
        raise BadInput(f"{name}: class {unknown[0]!r}; the network knows {_some(data.classes)}")
    return np.array([data.classes.index(one) for one in table.classes])[table.labels]


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
