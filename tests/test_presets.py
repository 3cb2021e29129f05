"""Presets are found by name, from a checkout and from an installed package."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from wann import api, presets
from wann.errors import BadInput
from wann.presets import configuration

ROOT = Path(__file__).parents[1]


def test_every_file_is_a_preset_of_one_verb() -> None:
    found = [*presets.presets("search").values(), *presets.presets("prune").values()]
    assert sorted(found) == sorted((ROOT / "configs").rglob("*.toml"))


@pytest.mark.parametrize("name", ["swingup", "paper/swingup"])
def test_a_search_is_configured_by_name_by_path_and_by_document(name: str) -> None:
    path = ROOT / "configs" / f"{name}.toml"
    by_name = api.read_config(name, seed=3)
    assert by_name.seed == 3
    assert by_name == api.read_config(path, seed=3) == api.read_config(str(path), ["seed=3"])
    assert by_name == api.read_config(tomllib.loads(path.read_text("utf-8")), seed=3)


def test_pruning_is_configured_by_name_by_path_and_by_document() -> None:
    path = ROOT / "configs" / "prune" / "fashion-mnist.toml"
    document = tomllib.loads(path.read_text("utf-8"))
    by_name = api.read_prune_config("fashion-mnist", seed=3)
    assert by_name == api.read_prune_config(path, seed=3) == api.read_prune_config(document, seed=3)


def test_a_document_stays_as_it_is() -> None:
    document = {"task": {"id": "digits"}, "search": {"population": 64}}
    assert api.read_config(document, ["search.population=32"], generations=5).search.population == 32
    assert document == {"task": {"id": "digits"}, "search": {"population": 64}}


def test_a_file_of_the_same_name_is_named_by_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("swingup").write_text("task.id = 'digits'", encoding="utf-8")
    assert api.read_config("swingup").task.id != "digits"
    assert api.read_config("./swingup").task.id == api.read_config(Path("swingup")).task.id == "digits"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("swingupp", "swingupp: No such file or preset; did you mean swingup"),
        ("configs/swing-up.toml", "did you mean swingup"),
        ("zzzz", "presets are acrobot, "),
        ("lenet-5/snip", "lenet-5/snip: a preset of pruning; it is for wann.prune"),
    ],
)
def test_a_misspelt_name_is_compared_with_the_presets(name: str, says: str) -> None:
    with pytest.raises(BadInput) as error:
        configuration(name, "search")
    assert says in str(error.value)


def test_the_files_travel_with_the_package(tmp_path: Path) -> None:
    installed = tmp_path / "wann"
    (installed / "configs" / "prune").mkdir(parents=True)
    for name in ("__init__.py", "presets.py", "errors.py"):
        (installed / name).write_bytes((ROOT / "wann" / name).read_bytes())
    (installed / "configs" / "prune" / "mine.toml").touch()
    names = "from wann.presets import *; print([*presets('search')], [*presets('prune')])"
    told = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path[0] = {str(tmp_path)!r}; {names}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "[] ['mine']"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    copied = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert copied == {"configs": "wann/configs"}
