"""The configuration of a search: all its settings in one document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from ..errors import BadInput
from ..evaluation import BackendSettings
from ..evolution import SearchSettings, WeightSettings
from ..genome import MutationSettings
from ..settings import Settings, load_settings, parse_settings
from ..tasks import AnyTaskSettings, without_foreign_defaults

__all__ = ["Config", "load_config", "parse_config"]


class Config(Settings):
    """A search, whole.

    Attributes:
        seed: what every random stream derives from.
        task: the problem: an environment, or a set of images.
        weights: the shared weights that networks are evaluated with.
        search: population, selection, ranking.
        mutation: topological changes.
        backend: where it is computed.
    """

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    task: AnyTaskSettings
    weights: WeightSettings = WeightSettings()
    search: SearchSettings = SearchSettings()
    mutation: MutationSettings = MutationSettings()
    backend: BackendSettings = BackendSettings()

    @classmethod
    def migrated(cls, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """A document of an earlier version, without task settings that its task does not have.

        Raises:
            BadInput: a configuration of pruning.
        """
        if document.get("kind") == "prune":
            raise BadInput("a configuration of pruning", verb="prune")
        if "task" not in document:
            return document
        return {**document, "task": without_foreign_defaults(document["task"])}

    @model_validator(mode="after")
    def _lanes(self) -> Config:
        lanes = self.task.episodes * self.weights.count
        if lanes * self.search.population * self.search.beginnings > 2**31:
            raise ValueError(
                "task.episodes x weights x search.population x beginnings exceed 2,147,483,648 episodes"
            )
        if lanes < 1 << self.search.racing - 1:
            raise ValueError(
                f"search.racing {self.search.racing} needs task.episodes x weights of at least "
                f"{1 << self.search.racing - 1}; there are {lanes}"
            )
        return self


def load_config(
    source: Path | Mapping[str, Any],
    changes: Sequence[str] = (),
    arguments: Mapping[str, Sequence[str]] | None = None,
) -> Config:
    """Read the configuration of a search and apply ``key=value`` changes.

    Raises:
        BadInput: see ``load_settings``.
    """
    return load_settings(Config, source, changes, arguments)


def parse_config(document: Mapping[str, Any]) -> Config:
    """Check the configuration of a search.

    Raises:
        BadInput: see ``parse_settings``.
    """
    return parse_settings(Config, document)
