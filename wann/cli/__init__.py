"""The commands, one thin module each."""

from . import (
    bench,
    encoder,
    evaluate,
    export,
    frontier,
    import_,
    prune,
    rates,
    report,
    resume,
    search,
    settings,
    show,
    tasks,
    tune,
)
from .app import app, main

__all__ = [
    "app",
    "bench",
    "encoder",
    "evaluate",
    "export",
    "frontier",
    "import_",
    "main",
    "prune",
    "rates",
    "report",
    "resume",
    "search",
    "settings",
    "show",
    "tasks",
    "tune",
]
