"""Who may have a module imported: a person who names it. A file may not, unless a person allows it.

Importing a module runs its code. An id such as ``module:Environment-v0`` names one, so whoever turns a name
into an import takes a ``Trust`` and asks it first; without one, no name imports anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Final

from .errors import BadInput

__all__ = ["BY_HAND", "NOTHING", "Trust", "module_named"]

_GROUP: Final = "wann.environments"


@dataclass(frozen=True)
class Trust:
    """Which modules a name may import, beside those that installed packages offer as entry points.

    Attributes:
        modules: these, and what lies in them.
        anything: all of them: the name was given by hand.
    """

    modules: tuple[str, ...] = ()
    anything: bool = False

    @classmethod
    def of(cls, modules: Sequence[str]) -> Trust:
        """Trust in these modules alone.

        Raises:
            BadInput: one of them is no name of a module.
        """
        names = (modules,) if isinstance(modules, str) else tuple(modules)
        for name in names:
            if not all(part.isidentifier() for part in name.split(".")):
                raise BadInput(f"--trust {name}: write the name of a module, such as my_package")
        return cls(names)

    def split(self, name: str) -> tuple[str | None, str]:
        """The module that ``module:rest`` may have imported, and the rest; None where it names no module.

        Raises:
            BadInput: it names one that it may not have imported.
        """
        module, rest = module_named(name), name.rpartition(":")[2]
        if module is None or self.anything or self._allows(module):
            return module, rest
        raise BadInput(
            f"task.id: {name} is in the module {module}, which no file may import; if you trust that module, "
            f"give --trust {module}"
        )

    def _allows(self, module: str) -> bool:
        offered = (entry.module for entry in entry_points(group=_GROUP))
        return any(module == name or module.startswith(f"{name}.") for name in (*self.modules, *offered))


BY_HAND: Final = Trust(anything=True)
"""For what a person has written: a configuration to search with, an option, an argument in Python."""
NOTHING: Final = Trust()
"""For what a file says."""


def module_named(name: str) -> str | None:
    """The module in ``module:rest``, None where there is none."""
    module, colon, _ = name.rpartition(":")
    return module if colon else None
