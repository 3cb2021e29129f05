"""The configurations that come with the package, by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal

from .errors import BadInput

__all__ = ["Verb", "configuration", "presets"]

Verb = Literal["search", "prune"]

_PACKAGED: Final = Path(__file__).with_name("configs")
# A checkout has the folder beside the package; building a wheel copies it into the package.
_FOLDER: Final = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).parents[1] / "configs"
_PRUNING: Final = "prune/"
_OF: Final[dict[Verb, str]] = {"search": "searches", "prune": "pruning"}


def presets(verb: Verb) -> dict[str, Path]:
    """The files of all presets of searches, or of pruning, by their names, such as ``paper/swingup``."""
    files = {path.relative_to(_FOLDER).with_suffix("").as_posix(): path for path in _FOLDER.rglob("*.toml")}
    return {
        name.removeprefix(_PRUNING): path
        for name, path in sorted(files.items())
        if name.startswith(_PRUNING) == (verb == "prune")
    }


def configuration(given: Path | str | Mapping[str, Any], verb: Verb) -> Path | Mapping[str, Any]:
    """What a configuration is to be read from: a document as it was given, or a file.

    Args:
        given: the document, a file, or as text the name of a preset before that of a file.
        verb: what the configuration is for.

    Raises:
        BadInput: neither a preset nor a file has this name, or the preset is for the other verb.
    """
    if not isinstance(given, str):
        return given
    known = presets(verb)
    if given in known:
        return known[given]
    with suppress(OSError):  # such as a name that is too long, as reading it will say
        if Path(given).exists():
            return Path(given)
    other: Verb = "prune" if verb == "search" else "search"
    if given in presets(other):
        raise BadInput(f"{given}: a preset of {_OF[other]}", verb=other)
    name = given.removeprefix("configs/").removeprefix(_PRUNING).removesuffix(".toml")
    near = difflib.get_close_matches(name, known, 3, 0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"presets are {', '.join(known)}"
    raise BadInput(f"{given}: No such file or preset; {hint}")
