"""Who imports whom, as the design has it; read from the imports themselves."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import wann
from wann.config import load_config, parse_config
from wann.pruning import PruneConfig, load_prune_config

ROOT: Final = Path(__file__).parents[1]
SOURCES: Final = sorted([*(ROOT / "wann").rglob("*.py"), *(ROOT / "envs").rglob("*.py")])

# A room may import from itself and from these rooms. Modules directly under wann are rooms too.
LEAVES: Final = {"errors", "activations"}
SMALL: Final = {*LEAVES, "files", "settings", "streams", "kernels", "trust"}
NETWORKS: Final = {*SMALL, "genome", "network"}
TASKS: Final = {*NETWORKS, "tasks"}
WIRING: Final = {*TASKS, "evaluation", "evolution", "formats", "runs", "config", "experiment"}
ALLOWED: Final[dict[str, set[str]]] = {
    "errors": set(),
    "activations": set(),
    "settings": {"errors"},
    "files": {"errors"},
    "streams": {"errors"},
    "trust": {"errors"},
    "kernels": {"activations"},
    "genome": SMALL,
    "network": {*SMALL, "genome"},
    "formats": {*NETWORKS, "runs"},
    "tasks": NETWORKS,
    "evaluation": TASKS,
    "evolution": {*SMALL, "genome"},
    "runs": SMALL,
    "config": {*TASKS, "evaluation", "evolution"},
    "experiment": WIRING - {"experiment"},
    "assessment": {*TASKS, "evaluation"},
    "reporting": {*TASKS, "formats", "runs", "assessment", "config"},
    "pruning": {*TASKS, "formats", "runs", "config", "reporting"},
    "benchmark": {*WIRING, "assessment"},
    "judging": {*TASKS, "evaluation", "assessment", "reporting"},
    "training": {*TASKS, "evaluation", "assessment", "formats", "judging", "reporting", "runs"},
    "shrinking": {*TASKS, "assessment", "evaluation", "judging"},
    "comparison": {*TASKS, "formats", "runs", "assessment", "reporting"},
    "api": {*WIRING, "comparison", "judging", "pruning", "reporting", "shrinking", "training"},
    "cli": {*WIRING, "assessment", "reporting", "benchmark", "pruning", "api"},
    "__init__": {"api", "errors", "network"},
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


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_arrows_point_one_way(path: Path) -> None:
    if ROOT / "wann" not in path.parents:
        return
    here = room(path)
    assert here in ALLOWED, f"{here} is new: say in the design, and here, what it may import"
    strangers = rooms_imported(path) - ALLOWED[here] - {here}
    assert not strangers, f"{path.relative_to(ROOT)} imports {', '.join(sorted(strangers))}"


def test_the_allowed_arrows_have_no_cycle() -> None:
    left = dict(ALLOWED)
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
