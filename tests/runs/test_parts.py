"""No link in a run folder is followed, and nothing there is deleted but files with names of our own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.runs.small import GENERATIONS, small_search
from wann import api
from wann.cli import main
from wann.settings import render_settings

FILES: Final = ("config.toml", "manifest.json", "metrics.csv", "timing.csv", "champion.json", "report.html")
OF_PRUNING: Final = ("learning.csv", "initial.npz")
FOLDERS: Final = ("front", "failures", "checkpoints", "figures", "rounds")
INNER: Final = (
    *("front/00001-connections.json", "front/front.csv", "checkpoints/00000009.npz", "figures/topology.svg"),
    *("failures/00000000-000000.json", "rounds/00-dense", "rounds/00-dense/network.json"),
)
HIDDEN: Final = (
    *(".lock", ".metrics.csv.1234.tmp", ".report.html.1234.part"),
    f"checkpoints/.{GENERATIONS:08d}.npz.1234.tmp",
)
COMMANDS: Final = (
    "resume run --generations 4",
    "report run",
    "evaluate run --weight 1 --episodes 2",
    "frontier run --no-logistic -o compared",
    "prune run -o smaller.json",
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("finished") / "run"
    assert api.search(small_search(), run=run).finished
    return run


@pytest.fixture
def run(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the run, and beside it somebody's files that nobody may touch."""
    monkeypatch.chdir(tmp_path)
    victim = tmp_path / "victim"
    victim.mkdir()
    for name in ("front.csv", "00000001.npz", "00001-connections.json", "mine.npz", "topology.svg", "notes"):
        (victim / name).write_text("precious", encoding="utf-8")
    (tmp_path / "file").write_text("precious", encoding="utf-8")
    return shutil.copytree(finished, tmp_path / "run")


def untouched(folder: Path) -> bool:
    victim = sorted((folder / "victim").iterdir())
    return len(victim) == 6 and all(path.read_text() == "precious" for path in [*victim, folder / "file"])


def state(run: Path) -> dict[Path, tuple[int, int, int]]:
    """What would be another if something had been written."""
    found = {path: path.lstat() for path in run.rglob("*")}
    return {path: (stat.st_ino, stat.st_size, stat.st_mtime_ns) for path, stat in found.items()}


def ended(command: str) -> int:
    with pytest.raises(SystemExit) as ending:
        main(command.split())
    return int(ending.value.code or 0)


