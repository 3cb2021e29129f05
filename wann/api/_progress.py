"""The line that shows how far a search is, where somebody looks: in a terminal, or in a notebook."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from ..experiment import Progress as State
from ._callbacks import quiet

__all__ = ["progress_line"]

_REDRAW_SECONDS: Final = 0.2


@contextmanager
def progress_line(folder: Path, wanted: bool | None) -> Iterator[Callable[[State], None]]:  # noqa: FBT001
    """What shows the state of a search, given one after each generation, while the block lasts.

    Args:
        folder: of the run; it is named first.
        wanted: whether anything is shown; if None, in terminals and notebooks.
    """
    console = Console(stderr=True)
    if wanted is False or (wanted is None and not (console.is_terminal or console.is_jupyter)):
        yield quiet
    elif console.is_jupyter:
        yield _throttled(_in_notebook(folder))
    else:
        console.print(f"Run: {folder}", highlight=False, soft_wrap=True)
        bar = Progress(BarColumn(20), TextColumn("{task.description}"), console=console, auto_refresh=False)
        with bar:
            number = bar.add_task("generation 1")
            yield _throttled(
                lambda state: bar.update(
                    number,
                    total=state.generations,
                    completed=state.row.generation + 1,
                    description=_described(state),
                    refresh=True,
                )
            )


def _in_notebook(folder: Path) -> Callable[[State], None]:
    """Text that changes in place; Jupyter's own display, so that no extension is needed."""
    from IPython.display import display  # noqa: PLC0415 - only notebooks have it

    def text(line: str) -> dict[str, Any]:
        return {"text/plain": f"{folder}\n{line}"}

    handle: Any = display(text("the first generation ..."), raw=True, display_id=True)  # type: ignore[no-untyped-call]
    return lambda state: handle.update(text(_described(state)), raw=True)


def _throttled(draw: Callable[[State], None]) -> Callable[[State], None]:
    """Draws a few times a second, and the last generation."""
    drawn = 0.0

    def show(state: State) -> None:
        nonlocal drawn
        now = time.perf_counter()
        if now - drawn > _REDRAW_SECONDS or state.row.generation == state.generations - 1:
            drawn = now
            draw(state)

    return show


def _described(state: State) -> str:
    left = "" if not state.left else f"  {timedelta(seconds=round(state.left))} left"
    return (
        f"{state.row.generation + 1:,}/{state.generations:,}  champion {state.row.champion_mean:.4g} "
        f"({state.row.champion_connections:,} connections){left}"
    )
