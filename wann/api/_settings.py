"""The settings that configurations have."""

from __future__ import annotations

from ..errors import BadInput
from ..experiment import Config
from ..presets import Verb
from ..reference import Key, close_keys, keys_of

__all__ = ["settings"]


def settings(key: str | None = None) -> dict[Verb, list[Key]]:
    """The keys of configurations of searches and of pruning, each table before its keys.

    Those of pruning are left out where PyTorch is not installed.

    Args:
        key: one key, or a table with all its keys; all if None.

    Raises:
        BadInput: there is no such key; the message suggests one.
    """
    known: dict[Verb, list[Key]] = {"search": keys_of(Config)}
    try:
        from ..pruning import PruneConfig  # noqa: PLC0415
    except BadInput:
        pass
    else:
        known["prune"] = keys_of(PruneConfig)
    chosen = {
        verb: [entry for entry in entries if key is None or f"{entry.name}.".startswith(f"{key}.")]
        for verb, entries in known.items()
    }
    if not any(chosen.values()):
        names = [entry.name for entries in known.values() for entry in entries]
        tables = dict.fromkeys(name.partition(".")[0] for name in names)
        near = close_keys(str(key), names)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(tables)}"
        raise BadInput(f"{key}: no such key; {hint}", argument="key")
    return chosen
