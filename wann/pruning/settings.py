"""The configuration of a pruning run: one document, TOML in and out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..settings import Settings, load_settings
from ..tasks import DATA_SETS
from .iteration import PruningPlan
from .models import ModelSettings
from .training import TrainingSettings

__all__ = ["DataSettings", "PruneConfig", "load_prune_config"]


class DataSettings(Settings):
    """Which images; pixels are from 0 to 1, as evolved networks see them.

    Attributes:
        name: a set of images.
        folder: with ``mnist/`` and ``fashion-mnist/``; WANN_DATA, or the user's cache folder, if not given.
    """

    name: str = "mnist"
    folder: str | None = None

    @model_validator(mode="after")
    def _known(self) -> DataSettings:
        if self.name not in DATA_SETS:
            raise ValueError(f"name {self.name!r}: accepted are {', '.join(DATA_SETS)}")
        return self


class PruneConfig(Settings):
    """A pruning run, whole.

    Attributes:
        kind: always ``prune``: what tells these files from those of searches.
        seed: what initial weights, data order and every draw derive from.
        data: the images.
        model: the dense network.
        training: how it is trained.
        pruning: what is removed, and when.
    """

    kind: Literal["prune"] = "prune"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    data: DataSettings = DataSettings()
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()
    pruning: PruningPlan = PruningPlan()


def load_prune_config(path: Path, changes: Sequence[str] = ()) -> PruneConfig:
    """Read a TOML file and apply ``key=value`` changes.

    Raises:
        BadInput: no TOML, an unknown key (the nearest known one is named), or a bad value.
    """
    return load_settings(PruneConfig, path, changes)
