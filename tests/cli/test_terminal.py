"""What commands print: help, tables of any width, settings, the version."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import pytest
import typer.main

import wann
from tests.runs.small import small_search
from wann import api
from wann.cli import app, main
from wann.cli.live import uninterrupted
from wann.cli.output import print_table
from wann.experiment import Config
from wann.pruning import PruneConfig
from wann.reference import keys_of
from wann.settings import render_settings

ROOT = Path(__file__).parents[2]
GROUP = typer.main.get_command(app)
COMMANDS = sorted(GROUP.commands)  # type: ignore[attr-defined]


def run(arguments: str, capsys: pytest.CaptureFixture[str], code: int = 0) -> tuple[str, str]:
    with pytest.raises(SystemExit) as ending:
        main(shlex.split(arguments))
    output = capsys.readouterr()
    assert ending.value.code == code, output.err
    return output.out, output.err


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_fits_80_columns_and_names_values_in_words(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 80)
    out, _ = run(f"{command} --help", capsys)
    assert max(map(len, out.splitlines())) <= 80
    assert "…" not in out
    assert "<" not in out


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_are_commands_one_a_line(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    parsed = GROUP.commands[command]  # type: ignore[attr-defined]
    lines = (parsed.epilog or "Examples:").splitlines()
    assert lines[0] == "Examples:"
    for line in lines[1:]:
        name, verb, *arguments = shlex.split(line)
        assert (name, verb) == ("wann", command)
        assert len(line) <= 78
        if " -o " not in line:  # else files would have to be there
            parsed.make_context(verb, arguments).close()


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--version", capsys)[0] == f"wann {version('wann')}\n"


@pytest.mark.parametrize("width", [30, 60, 80, 120])
def test_no_cell_of_a_table_is_ever_cut(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wann.cli.output._PAGE", width)
    rows = [
        {
            "condition": name,
            "mean [x]": "1234.5",
            "std over weights": "17.1",
            "weights": f"each of {name}[box2d]",
        }
        for name in ("random", "tuned-shared")
    ]
    print_table(rows, title="a [title]", left=("weights",))
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= width
    words = out.split()
    assert out.startswith("a [title]\n")
    for cell in ("1234.5", "17.1", "random[box2d]", "tuned-shared[box2d]"):
        assert cell in words or f"{cell}," in words


def test_what_a_task_needs_is_named_whole(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "needs", lambda _: "pip install 'wann[box2d]'")
    assert "pip install 'wann[box2d]'" in run("tasks", capsys)[0]
    listed = json.loads(run("tasks --json", capsys)[0])["tasks"]
    assert [entry["id"] for entry in listed] == list(api.tasks())
    assert listed[0]["needs"] == "pip install 'wann[box2d]'"


def test_quiet_shows_results_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    small = "--set search.population=16 --set task.images=20 --generations 1 --workers 1"
    out, err = run(f"search digits {small} -o loud", capsys)
    assert "Run: loud" in err.splitlines()
    out, err = run(f"search digits {small} -o run --quiet", capsys)
    assert err == ""
    assert out.splitlines()[0] == "Champion: run/champion.json"
    # Interrupted or not, the folder's configuration names every key.
    text = Path("run/config.toml").read_text("utf-8")
    for key in keys_of(Config):
        if key.accepted and (not key.of or "a set of images" in key.of):
            assert f"{key.name.rpartition('.')[2]} " in text, key.name


def test_what_is_not_given_is_a_comment() -> None:
    config = api.read_config({"task": {"id": "CartPole-v1"}})
    assert "\n# most_connections is not given\n" in render_settings(config)


@pytest.mark.parametrize("kind", [Config, PruneConfig])
def test_every_key_is_explained(kind: type[Config | PruneConfig]) -> None:
    for key in keys_of(kind):
        assert key.meaning, f"{key.name} is missing in the section Attributes of its type"
        assert "None" not in key.meaning


def test_the_page_of_settings_is_that_of_the_types(capsys: pytest.CaptureFixture[str]) -> None:
    page = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert page == run("settings --markdown", capsys)[0], "make docs writes it anew"


def test_a_key_is_explained_with_its_default_its_range_and_its_meaning(
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, _ = run("settings search.population", capsys)
    assert out.splitlines()[2:5] == [
        "search.population = 192",
        "    genomes in a generation.",
        "    a whole number from 2 to 1,000,000",
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("settings population", "KEY: population: no such key; did you mean search.population?"),
        (
            "search digits --set population=64",
            "--set population: unknown key; did you mean search.population",
        ),
        ("search digits --set generatoins=6", "did you mean search.generations?"),
    ],
)
def test_a_misplaced_key_is_found(arguments: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert says in run(arguments, capsys, 2)[1]


def test_the_live_line_is_closed_before_it_says_how_to_resume(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said: list[str] = []

    @contextmanager
    def line() -> Iterator[None]:
        try:
            yield
        finally:
            said.append(capsys.readouterr().err)

    def interrupted(_: Callable[[], bool]) -> bool:
        raise KeyboardInterrupt

    run = wann.search(small_search(), run=tmp_path / "run")
    for work in (interrupted, lambda _: False):
        assert not uninterrupted(run.folder, "this generation", line(), work)
        assert "resume" not in said.pop()
        assert f"wann resume {run.folder}" in capsys.readouterr().err
