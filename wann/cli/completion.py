"""What the shell completes: presets, keys of settings, tasks."""

from __future__ import annotations

from collections.abc import Callable

from ..presets import Verb, presets

__all__ = ["named", "settable", "task_ids"]

Completion = Callable[[str], list[str]]


def named(verb: Verb) -> Completion:
    """Names of presets; files are completed by the shell itself where none fits."""
    return lambda incomplete: [name for name in presets(verb) if name.startswith(incomplete)]


def settable(verb: Verb) -> Completion:
    """Keys of settings, with the equals sign."""

    def complete(incomplete: str) -> list[str]:
        from .. import api

        keys = [f"{key.name}=" for key in api.settings().get(verb, []) if key.accepted]
        return [key for key in keys if key.startswith(incomplete)]

    return complete


def task_ids(incomplete: str) -> list[str]:
    """Registered tasks."""
    from .. import api

    return [name for name in api.tasks() if name.startswith(incomplete)]
