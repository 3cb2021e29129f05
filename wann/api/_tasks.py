"""The tasks that can be named."""

from __future__ import annotations

from collections.abc import Sequence

from ..tasks import DATA_SETS, WELL_KNOWN, names_of, needed_extra, registered_tasks

__all__ = ["needs", "tasks"]


def tasks() -> dict[str, tuple[Sequence[str], Sequence[str]]]:
    """Names of the inputs and outputs of every registered task, by the name of the task.

    Environments of images have no inputs before an encoder gives them some.
    """
    return {name: WELL_KNOWN.get(name) or names_of(name) for name in registered_tasks()}


def needs(task: str) -> str:
    """What must be installed for a task besides the package."""
    if task in DATA_SETS:
        return "nothing more" if task == "digits" else "a download, or WANN_DATA"
    extra = needed_extra(task)
    return "nothing more" if extra is None else f"pip install 'wann[{extra}]'"
