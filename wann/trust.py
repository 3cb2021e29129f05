"""Which modules a name may import: any that the user names, but none that only a file names.

Importing a module runs its code, and an id such as ``module:Environment-v0`` names a module. Code that
imports by name therefore takes a ``Trust`` and asks it first.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from .errors import BadInput

__all__ = ["BY_HAND", "NOTHING", "Trust", "import_trusted", "module_named", "modules_within"]

_GROUP: Final = "wann.environments"
_WITHIN_MODULE: Final = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


@dataclass(frozen=True)
class Trust:
    """Which modules a name may import, besides those that installed packages offer as entry points.

    Attributes:
        modules: trusted modules, with their submodules.
        anything: whether every module is trusted, because the user gave the name.
    """

    modules: tuple[str, ...] = ()
    anything: bool = False

    @classmethod
    def of(cls, modules: Sequence[str]) -> Trust:
        """Trust these modules only.

        Raises:
            BadInput: one of the names is not the name of a module.
        """
        names = (modules,) if isinstance(modules, str) else tuple(modules)
        for name in names:
            if not all(part.isidentifier() for part in name.split(".")):
                raise BadInput(f"{name}: write the name of a module, such as my_package", argument="trust")
        return cls(names)

    def split(self, name: str, key: str = "task.id") -> tuple[str | None, str]:
        """Split ``module:rest`` into the module to import, None if no module is named, and the rest.

        Args:
            name: what names a module.
            key: under which a file names it, for the message.

        Raises:
            BadInput: the module is not trusted.
        """
        module, rest = module_named(name), name.rpartition(":")[2]
        if module is None or self.anything or self._allows(module):
            return module, rest
        raise BadInput(
            f"{module}: not a trusted module; the file's {key} is {name}, and no file may choose a module "
            "to import: name the module here if you trust it",
            argument="trust",
        )

    def _allows(self, module: str) -> bool:
        offered = (entry.module for entry in entry_points(group=_GROUP))
        return any(module == name or module.startswith(f"{name}.") for name in (*self.modules, *offered))


BY_HAND: Final = Trust(anything=True)
"""For names that the user wrote: in a configuration to search with, an option, a Python argument."""
NOTHING: Final = Trust()
"""For names that only a file contains."""


def import_trusted(module: str) -> ModuleType:
    """Import a module that ``Trust.split`` has returned; what is not installed may be in the current folder.

    Raises:
        Exception: whatever importing it raises.
    """
    here = str(Path.cwd())
    top = module.partition(".")[0]
    if top in sys.modules or here in sys.path or find_spec(top) is not None:
        return import_module(module)
    sys.path.append(here)  # it stays there for what the module imports later, and for worker processes
    try:
        return import_module(module)
    except ModuleNotFoundError:
        sys.path.remove(here)
        raise


def modules_within(value: Any) -> Iterator[str]:
    """Every ``module:name`` in the keyword arguments of an environment, which may import it."""
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, str) and _WITHIN_MODULE.fullmatch(value):
        yield value
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for part in value:
            yield from modules_within(part)


def module_named(name: str) -> str | None:
    """The module in ``module:rest``, or None."""
    module, colon, _ = name.rpartition(":")
    return module if colon else None
