"""A run in its folder, as Python sees it: champion, metrics, front."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from html import escape
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import BadInput
from ..evolution import Generation
from ..files import read_table
from ..formats import load_network
from ..network import Network
from ..runs import RunFolder
from ._folders import prunes

__all__ = ["FrontNetwork", "Metrics", "Run"]

_WORDS: Final = ("variant",)
"""Columns of text; only tables of pruning runs have them."""
_COUNTS: Final = {entry.name for entry in fields(Generation) if entry.type == "int"}


class Metrics(Mapping[str, NDArray[Any]]):
    """The columns of metrics.csv by name, each an array with a value for each generation, or pruned network.

    Of a search counts are int64; all other numbers are float64, and names of networks text.
    """

    def __init__(self, columns: Mapping[str, NDArray[Any]]) -> None:
        self._columns = columns

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        rows = len(next(iter(self._columns.values()), ()))
        return f"Metrics({rows:,} rows: {', '.join(self._columns)})"

    def to_pandas(self) -> Any:
        """The table as a ``pandas.DataFrame``.

        Raises:
            BadInput: pandas is not installed.
        """
        try:
            import pandas as pd  # noqa: PLC0415 - used here alone
        except ImportError:
            raise BadInput("to_pandas needs pandas, which is not installed: pip install pandas") from None
        return pd.DataFrame(dict(self._columns))


class FrontNetwork(NamedTuple):
    """A network of the final front: no other one of its generation has fewer connections and a higher mean.

    Attributes:
        connections: how many it has.
        mean: its mean return over the weights and episodes of the last generation.
        network: itself.
    """

    connections: int
    mean: float
    network: Network


class Run:
    """The folder of a search, or of a pruning run, which may still be going on or be interrupted.

    Everything is read from the folder when it is asked for.

    Args:
        folder: the folder.
        finished: whether it is, where that is known already.

    Attributes:
        folder: the folder.

    Raises:
        BadInput: it is not the folder of a run.
    """

    def __init__(self, folder: Path | str, *, finished: bool | None = None) -> None:
        self.folder = Path(folder)
        self._finished = finished
        self._kept = RunFolder.existing(self.folder)
        self._prunes = prunes(self.folder)

    @property
    def champion(self) -> Network:
        """The best network so far; of a pruning run the smallest that is as good as the dense one.

        Raises:
            BadInput: there is none yet.
        """
        return load_network(self.folder)

    @property
    def metrics(self) -> Metrics:
        """A row for each generation, or for each network of a pruning run.

        Raises:
            BadInput: there is none yet, or the table is damaged.
        """
        numbers, words = read_table(self._kept.metrics, words=_WORDS if self._prunes else ())
        columns: dict[str, NDArray[Any]] = {name: np.array(column) for name, column in words.items()}
        for name, column in numbers.items():
            columns[name] = column.astype(np.int64) if name in _COUNTS and not self._prunes else column
        return Metrics(columns)

    @property
    def front(self) -> list[FrontNetwork]:
        """The networks of the last generation that no other one beats, by connections.

        Empty before the search is finished.

        Raises:
            BadInput: a pruning run, which has no generations, or a damaged file.
        """
        if self._prunes:
            raise BadInput(f"{self.folder}: a pruning run, which has no front; its networks are in metrics")
        table = self._kept.front / "front.csv"
        if not table.exists():
            return []
        columns, _ = read_table(table, ("connections", "mean"))
        return [
            FrontNetwork(count, mean, self._front_network(count))
            for count, mean in zip(
                columns["connections"].astype(int).tolist(), columns["mean"].tolist(), strict=True
            )
        ]

    def _front_network(self, connections: int) -> Network:
        network = load_network(self._kept.front / f"{connections:05d}-connections.json")
        kept = network.data is not None and self._kept.data.is_file()
        return replace(network, task=str(self._kept.data)) if kept else network

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do; ``wann.resume`` goes on with a run that is not."""
        if self._finished is not None:
            return self._finished
        if self._prunes:
            return (self._kept.figures / "accuracy.svg").exists()  # drawn at the end
        return (self._kept.front / "front.csv").exists()  # written with the last generation

    @property
    def generations(self) -> int:
        """How many generations, or networks of a pruning run, are done."""
        try:
            return len(next(iter(self.metrics.values()), ()))
        except BadInput:
            return 0

    def __repr__(self) -> str:
        done = "networks" if self._prunes else "generations"
        state = "finished" if self.finished else "not finished"
        return f"Run({str(self.folder)!r}: {self.generations:,} {done}, {state}{self._best()})"

    def _best(self) -> str:
        try:
            champion = self.champion
        except BadInput:
            return ""
        mean = champion.provenance.get("selection_mean")
        found = f" with a mean of {mean:.4g}" if isinstance(mean, int | float) else ""
        return f", champion of {champion.connections:,} connections{found}"

    def _repr_html_(self) -> str:
        """The run in a notebook: what it is, its champion, and the pictures in its folder."""
        parts = [f"<p>{escape(repr(self))}</p>"]
        for path in sorted(self._kept.figures.glob("*.svg")):
            image = b64encode(path.read_bytes()).decode()
            parts.append(
                f'<img alt="{escape(path.stem)}" style="max-width: 100%" '
                f'src="data:image/svg+xml;base64,{image}">'
            )
        return "\n".join(parts)
