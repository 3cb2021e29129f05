"""wann: neural networks that work whatever their weights are.

    import wann
    wann.search("configs/swingup.toml", run="results/runs/first")
    champion = wann.load("results/runs/first")
    policy = champion.policy(weight=1.5)
    action = policy(observation)

The verbs are those of the command line; ``wann --help`` lists them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import (
        evaluate,
        export,
        frontier,
        import_out,
        load,
        prune,
        report,
        resume,
        save,
        search,
        show,
        shrink,
        tune,
        video,
    )
    from .errors import BadInput, Failure
    from .network import Network

__all__ = [
    "BadInput",
    "Failure",
    "Network",
    "evaluate",
    "export",
    "frontier",
    "import_out",
    "load",
    "prune",
    "report",
    "resume",
    "save",
    "search",
    "show",
    "shrink",
    "tune",
    "video",
]


def __getattr__(name: str) -> Any:
    # Numba and matplotlib take a second to import: only those who use them wait for it.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    rooms = {"BadInput": "errors", "Failure": "errors", "Network": "network"}
    return getattr(import_module(f".{rooms.get(name, 'api')}", __name__), name)
