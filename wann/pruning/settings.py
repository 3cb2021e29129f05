"""The configuration of a pruning run, read from TOML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ..errors import BadInput
from ..settings import Settings, load_settings
from ..tasks import DATA_SETS
from .models import ModelSettings
from .plan import AnyPruningPlan, IterativePlan, without_former_defaults
from .training import TrainingSettings

__all__ = ["DataSettings", "PruneConfig", "load_prune_config"]


class DataSettings(Settings):
    """The images; pixels range from 0 to 1, as for evolved networks.

    Attributes:
        name: a set of images.
        folder: folder with ``mnist/`` and ``fashion-mnist/``; if not given, the one that the environment
            variable WANN_DATA names, else the user's cache.
    """

    name: Annotated[str, Field(json_schema_extra={"enum": [*DATA_SETS]})] = "mnist"
    folder: str | None = None

    @model_validator(mode="after")
    def _known(self) -> DataSettings:
        if self.name not in DATA_SETS:
            raise ValueError(f"name {self.name!r}: accepted are {', '.join(DATA_SETS)}")
        return self


class PruneConfig(Settings):
    """The settings of a pruning run.

    Attributes:
        kind: always ``prune``, which tells these files from configurations of searches.
        seed: seed of the initial weights, the order of the data, and every draw.
        data: the images.
        model: the dense network.
        training: how that network is trained.
        pruning: what is removed, and when; ``criterion`` and ``schedule`` decide on its type.
    """

    kind: Literal["prune"] = "prune"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    data: DataSettings = DataSettings()
    model: ModelSettings = ModelSettings()
    training: TrainingSettings = TrainingSettings()
    pruning: AnyPruningPlan = IterativePlan()

    @classmethod
    def migrated(cls, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """A document of an earlier version, without settings that its plan does not have.

        Raises:
            BadInput: a configuration of a search.
        """
        if "task" in document and "kind" not in document:
            raise BadInput("a configuration of a search", verb="search")
        plan = document.get("pruning")
        return (
            {**document, "pruning": without_former_defaults(plan)} if isinstance(plan, Mapping) else document
        )


def load_prune_config(
    source: Path | Mapping[str, Any],
    changes: Sequence[str] = (),
    arguments: Mapping[str, Sequence[str]] | None = None,
) -> PruneConfig:
    """Read a TOML file and apply ``key=value`` changes.

    Raises:
        BadInput: see ``load_settings``.
    """
    return load_settings(PruneConfig, source, changes, arguments)
