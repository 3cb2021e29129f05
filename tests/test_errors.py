import pickle
from pathlib import Path

import pytest

from wann.errors import BadInput, Failure, Unwritable, described


def test_the_text_of_an_error_is_its_message() -> None:
    assert str(BadInput("run.toml: seed: -1")) == "run.toml: seed: -1"


def test_the_text_begins_with_the_argument_at_fault() -> None:
    error = BadInput("'x'; accepted are a, b", argument="condition")
    assert str(error) == described(error) == "condition: 'x'; accepted are a, b"
    assert error.message == "'x'; accepted are a, b"


@pytest.mark.parametrize("kind", [BadInput, Failure, Unwritable])
def test_the_text_ends_with_how_to_resume(kind: type[BadInput] | type[Failure]) -> None:
    error = kind("no worker is left")
    error.resume = Path("runs/a")
    assert str(error) == "no worker is left; resume it with wann.resume('runs/a')"
    assert error.message == "no worker is left"


def test_each_interface_names_arguments_and_resumes_in_its_own_words() -> None:
    error = BadInput("'x'; accepted are a, b", argument="condition").within(Path("config.toml"))
    assert str(error) == "config.toml: condition: 'x'; accepted are a, b"
    error.resume = Path("runs/a")
    error.verb = "prune"
    assert error.phrased("--{}".format, "`wann resume {}`".format, "`wann {}`".format) == (
        "config.toml: --condition 'x'; accepted are a, b; it is for `wann prune`; "
        "resume it with `wann resume runs/a`"
    )


def test_an_error_crosses_processes_whole() -> None:
    error = BadInput("'x'; accepted are a, b", argument="condition")
    error.resume = Path("runs/a")
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert (str(again), again.argument, again.resume) == (str(error), error.argument, error.resume)
