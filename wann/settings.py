"""The base of every settings type: frozen, strict, checked when made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from .errors import BadInput

__all__ = ["Settings", "explain"]


class Settings(BaseModel):
    """Settings that cannot change, know all their keys, and take no value of a wrong type."""

    renamed: ClassVar[Mapping[str, str]] = {}
    """Keys of earlier versions, and what they are called now; they are refused with the new name."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def changed(self, **changes: Any) -> Self:
        """A copy with other values, checked again.

        Raises:
            BadInput: a value is not acceptable.
        """
        present = {name: getattr(self, name) for name in type(self).model_fields}
        try:
            return type(self)(**{**present, **changes})
        except ValidationError as error:
            raise BadInput(explain(error)) from None


def explain(error: ValidationError) -> str:
    """The first complaint of a schema in one clause: where, what was found, what is accepted."""
    first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "document"
    message = first["msg"].removeprefix("Value error, ")
    found = first.get("input")
    if first["type"] in ("missing", "value_error", "extra_forbidden"):
        return f"{where}: {message[0].lower()}{message[1:]}"
    shown = repr(found)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    return f"{where}: {message[0].lower()}{message[1:]}, found {shown}"