def emptied(path: Path) -> Path:
    """The path of a part, in a folder that is there, with nothing at it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    return path


WRONG: Final[dict[str, Callable[[Path], object]]] = {
    "a link to a file": lambda path: path.symlink_to(Path("file").absolute()),
    "a link to a folder": lambda path: path.symlink_to(Path("victim").absolute()),
    "a link to nothing": lambda path: path.symlink_to(Path("not-there").absolute()),
    "a link within the run": lambda path: path.symlink_to(Path("run/champion.json").absolute()),
    "a pipe": os.mkfifo,
}


CASES: Final = [
    *((part, "a link to a folder") for part in (*FILES, *OF_PRUNING, *FOLDERS, *INNER, *HIDDEN)),
    *(
        (part, wrong)
        for part in ("metrics.csv", "front", INNER[2])
        for wrong in WRONG
        if "folder" not in wrong
    ),
]


@pytest.mark.parametrize(("part", "wrong"), CASES)
def test_a_part_that_is_a_link_is_refused_before_anything_is_read_or_written(
    part: str, wrong: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    WRONG[wrong](emptied(run / part))
    before = state(run)
    for command in COMMANDS:
        assert ended(command) == 2, command
        assert capsys.readouterr().err.splitlines()[-1].startswith(f"wann: run/{part}: "), command
    assert state(run) == before
    assert untouched(run.parent)
    assert not Path("not-there").exists()


@pytest.mark.parametrize("part", [*FILES, *OF_PRUNING, ".lock"])
def test_a_folder_for_a_file_is_refused(part: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    emptied(run / part).mkdir()
    assert ended("resume run") == 2
    assert f"run/{part}: not a plain file" in capsys.readouterr().err


@pytest.mark.parametrize("part", FOLDERS)
def test_a_file_for_a_folder_is_refused(part: str, run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    emptied(run / part).write_text("", encoding="utf-8")
    assert ended("resume run") == 2
    assert f"run/{part}: not a plain folder" in capsys.readouterr().err


def test_a_run_folder_that_is_a_link_itself_is_as_good_as_any(run: Path) -> None:
    Path("short").symlink_to(run)
    assert ended(f"resume short --generations {GENERATIONS + 1}") == 0
    assert len((run / "metrics.csv").read_bytes().splitlines()) == GENERATIONS + 2


def test_only_files_with_our_own_names_are_deleted(run: Path) -> None:
    foreign = [
        *(run / "checkpoints" / name for name in ("mine.npz", "1.npz", "00000001.npz.bak", "0000000a.npz")),
        *(
            run / "front" / name
            for name in ("notes.txt", "best.json", "00001-connections.json.bak", ".hidden")
        ),
        *(run / name for name in (".notes.tmp", "notes.1.tmp", ".metrics.csv.tmp")),
    ]
    for path in foreign:
        path.write_text("precious", encoding="utf-8")
    own = [run / "front/99999-connections.json", run / ".metrics.csv.12345.tmp"]
    for path in own:
        path.write_text("left behind", encoding="utf-8")
    assert ended(f"resume run --generations {GENERATIONS + 5}") == 0
    assert [path.read_text() for path in foreign] == ["precious"] * len(foreign)
    assert not any(path.exists() for path in own)


@pytest.mark.parametrize(
    "name", ["metrics.csv", "timing.csv", "config.toml", "champion.json", "manifest.json"]
)
def test_a_file_that_has_another_name_elsewhere_keeps_its_content_there(name: str, run: Path) -> None:
    # A hard link, as copies for backup are: what is written goes to a file of its own.
    Path("backup").hardlink_to(run / name)
    before = Path("backup").read_bytes()
    assert ended(f"resume run --generations {GENERATIONS + 2}") == 0
    assert Path("backup").read_bytes() == before
    assert not (run / name).samefile("backup")


def test_a_lock_that_has_another_name_elsewhere_is_refused(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    emptied(run / ".lock").hardlink_to("file")
    assert ended("resume run") == 2
    assert "run/.lock" in capsys.readouterr().err
    assert untouched(run.parent)


def test_a_temporary_file_is_never_written_through_a_link(run: Path) -> None:
    Path("c.toml").write_text(render_settings(small_search()), encoding="utf-8")
    Path("new").mkdir()
    Path("new", f".config.toml.{os.getpid()}.tmp").symlink_to(Path("file").absolute())
    assert ended("search c.toml --run new") == 0
    assert untouched(run.parent)


def test_names_in_files_never_lead_out_of_the_folder_that_is_written_to(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("pruned").mkdir()
    outside = "x/../../outside"
    Path("pruned/config.toml").write_text(
        f'kind = "prune"\n[data]\nname = "{outside}"\n[model]\nkind = "lenet-5"\n[pruning]\nrounds = 1\n'
        'schedule = "iterative"\ncriterion = "magnitude"\nrewind = "initial"\n',
        encoding="utf-8",
    )
    table = "round,variant,connections,biases,test_accuracy,multiply_adds,csr_bytes\n0,dense,9,1,0.5,5,9\n"
    Path("pruned/metrics.csv").write_text(table, encoding="utf-8")
    Path("pruned/timing.csv").write_text("round,variant,seconds\n0,dense,1\n", encoding="utf-8")
    before = set(run.parent.rglob("*"))
    assert ended("frontier pruned --no-logistic -o a/b") == 2
    assert outside in capsys.readouterr().err
    assert set(run.parent.rglob("*")) == before
