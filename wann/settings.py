"""The base class of all settings: frozen, strict and validated; read from TOML and ``key=value`` changes."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Self, TypeVar

import tomli_w
from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import BadInput
from .files import read_toml
from .reference import close_keys, keys_of, tables_of

__all__ = ["Settings", "explain", "load_settings", "parse_settings", "render_settings"]


_NOT_GIVEN: Final = "\0"


class Settings(BaseModel):
    """Immutable settings that refuse unknown keys and values of a wrong type."""

    renamed: ClassVar[Mapping[str, str]] = {}
    """Keys of earlier versions and their present names; an old key is refused with the new name as a hint."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    @classmethod
    def migrated(cls, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """A document of an earlier version as this version has it."""
        return document

    def changed(self, **changes: Any) -> Self:
        """A validated copy with some values replaced.

        Raises:
            BadInput: a value is not accepted.
        """
        present = {name: getattr(self, name) for name in type(self).model_fields}
        try:
            return type(self)(**{**present, **changes})
        except ValidationError as error:
            raise BadInput(explain(error, type(self))) from None


AnySettings = TypeVar("AnySettings", bound=Settings)


def explain(error: ValidationError, kind: type[BaseModel] | None = None) -> str:
    """The first error of a validation in one clause: where it is, what is accepted and what was given.

    Args:
        error: of the validation.
        kind: the settings that were validated; without it, tags of unions stay in the key.
    """
    first = error.errors(include_url=False)[0]
    keys = _located(kind, first["loc"])[0] if kind else map(str, first["loc"])
    where = ".".join(keys) or "document"
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] in ("missing", "value_error", "extra_forbidden"):
        return f"{where}: {message[0].lower()}{message[1:]}"
    shown = repr(first.get("input"))
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return f"{where}: {message[0].lower()}{message[1:]}, found {shown}"


def load_settings(
    kind: type[AnySettings],
    source: Path | Mapping[str, Any],
    changes: Sequence[str] = (),
    arguments: Mapping[str, Sequence[str]] | None = None,
) -> AnySettings:
    """Read settings from a TOML file, or take a document, and apply ``key=value`` changes.

    Args:
        kind: the type of the settings.
        source: the file or the document, which stays as it is.
        changes: the argument ``changes`` of a function.
        arguments: the changes that other arguments of it amount to, by the argument's name; they come last.

    Raises:
        BadInput: the file is not TOML, a key is unknown (the message suggests a known one), or a value is
            not accepted. It names what is to blame: the file, or the argument.
    """
    document = read_toml(source) if isinstance(source, Path) else source
    stages: list[tuple[str | None, Mapping[str, Any]]] = [(None, document)]
    for argument, changed in {"changes": changes, **(arguments or {})}.items():
        stages.append((argument, _applied(stages[-1][1], changed)))
    try:
        return parse_settings(kind, stages[-1][1])
    except BadInput as error:
        blamed = next(stage for stage, document in stages if _fault(kind, document) == error.message)
        message = error.message
        for change in (arguments or {}).get(blamed or "", ()):
            message = message.removeprefix(f"{change.partition('=')[0]}: ")  # the argument's name says it
        found = BadInput(message, argument=blamed, verb=error.verb)
        raise (found.within(source) if blamed is None and isinstance(source, Path) else found) from None


def _fault(kind: type[AnySettings], document: Mapping[str, Any]) -> str | None:
    """What is said of a document that is refused."""
    try:
        parse_settings(kind, document)
    except BadInput as error:
        return error.message
    return None


def parse_settings(kind: type[AnySettings], document: Mapping[str, Any]) -> AnySettings:
    """Validate a document.

    Raises:
        BadInput: a key is unknown (the message suggests a known one), or a value is not accepted.
    """
    present = kind.migrated(document)
    try:
        text = json.dumps(present)
    except (TypeError, ValueError, RecursionError) as error:
        raise BadInput(f"a value is not a number, text, list or table ({error})") from None
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        # Unknown keys first: a key that seems to be missing may only be misspelt.
        for problem in error.errors(include_url=False):
            if problem["type"] == "extra_forbidden":
                raise BadInput(_unknown_key(kind, problem["loc"])) from None
        raise BadInput(explain(error, kind)) from None


def render_settings(settings: Settings) -> str:
    """Settings as TOML text, from which ``load_settings`` makes equal settings.

    Every key is there. TOML has no value for what is not given: a comment says so.
    """

    def marked(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: marked(inner) for key, inner in value.items()}
        return _NOT_GIVEN if value is None else value

    text = tomli_w.dumps(marked(settings.model_dump(mode="json")))
    absent = re.compile(rf"^(\w+) = {re.escape(json.dumps(_NOT_GIVEN))}$", re.MULTILINE)
    return absent.sub(r"# \1 is not given", text)


def _applied(document: Mapping[str, Any], changes: Sequence[str]) -> Mapping[str, Any]:
    """A document with changes."""
    for change in changes:
        key, equals, text = change.partition("=")
        parts = key.strip().split(".")
        if not equals or not all(parts):
            raise BadInput(f"{change}: write key=value, such as search.population=64", argument="changes")
        document = _replaced(document, parts, text, change)
    return document


def _replaced(document: Any, parts: Sequence[str], text: str, change: str) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        raise BadInput(f"{change}: a value, not a table, has the key {parts[0]}", argument="changes")
    part, *inner = parts
    after = _replaced(document.get(part, {}), inner, text, change) if inner else _value(text)
    return {**document, part: after}


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text


def _unknown_key(kind: type[BaseModel], location: Sequence[int | str]) -> str:
    keys, table, choices = _located(kind, location)
    known, renamed = list(table.model_fields), getattr(table, "renamed", {}).get(keys[-1])
    elsewhere = close_keys(keys[-1], (key.name for key in keys_of(kind)))
    same_name = [key for key in elsewhere if key.rpartition(".")[2] == keys[-1]]
    here = [".".join([*keys[:-1], key]) for key in difflib.get_close_matches(keys[-1], known, 1, 0.5)]
    near = same_name or here or elsewhere
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(known)}"
    of = "".join(f" of {tag}" for tag, choice in choices.items() if choice is table)
    for tag, other in reversed(choices.items()):  # of several the first is named
        hint = f"it is for {tag}" if keys[-1] in other.model_fields else hint
    hint = f"it is called {renamed} now" if renamed else hint
    return f"{'.'.join(keys)}: unknown key{of}; {hint}"


def _located(
    kind: type[BaseModel], location: Sequence[int | str]
) -> tuple[list[str], type[BaseModel], dict[str, type[BaseModel]]]:
    """Where an error is: its keys, the innermost table, and what that was chosen from, by tags.

    A location contains the tag of each member of a union that was chosen on the way; the keys do not.
    """
    keys: list[str] = []
    table, choices = kind, dict[str, type[BaseModel]]()
    annotation: Any = kind
    for part in map(str, location):
        tables = tables_of(annotation)
        if part and part in tables:  # a tag
            annotation = table = tables[part]
            choices = tables
            continue
        keys.append(part)
        if "" in tables and tables[""] is not table:
            table, choices = tables[""], {}
        field = table.model_fields.get(part)
        annotation = field.annotation if field else None
    return keys, table, choices
