"""The live line of a search, and plain lines where there is no terminal."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, Self

import typer
from rich.live import Live
from rich.text import Text

from .app import resume_command
from .output import console

if TYPE_CHECKING:
    from ..experiment import Progress
    from ..pruning.run import RoundProgress

__all__ = ["Countdown", "Interruption", "ProgressLine", "RoundsLine", "clock", "uninterrupted"]

_REDRAW_SECONDS: Final = 0.1
_PLAIN_SECONDS: Final = 10.0


class ProgressLine:
    """Shows each generation; a context manager."""

    def __init__(self) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=False)
        self._shown = 0.0

    def __enter__(self) -> Self:
        from ..genome.operators import vary
        from ..kernels.compiler import needs_compiling

        if needs_compiling(vary):
            console.print("compiling kernels, which only the first use does (about 20 s) ...", style="dim")
        if console.is_terminal:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if console.is_terminal:
            self._live.stop()

    def tell(self, sentence: str) -> None:
        """Print a sentence about workers, networks or the folder above the line."""
        _say(sentence)

    def __call__(self, progress: Progress) -> None:
        """Show the last generation."""
        now = time.perf_counter()
        last = progress.row.generation == progress.generations - 1
        pause = _REDRAW_SECONDS if console.is_terminal else _PLAIN_SECONDS
        if now - self._shown < pause and not last:
            return
        self._shown = now
        line = _describe(progress)
        if console.is_terminal:
            self._live.update(Text(line, no_wrap=True), refresh=True)
        else:
            console.print(line, soft_wrap=True)


def _say(sentence: str) -> None:
    console.print(sentence, style="dim", soft_wrap=True)


class _Status:
    """A line that changes; a context manager."""

    def __init__(self, text: str) -> None:
        self._status = console.status(text)
        self._shown = 0.0

    def __enter__(self) -> Self:
        if console.is_terminal:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def _due(self, *, at_once: bool) -> bool:
        """Whether it is time to show something again."""
        now = time.perf_counter()
        pause = _REDRAW_SECONDS if console.is_terminal else _PLAIN_SECONDS
        if now - self._shown < pause and not at_once:
            return False
        self._shown = now
        return True

    def _show(self, line: str) -> None:
        if console.is_terminal:
            self._status.update(Text(line, no_wrap=True))
        else:
            console.print(line, soft_wrap=True)


class Countdown(_Status):
    """Shows the iterations of a tuning, and when it will be done; a context manager."""

    def __init__(self) -> None:
        super().__init__("tuning: the best shared weight first ...")
        self._begun: tuple[float, int] | None = None

    def __call__(self, iteration: int, iterations: int, best: float) -> None:
        """Show the result of an iteration."""
        now = time.perf_counter()
        if self._begun is None:
            self._begun = now, iteration
        if not self._due(at_once=iteration + 1 >= iterations):
            return
        begun, first = self._begun
        pace = (now - begun) / max(1, iteration - first)
        left = f"{clock(pace * (iterations - 1 - iteration))} left" if iteration > first else "estimating"
        self._show(f"iteration {iteration + 1:,}/{iterations:,}  {best:.4g}  {left}")


class EncoderLine(_Status):
    """Shows the frames that are collected for an encoder, then its training; a context manager."""

    def __init__(self) -> None:
        super().__init__("collecting frames ...")
        self._begun: float | None = None

    def collecting(self, frames: int, whole: int) -> None:
        """Show how many frames there are."""
        if self._due(at_once=frames == whole):
            self._show(f"frame {frames:,}/{whole:,}")

    def __call__(self, step: int, steps: int, loss: float) -> None:
        """Show the result of a step of training."""
        now = time.perf_counter()
        self._begun = self._begun or now
        if self._due(at_once=step == steps):
            left = clock((now - self._begun) / max(1, step - 1) * (steps - step))
            self._show(f"training step {step:,}/{steps:,}  loss {loss:.4g}  {left} left")


class RoundsLine(_Status):
    """Shows the rounds of a pruning run; a context manager."""

    def __init__(self) -> None:
        super().__init__("training ...")
        self._round = -1, ""

    def tell(self, sentence: str) -> None:
        """Print a sentence about the folder above the line."""
        _say(sentence)

    def __call__(self, progress: RoundProgress) -> None:
        """Show the progress of a round."""
        here = progress.round, progress.variant
        if not self._due(at_once=self._round != here):
            return
        self._round = here
        left = "estimating" if progress.left is None else f"{clock(progress.left)} left"
        self._show(
            _fitted(
                (4, f"round {progress.round}/{progress.rounds} {progress.variant}"),
                (1, f"iteration {progress.iteration:,}"),
                (2, f"validation {100 * progress.validation.accuracy:.2f} %"),
                (3, left),
            )
        )


def _describe(progress: Progress) -> str:
    row = progress.row
    done = row.generation + 1
    left = "estimating" if progress.left is None else f"{clock(progress.left)} left"
    return _fitted(
        (5, f"generation {done:,}/{progress.generations:,}"),
        (2, f"best {row.best_mean:.4g}"),
        (3, f"champion {row.champion_mean:.4g}"),
        (1, f"connections {row.best_connections}"),
        (0, f"{progress.rate:,.0f} evaluations/s"),
        (4, left),
    )


def _fitted(*parts: tuple[int, str]) -> str:
    """Parts of a line with their ranks; on a terminal without the lowest for which there is no room."""
    room = console.width - len("x ") if console.is_terminal else sys.maxsize  # a spinner may stand in front
    kept = sorted(parts, reverse=True)
    while len(kept) > 1 and sum(len(text) + 2 for _, text in kept) - 2 > room:
        kept.pop()
    return "  ".join(text for part in parts if part in kept for text in part[1:])


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss or m:ss."""
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class Interruption:
    """Turns Ctrl-C, and the signal that ends services, into a question to ask between generations.

    A second Ctrl-C interrupts at once, and a third ends the process whatever catches the second.

    Args:
        awaited: what is finished before it stops, in words.
        folder: of the run; it is named when the question is first asked, since the run has begun then.
    """

    def __init__(self, awaited: str, folder: Path) -> None:
        self.requested = False
        self._awaited = awaited
        self._unnamed: Path | None = folder

    def __call__(self) -> bool:
        """Whether the search should stop."""
        if self._unnamed is not None:
            console.print(f"Run: {self._unnamed}", style="dim", soft_wrap=True)
            self._unnamed = None
        return self.requested

    @contextmanager
    def watching(self) -> Iterator[Interruption]:
        """Handle the signals while the block runs."""
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

        def request(number: int, frame: FrameType | None) -> None:
            del frame
            again, self.requested = self.requested, True  # before a word: the next signal may be here already
            if again and number == signal.SIGINT:
                signal.signal(number, signal.SIG_DFL)
                raise KeyboardInterrupt
            if not again:
                # Python's own streams must not be used here: the signal may have interrupted one.
                os.write(2, f"\nwaiting for {self._awaited} to end; Ctrl-C again ends at once\n".encode())

        for number in before:
            signal.signal(number, request)
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def uninterrupted(
    folder: Path,
    awaited: str,
    line: AbstractContextManager[object],
    work: Callable[[Interruption], bool],
    *,
    timed: bool = False,
) -> bool:
    """Work on a run folder until it is finished, interrupted or out of time; then say how to resume it.

    Args:
        folder: of the run.
        awaited: what is finished after the first Ctrl-C, in words.
        line: shows the progress of the work; it is closed before anything else is said.
        work: is given a function that says whether to stop, and returns whether it finished.
        timed: whether it may also end because its time is up.

    Returns:
        Whether nobody interrupted it.
    """
    interruption = Interruption(awaited, folder)
    try:
        with interruption.watching(), line:
            if work(interruption):
                return True
        if timed and not interruption.requested:
            console.print(f"Time is up; go on with: {resume_command(folder)}", soft_wrap=True)
            return True
    except KeyboardInterrupt:
        if not (folder / "config.toml").exists():
            raise  # nothing is kept yet
    typer.echo(f"Interrupted; resume it with: {resume_command(folder)}", err=True)
    return False
