"""The base of every settings type: frozen, strict, checked when made."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict

__all__ = ["Settings"]


class Settings(BaseModel):
    """Settings that cannot change, know all their keys, and take no value of a wrong type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def changed(self, **changes: Any) -> Self:
        """A copy with other values, checked again.

        Raises:
            pydantic.ValidationError: a value is not acceptable.
        """
        present = {name: getattr(self, name) for name in type(self).model_fields}
        return type(self)(**{**present, **changes})
