"""The application object, and how errors end: one sentence, an exit code, no traceback."""

from __future__ import annotations

import sys
from typing import Annotated, Final

import typer

from ..errors import BadInput, Failure

__all__ = ["INTERRUPTED", "app", "main"]

FAILED: Final = 1
BAD_INPUT: Final = 2
INTERRUPTED: Final = 130
_LONGEST_MESSAGE: Final = 2000

app = typer.Typer(
    name="wann",
    help="Grow neural networks that work whatever their weights are.",
    epilog="Begin with: wann search configs/swingup.toml",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


@app.callback()
def _options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Options of every command."""
    # ``main`` reads --debug itself: it must know before anything can fail.
    del debug


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 failed, 2 bad input, 130 interrupted."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    arguments = [argument for argument in arguments if argument != "--debug"]
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
    except BadInput as error:
        _complain(str(error), debug=debug)
        sys.exit(BAD_INPUT)
    except Failure as error:
        _complain(str(error), debug=debug)
        sys.exit(FAILED)
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
    line = "".join(letter if letter.isprintable() else "?" for letter in " ".join(message.split()))
    shown = line if len(line) <= _LONGEST_MESSAGE else f"{line[: _LONGEST_MESSAGE - 3]}..."
    typer.echo(f"wann: {shown}", err=True)
