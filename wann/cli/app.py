"""The application object, and how errors end: one sentence, an exit code, no traceback."""

from __future__ import annotations

import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Final, NoReturn, TypeVar

import typer
from rich.markup import escape
from typer import rich_utils
from typer.core import TyperCommand, TyperGroup

from ..errors import BadInput, Failure, TaskWarning, described
from .output import console, reserved

__all__ = ["INTERRUPTED", "app", "group", "main", "resume_command"]

FAILED: Final = 1
BAD_INPUT: Final = 2
INTERRUPTED: Final = 130
_LONGEST_MESSAGE: Final = 2000

Run = TypeVar("Run", bound=Callable[..., Any])


class _Ended(Exception):
    """A command ended with an expected error; its text speaks of the command's options.

    Attributes:
        code: the exit code.
    """

    def __init__(self, text: str, code: int) -> None:
        super().__init__(text)
        self.code = code


class _Command(TyperCommand):
    """A command that shares its process with foreign code: of environments and of their libraries."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        _show_no_types(self.get_params(ctx))
        super().format_help(ctx, formatter)

    def invoke(self, ctx: Any) -> Any:
        with reserved(), _warnings_as_sentences(), _termination_interrupts():
            try:
                return super().invoke(ctx)
            except (BadInput, Failure) as error:
                options = {parameter.name: _shown(parameter) for parameter in ctx.command.params}
                text = error.phrased(
                    lambda name: options.get(name, f"{name}:"),
                    lambda run: f"`{resume_command(run)}`",
                    "`wann {}`".format,
                )
                for change in ctx.params.get("changes") or ():
                    # What an environment refuses is known after the settings are read, by its key alone.
                    key, blamed = change.partition("=")[0], text.partition(": ")[0]
                    if key == blamed or key.startswith(f"{blamed}."):
                        text = f"{options['changes']} {text}"
                raise _Ended(text, BAD_INPUT if isinstance(error, BadInput) else FAILED) from error
            except (SystemExit, GeneratorExit) as error:
                text = f"ended by code of an environment or a library ({described(error)})"
                raise _Ended(text, FAILED) from error


class _Group(TyperGroup):
    def format_help(self, ctx: Any, formatter: Any) -> None:
        _show_no_types(self.get_params(ctx))
        super().format_help(ctx, formatter)


def _show_no_types(parameters: Iterable[Any]) -> None:
    """Let the help name values in our words alone: N, FILE, KEY=VALUE."""
    rich_utils.RANGE_STRING = ""
    for parameter in parameters:
        word = (parameter.metavar or "") if parameter.param_type_name == "option" else ""
        parameter.display_type_rich = lambda *_, word=word, **__: word


def _shown(parameter: Any) -> str:
    """What the user calls a parameter of a command: its option, or the placeholder of an argument."""
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return f"{parameter.metavar or parameter.name}:"


def resume_command(run: Path) -> str:
    """The command that resumes a run, with the options that its folder may not decide."""
    from ..api import resume_needs

    options = {"trust": "--trust", "address": "--ray-address"}
    needs = resume_needs(run).items()
    given = "".join(f" {options[name]} {value}" for name, values in needs for value in values)
    return f"wann resume {run}{given}"


class _App(typer.Typer):
    def command(self, *arguments: Any, examples: Sequence[str] = (), **named: Any) -> Callable[[Run], Run]:
        epilog = "\n".join(["Examples:", *map(escape, examples)]) if examples else None
        return super().command(*arguments, cls=_Command, epilog=epilog, **named)


@contextmanager
def _warnings_as_sentences() -> Iterator[None]:
    """Print what is to be said of a task as a line, once."""
    said: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if not issubclass(category, TaskWarning):
            before(message, category, *where, **more)
        elif str(message) not in said:
            said.add(str(message))
            _say(str(message))

    with warnings.catch_warnings():
        before, warnings.showwarning = warnings.showwarning, show
        yield


@contextmanager
def _termination_interrupts() -> Iterator[None]:
    """Have the signal that ends services and batch jobs do what Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


app = _App(
    name="wann",
    help="Grow neural networks that work whatever their weights are.",
    epilog="Begin with: wann search swingup",
    cls=_Group,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def group(name: str, purpose: str) -> _App:
    """A command whose first word is followed by another one."""
    commands = _App(name=name, help=purpose, cls=_Group, no_args_is_help=True, rich_markup_mode="rich")
    app.add_typer(commands)
    return commands


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"wann {version('wann')}")
        raise typer.Exit


@app.callback()
def _options(
    told: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_tell_version, help="Show the version.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Of any command: show results and errors, no progress.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Of any command: show tracebacks of errors.")
    ] = False,
) -> None:
    """Options of every command."""
    # ``main`` reads --debug and --quiet itself, wherever they stand.
    del told, quiet, debug


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 failed, 2 bad input, 130 interrupted.

    Args:
        arguments: of the command. Not given: those of the process, which is ours then, and ends.
    """
    if arguments is not None:
        _run(arguments)
    try:
        _run(sys.argv[1:])
    except SystemExit as ending:
        _end_stragglers(int(ending.code or 0))
        raise


def _run(arguments: list[str]) -> NoReturn:
    debug, quiet = "--debug" in arguments, "--quiet" in arguments
    arguments = [argument for argument in arguments if argument not in ("--debug", "--quiet")]
    console.quiet = quiet
    try:
        sys.exit(app(args=arguments, standalone_mode=False) or 0)
    except KeyboardInterrupt:
        _complain("interrupted", debug=debug)
        sys.exit(INTERRUPTED)
    except typer.Abort:
        sys.exit(FAILED)
    except typer.TyperException as error:
        if error.format_message():  # empty where no command was given: the help says it all
            _complain(error.format_message(), debug=debug)
        sys.exit(BAD_INPUT)
    except _Ended as error:
        if debug and error.__cause__ is not None:
            raise error.__cause__ from None
        _complain(str(error), debug=debug)
        sys.exit(error.code)
    except OSError as error:
        about = f"{error.filename}: " if error.filename else ""
        _complain(f"{about}{error.strerror or error}", debug=debug)
        sys.exit(FAILED)
    except MemoryError as error:
        _complain(f"not enough memory: {error}", debug=debug)
        sys.exit(FAILED)


def _complain(message: str, *, debug: bool) -> None:
    if debug:
        raise  # noqa: PLE0704 - called from the handlers above
    _say(message)


def _say(message: str) -> None:
    """Print a line that no option silences."""
    line = "".join(letter if letter.isprintable() else "?" for letter in " ".join(message.split()))
    shown = line if len(line) <= _LONGEST_MESSAGE else f"{line[: _LONGEST_MESSAGE - 3]}..."
    typer.echo(f"wann: {shown}", err=True)


def _end_stragglers(code: int) -> None:
    """See that nothing which an environment left running prints among the results, or keeps the process."""
    sys.stdout.flush()
    os.dup2(2, 1)
    running = [
        thread.name
        for thread in threading.enumerate()
        if thread is not threading.main_thread() and not thread.daemon
    ]
    if running:
        names = ", ".join(dict.fromkeys(running))
        _say(f"threads that an environment or a library left running are ended: {names}")
        sys.stderr.flush()
        os._exit(code)
