"""Assessment of one network under the conditions of a comparison."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..assessment import ENSEMBLE, ImageAssessor
from ..errors import BadInput
from ..files import npz_bytes
from ..network import Network, on_paths
from ..tasks import DATA_SETS, ClassificationTask, ImageSettings, make_classification
from .entries import Entry

__all__ = ["ImageTasks", "assessor_of", "path_counts", "stored_bytes", "under_shared_weights"]


class ImageTasks:
    """Classification tasks by name, each read once."""

    def __init__(self) -> None:
        self._made: dict[str, ClassificationTask] = {}

    def __getitem__(self, name: str) -> ClassificationTask:
        """The task of a set of images.

        Raises:
            BadInput: there is no set of images of this name.
        """
        if name not in tuple(DATA_SETS):  # the name comes from a file: it may not even be hashable
            raise BadInput(f"{name} is no set of images: the frontier compares accuracy on images")
        if name not in self._made:
            self._made[name] = make_classification(ImageSettings(id=name))
        return self._made[name]


def assessor_of(network: Network, task: ClassificationTask, seed: int) -> ImageAssessor:
    """An assessor of the network on the images.

    Raises:
        BadInput: the network has other numbers of inputs or outputs than the task.
    """
    if (network.inputs, network.outputs) != (task.inputs, task.outputs):
        raise BadInput(
            f"the network names the task {task.id}, which needs {task.inputs} inputs and {task.outputs} "
            f"outputs, but has {network.inputs} and {network.outputs}"
        )
    return ImageAssessor(network, task, seed)


def under_shared_weights(
    network: Network, entry: Entry, task: ClassificationTask, seed: int
) -> Iterator[Entry]:
    """The network's connections with one weight on all of them: an entry for each such condition.

    Args:
        network: its own weights are ignored.
        entry: what the network's entries have in common.
        task: the images.
        seed: for what the assessment draws.
    """
    assessor = assessor_of(network.with_weights(None), task, seed)
    for condition in ("shared", "tuned-shared", "ensemble"):
        yield replace(
            entry,
            family=replace(entry.family, condition=condition),
            accuracy=assessor.score(condition).accuracy,
            weight_values=len(ENSEMBLE) if condition == "ensemble" else 1,
            bytes=stored_bytes(network, 1),
        )


def path_counts(network: Network) -> tuple[int, int]:
    """Connections on a path from an input to an output, and biases of nodes from which one is reached."""
    unbiased = network.source > 0
    without_bias = replace(
        network, source=network.source[unbiased], target=network.target[unbiased], weights=None
    )
    _, effective = on_paths(network)
    return without_bias.effective_connections, int(effective[~unbiased].sum())


def stored_bytes(network: Network, values: int) -> int:
    """Size of an npz file with the structure in the smallest integers, and ``values`` weights."""
    small = np.uint8 if network.size <= 256 else np.uint16 if network.size <= 65_536 else np.uint32
    arrays: dict[str, NDArray[Any]] = {
        "source": network.source.astype(small),
        "target": network.target.astype(small),
        "activation": network.activation,
        "weights": np.zeros(values, np.float32),
    }
    return len(npz_bytes(arrays))
