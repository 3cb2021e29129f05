"""What draws networks: given by the room of pictures, which stands above this one and knows matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from .network import Network

__all__ = ["Draws", "draw_with", "drawer"]


class Draws(Protocol):
    """Draws the topology of a network."""

    def __call__(self, network: Network, *, title: str | None = None) -> Any:
        """A ``matplotlib.figure.Figure`` that shows itself in notebooks."""


_drawn_by: list[Draws] = []


def draw_with(draws: Draws) -> None:
    """Have networks drawn by this function."""
    _drawn_by[:] = [draws]


def drawer() -> Draws:
    """The function that draws networks.

    Raises:
        RuntimeError: ``wann.reporting`` has not been imported.
    """
    if not _drawn_by:
        raise RuntimeError("pictures need wann.reporting, which has not been imported")
    return _drawn_by[0]
