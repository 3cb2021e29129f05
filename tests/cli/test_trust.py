"""What a run folder or a network file says imports no module, unless a person allows it by ``--trust``."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import gymnasium
import pytest
from typer.main import get_command

import wann
from wann import api
from wann.cli import app, main
from wann.errors import BadInput
from wann.tasks import make_task, names_of, task_settings
from wann.trust import BY_HAND, NOTHING, Trust

pytestmark = pytest.mark.usefixtures("_forked")

MODULE: Final = "leaves_a_trace"
ID: Final = f"{MODULE}:trace/Sums-v0"
SOURCE: Final = """\
from pathlib import Path

import gymnasium

from tests.tasks.environments import Sums

with Path(__file__).with_suffix(".trace").open("a") as file:
    file.write("imported\\n")


class Traced(Sums):
    pass


gymnasium.register("trace/Sums-v0", entry_point=f"{__name__}:Traced", max_episode_steps=4)
"""
CONFIG: Final = f"""\
[task]
id = "{ID}"
episodes = 1
[search]
population = 6
generations = 2
tournament = 2
champion_episodes = 1
[backend]
workers = 1
"""
PRUNING: Final = f"""
kind = "prune"
[data]
name = "{ID}"
[model]
kind = "dense"
hidden = [3]
[pruning]
criterion = "magnitude"
schedule = "iterative"
rounds = 1
rewind = "initial"
"""
METRICS: Final = "round,variant,connections,biases,test_accuracy,multiply_adds,csr_bytes\n"


class Trace:
    """Whether the module has been imported since the last time somebody asked."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def found(self) -> bool:
        """Whether it was; what it has left is wiped away, so that it would be imported again."""
        sys.modules.pop(MODULE, None)
        gymnasium.registry.pop("trace/Sums-v0", None)
        there = self._path.exists()
        self._path.unlink(missing_ok=True)
        return there


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trace]:
    folder = tmp_path_factory.mktemp("modules")
    (folder / f"{MODULE}.py").write_text(SOURCE, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        found = Trace(folder / f"{MODULE}.trace")
        yield found
        found.found()


@pytest.fixture(scope="module")
def run(trace: Trace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search that was interrupted after a generation."""
    folder = tmp_path_factory.mktemp("searched")
    (folder / "c.toml").write_text(CONFIG, encoding="utf-8")
    stops = iter([False, True])
    assert not api.search(folder / "c.toml", run=folder / "run", stop=lambda: next(stops)).finished
    assert trace.found()  # by hand it may
    return folder / "run"


@pytest.fixture
def kept(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trace: Trace) -> Path:
    """Files of others, each of which names the module wherever a name may stand."""
    assert not trace.found()
    monkeypatch.chdir(tmp_path)
    shutil.copytree(run, "run")
    shutil.copy("run/champion.json", "n.json")
    shutil.copy("run/champion.json", "run/front/00001-connections.json")
    Path("pruning/rounds/00-pruned").mkdir(parents=True)
    Path("pruning/config.toml").write_text(PRUNING, encoding="utf-8")
    Path("pruning/metrics.csv").write_text(f"{METRICS}0,pruned,5,1,0.5,5,100\n", encoding="utf-8")
    Path("pruning/timing.csv").write_text("round,variant,seconds\n0,pruned,1\n", encoding="utf-8")
    for place in ("rounds/00-pruned/network.json", "champion.json"):
        shutil.copy("n.json", Path("pruning", place))
    assert ID in Path("n.json").read_text()
    assert ID in Path("run/config.toml").read_text()
    return tmp_path


READERS: Final = {
    "evaluate": "evaluate {} --weight 1 --episodes 2 --workers 1",
    "tune": "tune {} --method shared --workers 1 -o o.json",
    "show": "show {} -o o.svg",
    "prune": "prune {} --workers 1 -o o.json",
    "resume": "resume {}",
    "report": "report {}",
    "export": "export {} --format out -o o.out",
    "frontier": "frontier {} --no-logistic -o compared",
}
OTHERS: Final = {"search", "import", "tasks", "settings", "bench", "encoder"}
"""Commands that read neither networks of ours nor run folders, or play what is named by hand."""
POLICIES: Final = {"rates": "rates {} -o o.toml"}
"""Commands for the policies of one environment."""
FREE: Final = {"report", "export", "frontier"}
"""Commands that import nothing whatever they read, and have no ``--trust``."""
KEPT: Final = ("n.json", "run", "pruning", "run/config.toml", "pruning/config.toml")


def ended(command: str) -> int:
    with pytest.raises(SystemExit) as ending:
        main(command.split())
    return int(ending.value.code or 0)


def test_every_command_is_among_these() -> None:
    commands: Any = get_command(app)
    assert set(commands.commands) == READERS.keys() | POLICIES.keys() | OTHERS
    trusting = {
        name
        for name, command in commands.commands.items()
        if "trust" in [each.name for each in command.params]
    }
    assert trusting == READERS.keys() - FREE | POLICIES.keys()


@pytest.mark.parametrize("what", KEPT)
@pytest.mark.parametrize("command", [*READERS.values(), *POLICIES.values()], ids=[*READERS, *POLICIES])
@pytest.mark.usefixtures("kept")
def test_nothing_that_is_read_imports_a_module(command: str, what: str, trace: Trace) -> None:
    ended(command.format(what))
    assert not trace.found()
    assert MODULE not in sys.modules


@pytest.mark.parametrize("name", sorted(READERS.keys() - FREE))
@pytest.mark.usefixtures("kept")
def test_what_is_trusted_is_imported(name: str, trace: Trace) -> None:
    what = "run" if name == "resume" else "n.json"
    command = READERS[name].format(what)
    assert ended(f"{command} --trust some.other.module") == (0 if name == "show" else 2)
    assert not trace.found()
    shutil.rmtree("compared", ignore_errors=True)
    assert ended(f"{command} --trust some.other.module --trust {MODULE}") == 0
    assert trace.found()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.usefixtures("kept")
def test_processes_play_what_was_allowed_here(
    workers: int, trace: Trace, capsys: pytest.CaptureFixture[str]
) -> None:
    command = f"evaluate n.json --weight 1 --episodes 4 --workers {workers} --json"
    assert ended(f"{command} --trust {MODULE}") == 0
    assert trace.found()
    assert json.loads(capsys.readouterr().out)["conditions"][0]["episodes"] == 4
    assert ended(command) == 2
    assert not trace.found()


@pytest.mark.usefixtures("kept")
def test_a_refusal_says_which_file_which_module_and_what_allows_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert ended("resume run") == 2
    said = capsys.readouterr().err
    assert all(part in said for part in ("run/config.toml", "task.id", ID, f"--trust {MODULE}"))
    assert ended("frontier pruning -o compared") == 2
    assert "pruning" in (said := capsys.readouterr().err)
    assert "no set of images" in said
    assert ended("evaluate n.json --trust leaves_a_trace:Sums") == 2
    assert "name of a module" in capsys.readouterr().err


@pytest.mark.usefixtures("kept")
def test_a_report_needs_no_environment(trace: Trace) -> None:
    assert ended(f"resume run --trust {MODULE}") == 0
    assert trace.found()
    figure = Path("run/figures/topology.svg")
    drawn = figure.read_bytes()
    figure.unlink()
    assert ended("report run") == 0
    assert figure.read_bytes() == drawn
    assert not trace.found()


@pytest.mark.usefixtures("kept")
def test_an_interrupted_search_says_what_its_resumption_needs(
    trace: Trace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert api.resume_needs("run") == {"trust": [MODULE]}
    assert not trace.found()


PYTHON: Final[dict[str, Callable[[wann.Network, dict[str, Any]], object]]] = {
    "evaluate": lambda network, given: wann.evaluate(network, weight=1.0, episodes=2, workers=1, **given),
    "tune": lambda network, given: wann.tune(network, method="shared", workers=1, **given),
    "video": lambda network, given: wann.video(network, "video.png", weight=1.0, **given),
    "shrink": lambda network, given: wann.shrink(network, workers=1, **given),
    "resume": lambda _, given: wann.resume("run", **given),
}


@pytest.mark.parametrize("name", PYTHON)
@pytest.mark.usefixtures("kept")
def test_in_python_it_is_the_same(name: str, trace: Trace) -> None:
    network = wann.load("n.json")
    with pytest.raises(BadInput, match=f"trust: {MODULE}"):
        PYTHON[name](network, {})
    assert not trace.found()
    PYTHON[name](network, {"trust": [MODULE]})
    assert trace.found()


def test_what_is_given_by_hand_is_imported(kept: Path, trace: Trace) -> None:
    for command in (
        f"evaluate n.json --task {ID} --weight 1 --episodes 2 --workers 1",
        f"tune n.json --task {ID} --method shared --workers 1 -o o.json",
        f"search run/config.toml --set task.id={ID} --run new",
    ):
        assert ended(command) == 0
        assert trace.found()


def test_a_cluster_is_joined_that_a_person_names_and_none_that_a_file_names(
    kept: Path, trace: Trace, capsys: pytest.CaptureFixture[str]
) -> None:
    # Ray runs in this process what the cluster sends it.
    config = Path("run/config.toml")
    config.write_text(
        config.read_text().replace('kind = "local"', 'kind = "ray"\naddress = "127.0.0.1:9"'),
        encoding="utf-8",
    )
    assert ended(f"resume run --trust {MODULE}") == 2
    assert (
        "--ray-address 127.0.0.1:9: run names this cluster, and no file may choose one"
        in capsys.readouterr().err
    )
    assert not trace.found()
    assert ended(f"resume run --trust {MODULE} --backend local --workers 1") == 0
    assert trace.found()


# The rule itself.


@pytest.mark.parametrize(
    ("name", "trusted", "allowed"),
    [
        ("CartPole-v1", (), True),
        ("one:Env-v0", (), False),
        ("one:Env-v0", ("one",), True),
        ("one.inner:Env-v0", ("one",), True),
        ("one:Env-v0", ("one.inner",), False),
        ("onemore:Env-v0", ("one",), False),
        ("one:two:Env-v0", ("one", "two"), False),
        (":Env-v0", ("one",), False),
        ("wann_envs:wann/CartPoleSwingUp-v0", (), True),
        ("wann_envs.rendering:Env-v0", (), True),
        ("os:Env-v0", (), False),
    ],
)
def test_a_name_may_import_what_is_trusted_or_installed_for_it(
    name: str, trusted: tuple[str, ...], allowed: bool
) -> None:
    trust = Trust.of(trusted)
    if not allowed:
        with pytest.raises(BadInput, match="no file may choose a module"):
            trust.split(name)
        return
    module, rest = trust.split(name)
    assert ":" not in rest  # or Gymnasium would import what is before it
    assert (f"{module}:{rest}" if module is not None else rest) == name


def test_whoever_forgets_to_trust_imports_nothing(trace: Trace) -> None:
    for make in (lambda: make_task(task_settings(ID)), lambda: names_of(ID)):
        with pytest.raises(BadInput, match="no file may choose a module"):
            make()
        assert not trace.found()
    assert Trust() == NOTHING
    assert BY_HAND.split("a:b") == ("a", "b")


def test_an_installed_entry_point_needs_no_permission() -> None:
    assert make_task(task_settings("wann_envs:wann/CartPoleSwingUp-v0")).inputs == 5
