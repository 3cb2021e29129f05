"""The rows of a comparison: sizes of families of networks, averaged over seeds, and their table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

__all__ = ["Entry", "Family", "averaged", "table"]

_CONDITIONS: Final = {
    "shared": "mean over shared weights",
    "tuned-shared": "best shared weight",
    "ensemble": "ensemble",
    "stored": "stored weights",
    "tuned": "trained",
}
_BITS_PER_WEIGHT: Final = 32
_COLUMNS: Final = (
    *("task", "family", "step", "seeds", "connections", "biases", "accuracy", "std"),
    *("weight_values", "weight_bits", "multiply_adds", "bytes", "seconds"),
)
_AVERAGED: Final = (
    *("connections", "biases", "accuracy", "weight_values", "multiply_adds", "bytes", "seconds"),
)


@dataclass(frozen=True)
class Family:
    """Networks that were made in the same way and are assessed under the same condition.

    Attributes:
        kind: ``small-dense`` are trained networks with few hidden units, never pruned.
        method: of ``pruned`` the way of pruning, of ``dense`` the model; else empty.
        control: the control trained beside the pruned network, such as ``shuffled``; None for the pruned
            network itself and for other kinds.
        condition: which weights the network is assessed with, as in ``wann.evaluate``; None for the weights
            that its training left.
        settings: the settings of its run without the seed; they tell families apart.
        number: counts, from 1, the families that differ in ``settings`` alone.
    """

    kind: Literal["pruned", "dense", "small-dense", "evolved", "logistic"]
    method: str = ""
    control: str | None = None
    condition: str | None = None
    settings: str = ""
    number: int = 1

    def __str__(self) -> str:
        name = {
            "pruned": self.method,
            "dense": f"dense {self.method}",
            "small-dense": "small dense networks",
            "evolved": "evolved",
            "logistic": "logistic regression, L1",
        }[self.kind]
        parts = [name, self.control, self.condition and _CONDITIONS[self.condition]]
        number = f" ({self.number})" if self.number > 1 else ""
        return ": ".join(part for part in parts if part) + number


@dataclass(frozen=True)
class Entry:
    """One network of a family, or the mean over the seeds of one size of it.

    Attributes:
        task: the set of images.
        family: how the networks were made, and under which condition they are assessed.
        step: the round of pruning, the network's position on the front, or the strength of a penalty.
        connections: effective connections (on a path from an input to an output), without biases.
        biases: connections from the bias to nodes from which an output is reached.
        accuracy: on the test images, from 0 to 1.
        weight_values: distinct values among the weights.
        multiply_adds: products of weights that are not zero, in one forward pass.
        bytes: size of the stored network: structure and weights.
        seconds: processor time until the network existed; NaN if unknown.
        seeds: number of networks averaged.
        std: sample standard deviation of the accuracy over seeds; 0 for one seed.
    """

    task: str
    family: Family
    step: str
    connections: float
    biases: float
    accuracy: float
    weight_values: float
    multiply_adds: float
    bytes: float
    seconds: float
    seeds: int = 1
    std: float = 0.0

    @property
    def weight_bits(self) -> float:
        """Bits that the distinct weight values need in single precision."""
        return _BITS_PER_WEIGHT * self.weight_values


def averaged(networks: Iterable[Entry]) -> list[Entry]:
    """Means over the networks that share task, family and step, families numbered where texts coincide."""
    groups: dict[tuple[str, Family, str], list[Entry]] = {}
    settings: dict[Family, list[str]] = {}
    for network in networks:
        known = settings.setdefault(replace(network.family, settings=""), [])
        if network.family.settings not in known:
            known.append(network.family.settings)
        family = replace(network.family, number=1 + known.index(network.family.settings))
        groups.setdefault((network.task, family, network.step), []).append(network)
    return [_mean(family, members) for (_, family, _), members in groups.items()]


def _mean(family: Family, members: Sequence[Entry]) -> Entry:
    means = {name: float(np.mean([getattr(entry, name) for entry in members])) for name in _AVERAGED}
    std = float(np.std([entry.accuracy for entry in members], ddof=1)) if len(members) > 1 else 0.0
    return Entry(members[0].task, family, members[0].step, **means, seeds=len(members), std=std)


def table(entries: Iterable[Entry]) -> str:
    """The entries as CSV, a row each."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for entry in entries:
        values = [getattr(entry, name) for name in _COLUMNS]
        writer.writerow([f"{value:.6g}" if isinstance(value, float) else value for value in values])
    return text.getvalue()
