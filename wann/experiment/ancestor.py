"""The network that a search starts from instead of networks without hidden nodes (``search.seed_from``)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from ..errors import BadInput
from ..evolution import SearchSettings
from ..formats import load_network
from ..genome import MutationSettings
from ..network import Network

__all__ = ["read_ancestor"]

_MOST_GENES: Final = 1 << 25
"""Connections in a first population: with their children they need about three gigabytes."""


def read_ancestor(
    search: SearchSettings,
    mutation: MutationSettings,
    inputs: int,
    outputs: int,
    kept: Path | None = None,
) -> Network | None:
    """The network of ``search.seed_from`` without weights; None if it is not given.

    Args:
        search: settings.
        mutation: settings.
        inputs: that networks of the task have.
        outputs: likewise.
        kept: the copy in a run folder, which is read instead.

    Raises:
        BadInput: there is no network, or none that the search could have come to.
    """
    if search.seed_from is None:
        return None
    path = kept or search.seed_from
    try:
        network = load_network(path)
    except BadInput as error:
        raise BadInput(f"search.seed_from: {error}") from None
    reason = _misfit(network, search, mutation, inputs, outputs)
    if reason is not None:
        raise BadInput(f"search.seed_from: {path} {reason}")
    return network.with_weights(None)


def _misfit(
    network: Network, search: SearchSettings, mutation: MutationSettings, inputs: int, outputs: int
) -> str | None:
    """Why the search could never have come to this network; None if it could."""
    if (network.inputs, network.outputs) != (inputs, outputs):
        return (
            f"has {network.inputs:,} inputs and {network.outputs:,} outputs; the task needs {inputs:,} and "
            f"{outputs:,}"
        )
    foreign = sorted(
        {network.activation_name(node) for node in range(network.size) if network.kind(node) == "hidden"}
        - set(mutation.activations)
    )
    if foreign:
        return (
            f"has hidden nodes of {', '.join(foreign)}; mutation.activations has "
            f"{', '.join(mutation.activations)} alone"
        )
    if search.most_connections is not None and network.connections > search.most_connections:
        limit = f"{search.most_connections:,}"
        return f"has {network.connections:,} connections, more than search.most_connections, {limit}"
    size = search.population * search.beginnings
    if network.connections * size > _MOST_GENES:
        return (
            f"has {network.connections:,} connections, in a first population of {size:,} networks more than "
            f"the {_MOST_GENES:,} in all that are accepted; lower search.population or prune it further"
        )
    return None
