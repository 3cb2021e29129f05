"""wann: neural networks that work whatever their weights are.

    import wann
    run = wann.search("swingup")
    policy = run.champion.policy(weight=1.5)
    action = policy(observation)

The verbs are those of the command line; ``wann --help`` lists them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import (
        Network,
        Run,
        Search,
        evaluate,
        export,
        frontier,
        import_out,
        load,
        prune,
        rates,
        report,
        resume,
        save,
        search,
        show,
        shrink,
        train_encoder,
        tune,
        video,
    )
    from .errors import BadInput, Failure

    __version__: str

__all__ = [
    "BadInput",
    "Failure",
    "Network",
    "Run",
    "Search",
    "evaluate",
    "export",
    "frontier",
    "import_out",
    "load",
    "prune",
    "rates",
    "report",
    "resume",
    "save",
    "search",
    "show",
    "shrink",
    "train_encoder",
    "tune",
    "video",
]


def __getattr__(name: str) -> Any:
    # Numba and matplotlib take a second to import: only those who use them wait for it.
    if name == "__version__":
        return import_module("importlib.metadata").version(__name__)
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = "errors" if name in ("BadInput", "Failure") else "api"
    return getattr(import_module(f".{room}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
