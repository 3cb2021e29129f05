"""What keys a type of settings has: their defaults, what they accept, and what they mean.

Everything is read from the types: their fields, and the sections ``Attributes:`` of their docstrings.
"""

from __future__ import annotations

import difflib
import inspect
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, get_args

from pydantic import BaseModel, Tag

__all__ = ["Key", "close_keys", "keys_of", "tables_of"]

_ENTRY: Final = re.compile(r"^    (\w+): (.+(?:\n      .+)*)", re.MULTILINE)
_TYPES: Final = {
    "boolean": "true or false",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
}


@dataclass(frozen=True)
class Key:
    """A key of a configuration.

    Attributes:
        name: with dots, such as ``search.population``.
        meaning: what it is, from the docstring of its type.
        default: its default as TOML; ``not given`` where it has none and needs none, empty if it is needed.
        accepted: accepted values in words; empty for a table.
        of: the kinds of its table that have it; empty if all have.
    """

    name: str
    meaning: str
    default: str = ""
    accepted: str = ""
    of: tuple[str, ...] = ()


def keys_of(kind: type[BaseModel], prefix: str = "") -> list[Key]:
    """All keys of a type of settings, each table before the keys in it."""
    schema, meanings = kind.model_json_schema(), _meanings(kind)
    found = []
    for name, field in kind.model_fields.items():
        key, meaning = f"{prefix}{name}", meanings.get(name, "")
        if tables := tables_of(field.annotation):
            inner = {tag: keys_of(table, f"{key}.") for tag, table in tables.items()}
            found += [Key(key, meaning), *_merged(inner)]
            continue
        default = "" if field.is_required() else _toml(field.get_default(call_default_factory=True))
        found.append(Key(key, meaning, default, _accepted(schema["properties"][name])))
    return found


def close_keys(name: str, known: Iterable[str]) -> list[str]:
    """Dotted keys that a misplaced or misspelt one may mean: of the same last part, else of a close one."""
    last = name.rpartition(".")[2]
    parts = {key: key.rpartition(".")[2] for key in known}
    near = [last] if last in parts.values() else difflib.get_close_matches(last, parts.values(), 1, 0.75)
    return [key for key, part in parts.items() if part in near]


def tables_of(annotation: Any) -> dict[str, type[BaseModel]]:
    """The tables that an annotation allows, by their tags; without a tag by an empty one."""
    tables = {}
    for candidate in (annotation, *get_args(annotation)):
        model, *metadata = get_args(candidate) or (candidate,)
        if isinstance(model, type) and issubclass(model, BaseModel):
            tags = [entry.tag for entry in metadata if isinstance(entry, Tag)]
            tables[tags[0] if tags else ""] = model
    return tables


def _meanings(kind: type) -> dict[str, str]:
    """What the docstrings of a type and of those that it extends say of its attributes."""
    found: dict[str, str] = {}
    for part in reversed(kind.__mro__):
        section = inspect.cleandoc(part.__dict__.get("__doc__") or "").partition("\nAttributes:\n")[2]
        found |= {name: " ".join(text.split()) for name, text in _ENTRY.findall(section)}
    return found


def _merged(tables: Mapping[str, list[Key]]) -> Iterator[Key]:
    """The keys of all kinds of a table, those that are the same in several once."""
    kinds: dict[Key, list[str]] = {}
    for tag, keys in tables.items():
        for key in keys:
            kinds.setdefault(key, []).append(tag)
    order = list(dict.fromkeys(key.name for key in kinds))
    for key in sorted(kinds, key=lambda key: order.index(key.name)):
        yield key if len(kinds[key]) == len(tables) else replace(key, of=tuple(kinds[key]))


def _toml(value: Any) -> str:
    return "not given" if value is None else json.dumps(value, default=str)


def _accepted(schema: Mapping[str, Any]) -> str:
    """What a schema accepts, in words."""
    if "anyOf" in schema:
        return " or ".join(_accepted(choice) for choice in schema["anyOf"] if choice["type"] != "null")
    if "enum" in schema or "const" in schema:
        return " or ".join(map(json.dumps, schema.get("enum", [schema.get("const")])))
    if schema.get("type") == "array":
        exactly = f" of {schema['minItems']}" if "prefixItems" in schema else ""
        return f"a list{exactly}, each {_accepted(schema.get('items') or schema['prefixItems'][0])}"
    if schema.get("type") == "object":
        return f"a table, each value {_accepted(schema['additionalProperties'])}"
    return _TYPES[schema["type"]] + _bounds(schema) if "type" in schema else "any value"


def _bounds(schema: Mapping[str, Any]) -> str:
    """The range of a number, with a space before it."""
    whole = int(schema["type"] == "integer")
    least, most = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if whole and below is not None:
        most, below = below - 1, None
    if least is not None and most is not None:
        return f" from {_number(least)} to {_number(most)}"
    said = {"at least": least, "above": above, "below": below, "at most": most}
    return "".join(
        f"{' and' if number else ''} {word} {_number(bound)}"
        for number, (word, bound) in enumerate((w, b) for w, b in said.items() if b is not None)
    )


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"
