"""Who imports whom, as the design has it; read from the imports themselves."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import wann
from wann.experiment import load_config, parse_config
from wann.pruning import PruneConfig, load_prune_config

ROOT: Final = Path(__file__).parents[1]
SOURCES: Final = sorted([*(ROOT / "wann").rglob("*.py"), *(ROOT / "envs").rglob("*.py")])

# What a room imports from, no more and no less. Modules directly under wann are rooms too.
USED: Final[dict[str, set[str]]] = {
    "errors": set(),
    "activations": set(),
    "files": {"errors"},
    "streams": {"errors"},
    "trust": {"errors"},
    "encoding": {"errors", "files", "kernels", "trust"},
    "presets": {"errors"},
    "kernels": set(),
    "reference": set(),
    "settings": {"errors", "files", "reference"},
    "genome": {"activations", "files", "kernels", "settings", "streams"},
    "network": {"activations", "encoding", "errors", "genome", "kernels", "trust"},
    "runs": {"errors", "files", "settings"},
    "formats": {"activations", "encoding", "errors", "files", "kernels", "network", "runs", "settings"},
    "tasks": {"encoding", "errors", "files", "kernels", "network", "settings", "streams", "trust"},
    "evaluation": {"errors", "genome", "kernels", "network", "settings", "tasks"},
    "evolution": {"errors", "files", "genome", "kernels", "settings", "streams"},
    "experiment": {
        *("encoding", "errors", "files", "settings", "streams", "trust"),
        *("genome", "network", "tasks", "evaluation", "evolution", "formats", "runs"),
    },
    "training": {"errors", "evaluation", "files", "network", "runs", "settings", "streams", "tasks"},
    "assessment": {"errors", "evaluation", "network", "streams", "tasks", "training"},
    "reporting": {
        *("activations", "errors", "files", "kernels", "trust"),
        *("experiment", "formats", "network", "runs", "tasks"),
    },
    "pruning": {
        *("activations", "errors", "files", "settings", "streams", "trust"),
        *("assessment", "evaluation", "formats", "genome", "network", "reporting", "runs", "tasks"),
    },
    "comparison": {
        *("errors", "files", "streams"),
        *("assessment", "formats", "network", "reporting", "runs", "tasks"),
    },
    "benchmark": {
        *("errors", "kernels", "settings", "streams"),
        *("evaluation", "evolution", "experiment", "genome", "network", "runs", "tasks"),
    },
    "api": {
        *("encoding", "errors", "files", "presets", "reference", "settings", "streams", "trust"),
        *("assessment", "comparison", "evaluation", "evolution", "experiment", "formats", "genome"),
        *("network",),
        *("pruning", "reporting", "runs", "tasks", "training"),
    },
    "cli": {
        *("errors", "presets", "reference", "streams"),
        *("api", "assessment", "benchmark", "experiment", "genome", "kernels", "network", "pruning", "tasks"),
    },
    "__init__": {"api", "errors"},
}
ENVIRONMENT_LIBRARIES: Final = {"gymnasium", "numpy", "numba"}
KERNEL_LIBRARIES: Final = {"numpy", "numba", "llvmlite"}
UNSAFE: Final = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}


def room(path: Path) -> str:
    """The folder or module directly under the package."""
    parts = path.relative_to(ROOT / "wann").parts
    return parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[str]:
    """Absolute names of all that a file imports, wherever in the file."""
    base = path.relative_to(ROOT / "envs" if "envs" in path.relative_to(ROOT).parts else ROOT).parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = base[: len(base) - node.level + 1] if node.level else ()
            stem = [*above, *([node.module] if node.module else [])]
            yield from (".".join([*stem, alias.name]) for alias in node.names)


def within(package: str) -> list[Path]:
    return [path for path in SOURCES if package in path.relative_to(ROOT).parts]


def rooms_imported(path: Path) -> set[str]:
    """Rooms of wann that a file imports from."""
    parts = [name.split(".") for name in imports(path)]
    return {name[1] for name in parts if name[0] == "wann" and len(name) > 1}


ROOMS: Final = sorted({room(path) for path in SOURCES if ROOT / "wann" in path.parents})


@pytest.mark.parametrize("here", ROOMS)
def test_the_arrows_are_those_that_the_design_has(here: str) -> None:
    assert here in USED, f"{here} is new: say in docs/architecture.md, and here, what it imports"
    paths = [path for path in SOURCES if ROOT / "wann" in path.parents and room(path) == here]
    used = set[str]().union(*(rooms_imported(path) for path in paths)) - {here}
    assert used == USED[here]


def test_the_allowed_arrows_have_no_cycle() -> None:
    left = dict(USED)
    while left:
        free = [name for name, needs in left.items() if not needs & left.keys()]
        assert free, f"a cycle among {', '.join(left)}"
        for name in free:
            del left[name]


def test_evolution_and_evaluation_do_not_know_each_other() -> None:
    assert not any("evaluation" in rooms_imported(path) for path in within("evolution"))
    assert not any("evolution" in rooms_imported(path) for path in within("evaluation"))


def test_nobody_imports_the_commands() -> None:
    assert [path for path in SOURCES if "cli" in rooms_imported(path) and room(path) != "cli"] == []


def test_the_engine_never_imports_the_environments() -> None:
    assert [
        path for path in within("wann") if any(name.startswith("wann_envs") for name in imports(path))
    ] == []


def test_the_environments_use_nothing_of_the_engine_but_its_kernels() -> None:
    for path in within("wann_envs"):
        names = [name.split(".")[0] for name in imports(path)]
        assert rooms_imported(path) <= {"kernels"}, path
        strangers = set(names) - {"wann", "wann_envs"} - ENVIRONMENT_LIBRARIES - set(sys.stdlib_module_names)
        assert strangers <= {"pygame", "PIL"}, path


def test_kernels_know_arrays_and_numba_and_nothing_else() -> None:
    for path in within("kernels"):
        names = {name.split(".")[0] for name in imports(path)}
        assert names <= {"wann"} | KERNEL_LIBRARIES | set(sys.stdlib_module_names), path


def test_kernels_open_no_files() -> None:
    # The compiler module reads the sources themselves, to know when its cache is stale.
    for path in within("kernels"):
        if path.name != "compiler.py":
            assert not {"os", "io", "pathlib", "json"} & {name.split(".")[0] for name in imports(path)}, path


def test_nothing_is_ever_unpickled() -> None:
    for path in SOURCES:
        assert not UNSAFE & {name.split(".")[0] for name in imports(path)}, path
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant), path
                assert node.value.value is False, path
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "load"
            ):
                reads = ast.unparse(node)
                assert not reads.startswith("np.load") or "allow_pickle=False" in reads, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "__import__"), path


def test_no_folder_bears_the_name_of_a_verb() -> None:
    # The submodule would replace the function as soon as somebody imports it.
    names = {room(path) for path in within("wann")}
    assert not names & set(wann.__all__)


def test_every_public_name_is_there() -> None:
    for name in wann.__all__:
        assert getattr(wann, name) is not None
    with pytest.raises(AttributeError, match="nothing_like_it"):
        wann.nothing_like_it  # noqa: B018


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "helpers", "common", "misc"}
    assert not [path for path in SOURCES if drawers & {path.stem, *path.relative_to(ROOT).parts}]


PRESETS: Final = sorted((ROOT / "configs").rglob("*.toml"))


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_preset_loads(path: Path) -> None:
    if "prune" in path.parts:
        pruning = load_prune_config(path)
        assert PruneConfig.model_validate_json(pruning.model_dump_json()) == pruning
    else:
        config = load_config(path)
        assert parse_config(config.model_dump(mode="json", exclude_none=True)) == config
