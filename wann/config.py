"""Configurations: the settings of a search, or of anything else, in one document, TOML in and out."""

from __future__ import annotations

import difflib
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import tomli_w
from pydantic import BaseModel, Field, ValidationError, model_validator

from .errors import BadInput
from .evaluation import BackendSettings
from .evolution import SearchSettings, WeightSettings
from .files import read_toml
from .genome import MutationSettings
from .settings import Settings, explain
from .tasks import TaskSettings

__all__ = ["Config", "load_config", "load_settings", "parse_config", "render_config"]

AnySettings = TypeVar("AnySettings", bound=Settings)


class Config(Settings):
    """A search, whole.

    Attributes:
        seed: what every random stream derives from.
        task: the environment.
        weights: the shared weights that networks are evaluated with.
        search: population, selection, ranking.
        mutation: topological changes.
        backend: where it is computed.
    """

    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    task: TaskSettings
    weights: WeightSettings = WeightSettings()
    search: SearchSettings = SearchSettings()
    mutation: MutationSettings = MutationSettings()
    backend: BackendSettings = BackendSettings()

    @model_validator(mode="after")
    def _lanes(self) -> Config:
        lanes = self.task.episodes * self.weights.count
        if lanes * self.search.population * self.search.beginnings > 2**31:
            raise ValueError(
                "task.episodes x weights x search.population x beginnings exceed 2,147,483,648 episodes"
            )
        return self


def load_config(path: Path, changes: Sequence[str] = ()) -> Config:
    """Read the configuration of a search and apply ``key=value`` changes.

    Raises:
        BadInput: see ``load_settings``.
    """
    return load_settings(Config, path, changes)


def load_settings(kind: type[AnySettings], path: Path, changes: Sequence[str] = ()) -> AnySettings:
    """Read a TOML file of settings and apply ``key=value`` changes.

    Raises:
        BadInput: no TOML, an unknown key (the nearest known one is named), or a bad value.
    """
    document = read_toml(path)
    for change in changes:
        _apply(document, change)
    try:
        return _parse(kind, document)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from None


def parse_config(document: Mapping[str, Any]) -> Config:
    """Check a document.

    Raises:
        BadInput: see ``load_settings``.
    """
    return _parse(Config, document)


def _parse(kind: type[AnySettings], document: Mapping[str, Any]) -> AnySettings:
    try:
        text = json.dumps(document)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput(f"a value is neither number, text, list nor table ({error})") from None
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        # A misspelt key comes first: what seems to be missing may be what was meant by it.
        for found in error.errors(include_url=False):
            if found["type"] == "extra_forbidden":
                raise BadInput(_unknown_key(kind, [str(part) for part in found["loc"]])) from None
        raise BadInput(explain(error)) from None


def render_config(config: Settings) -> str:
    """The configuration as TOML; reading it back gives an equal one."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))


def _apply(document: dict[str, Any], change: str) -> None:
    key, equals, text = change.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise BadInput(f"--set {change}: write key=value, such as search.population=64")
    table = document
    for part in parts[:-1]:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise BadInput(f"--set {change}: {part} is a value, not a table")
    table[parts[-1]] = _value(text)


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _unknown_key(kind: type[BaseModel], parts: Sequence[str]) -> str:
    for part in parts[:-1]:
        kind = _table(kind.model_fields[part].annotation)
    known, renamed = list(kind.model_fields), getattr(kind, "renamed", {}).get(parts[-1])
    near = difflib.get_close_matches(parts[-1], known, 1, 0.5)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    hint = f"it is called {renamed} now" if renamed else hint
    return f"{'.'.join(parts)}: unknown key; {hint}"


def _table(annotation: Any) -> type[BaseModel]:
    for candidate in (annotation, *get_args(annotation)):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    raise AssertionError(annotation)
