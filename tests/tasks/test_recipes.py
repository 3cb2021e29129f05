"""How environments are made: with keyword arguments and wrappers, or by a callable; here and in workers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import gymnasium
import numpy as np
import pytest

import wann
from tests.tasks.environments import LIMIT, Louder, Sums, Turned, here
from wann import api
from wann.cli import main
from wann.errors import BadInput
from wann.evaluation import BackendSettings, LocalEvaluator, ProcessEvaluator, make_evaluator
from wann.genome import first_population
from wann.network import Network
from wann.tasks import ControlTask, Trial, make_task, task_settings
from wann.trust import BY_HAND

MODULE: Final = "tests.tasks.environments"
LOUDER: Final = (f"{MODULE}:Turned", f"{MODULE}:Louder")
TRIAL: Final = Trial(np.array([3, 8]))
WEIGHTS: Final = np.array([0.7])


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments are stepped here, which is faster, where their processes prove nothing."""
    monkeypatch.setattr("wann.evaluation.ProcessEvaluator", lambda task, *_: LocalEvaluator(task, 1))


def problem(name: str, **settings: Any) -> ControlTask:
    found = make_task(task_settings(name, **settings), trust=BY_HAND)
    assert isinstance(found, ControlTask)
    return found


def player(task: ControlTask) -> Network:
    population = first_population(task.inputs, task.outputs, 1, 0.8, np.random.default_rng(2))
    return Network.of_genome(population, 0, task=task.id, interface=task.interface)


def returns(task: ControlTask, network: Network | None = None) -> list[float]:
    network = network or player(task)
    with LocalEvaluator(task, 1) as evaluator:
        found: list[float] = evaluator.evaluate(network.batch, WEIGHTS, TRIAL).returns[0, 0].tolist()
    return found


def earned(network: Network, make: Callable[[], gymnasium.Env[Any, Any]]) -> list[float]:
    """The returns of a plain loop."""
    totals = []
    for seed in TRIAL.seeds.tolist():
        environment = make()
        policy = network.policy(float(WEIGHTS[0]), environment=environment)
        observation, _ = environment.reset(seed=seed)
        total, over = 0.0, False
        while not over:
            observation, reward, terminated, truncated, _ = environment.step(policy(observation))
            total, over = total + float(reward), terminated or truncated
        totals.append(total)
    return totals


# Keyword arguments.


@pytest.mark.parametrize(
    ("name", "kwargs"), [("Pendulum-v1", {"g": 2.5}), ("LunarLander-v3", {"gravity": -5.0})]
)
def test_keyword_arguments_reach_the_environment_whatever_else_could_step_it(
    name: str, kwargs: dict[str, Any]
) -> None:
    task = problem(name, kwargs=kwargs, episode_limit=40)
    assert task.stepping == "gymnasium"
    assert task.interface.kwargs == kwargs
    found = returns(task)
    assert found == earned(player(task), lambda: gymnasium.make(name, max_episode_steps=40, **kwargs))
    assert found != earned(player(task), lambda: gymnasium.make(name, max_episode_steps=40))


def test_an_environment_that_offers_its_dynamics_offers_those_of_its_arguments() -> None:
    task = problem("wann/CartPoleSwingUp-v0", kwargs={"pole_length": 0.9}, episode_limit=60)
    assert task.stepping == "fused"
    stepped = problem(
        "wann/CartPoleSwingUp-v0", kwargs={"pole_length": 0.9}, episode_limit=60, stepping="gymnasium"
    )
    assert returns(task) == returns(stepped)
    assert returns(task) != returns(problem("wann/CartPoleSwingUp-v0", episode_limit=60))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (
            {"kwargs": {"g": 5}, "stepping": "fused"},
            "no dynamics with these keyword .* accepted are auto, gymn",
        ),
        ({"kwargs": {"g": 5}, "stepping": "envpool"}, "EnvPool takes neither keyword arguments nor wrappers"),
        (
            {"wrappers": LOUDER, "stepping": "fused"},
            "cannot be fused with this interface, reward, patience or wrapper",
        ),
        ({"wrappers": LOUDER, "stepping": "envpool"}, "EnvPool takes neither"),
        ({"kwargs": {"gg": 5}}, r'^task.kwargs: .* does not take \{"gg": 5\} \(TypeError'),
        (
            {"kwargs": {"max_episode_steps": 5}},
            "max_episode_steps is not for the environment: it is task.epis",
        ),
        ({"kwargs": {"render_mode": "human"}}, "render_mode is not for the environment"),
        ({"wrappers": ("Louder",)}, "'Louder': write module:Class"),
        (
            {"wrappers": (f"{MODULE}:Softer",)},
            "task.wrappers: .*:Softer cannot be used .*no attribute 'Softer'",
        ),
        ({"wrappers": ("nowhere:Louder",)}, "task.wrappers: nowhere:Louder cannot be used .*No module named"),
        ({"wrappers": (f"{MODULE}:nothing",)}, "it returns NoneType; accepted is a Gymnasium environment"),
    ],
)
def test_what_cannot_be_heeded_is_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        problem("Pendulum-v1", **settings)


# Wrappers.


def test_wrappers_are_around_the_environment_the_innermost_first() -> None:
    task = problem(here("Sums"), wrappers=LOUDER)
    found = returns(task)
    assert found == earned(player(task), lambda: Louder(Turned(gymnasium.make(here("Sums")))))
    assert found != returns(problem(here("Sums")))
    fused = problem("CartPole-v1", wrappers=(f"{MODULE}:Louder",), episode_limit=30)
    assert (fused.stepping, returns(fused)[0] % 1000) == ("gymnasium", 0)


def test_the_champion_is_judged_with_what_it_was_found_with(tmp_path: Path) -> None:
    task = problem(here("Sums"), wrappers=LOUDER, kwargs={"ends": 5})
    api.save(player(task), tmp_path / "n.json")
    network = api.load(tmp_path / "n.json")
    assert network.interface == task.interface
    own = wann.evaluate(network, weight=0.7, episodes=3, workers=1, trust=[MODULE])[0].mean
    by_hand = wann.evaluate(network, task=here("Sums"), weight=0.7, episodes=3, workers=1)[0].mean
    other = wann.evaluate(network, task=here("Ends"), weight=0.7, episodes=3, workers=1)[0].mean
    assert own == by_hand
    assert abs(own) > 50 * abs(other)  # another environment is met as it is


def test_processes_make_the_same_environments() -> None:
    def make() -> gymnasium.Env[Any, Any]:
        return Louder(Sums(ends=6))

    called = make_task(task_settings("Sums()", episode_limit=9), factory=make)
    for task in (problem(here("Sums"), wrappers=LOUDER, kwargs={"ends": 5}), called):
        assert isinstance(task, ControlTask)
        network = player(task)
        with ProcessEvaluator(task, 1) as evaluator:
            found = evaluator.evaluate(network.batch, WEIGHTS, TRIAL).returns[0, 0].tolist()
        assert found == returns(task, network)


# Modules.

SOURCE: Final = """\
import gymnasium
from tests.tasks.environments import Louder, Sums

gymnasium.register("own/Point-v0", entry_point=f"{__name__}:Sums", max_episode_steps=4)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with a module in it, found as by an installed command: no search path names it."""
    (tmp_path / "my_env.py").write_text(SOURCE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path not in ("", ".")])
    yield tmp_path
    sys.modules.pop("my_env", None)
    gymnasium.registry.pop("own/Point-v0", None)


def test_a_module_in_the_current_folder_is_found(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    api.save(player(problem(here("Sums"))), "n.json")
    command = "evaluate n.json --weight 0.7 --episodes 2 --workers 1 --json --task"
    with pytest.raises(SystemExit) as ending:
        main([*command.split(), "my_env:own/Point-v0"])
    assert ending.value.code == 0
    assert json.loads(capsys.readouterr().out)["task"] == "my_env:own/Point-v0"
    assert sys.path[-1] == str(folder)


def test_a_module_that_is_nowhere_leaves_the_search_path_as_it_was(folder: Path) -> None:
    before = list(sys.path)
    with pytest.raises(BadInput, match="No module named 'my_enf'"):
        problem("my_enf:own/Point-v0")
    assert sys.path == before


NEAR: Final = {
    "CartPol-v1": "CartPole-v1",
    "cartpole-v1": "CartPole-v1",
    "LunarLandr-v9": "LunarLander-v3",
    "CartPoleSwingup-v0": "wann/CartPoleSwingUp-v0",
    "wann/CartpoleSwingUp-v0": "wann/CartPoleSwingUp-v0",
    f"{MODULE}:tests/Sum-v0": here("Sums"),
}


@pytest.mark.parametrize(("given", "near"), NEAR.items(), ids=NEAR)
def test_a_misspelt_id_is_compared_with_what_is_registered(given: str, near: str) -> None:
    with pytest.raises(BadInput) as error:
        problem(given)
    assert str(error.value) == f"task.id: no environment {given!r}; did you mean {near}?"


def test_no_file_chooses_a_wrapper_to_import() -> None:
    task = problem("CartPole-v1", wrappers=(f"{MODULE}:Louder",), episode_limit=5)
    network = player(task)
    with pytest.raises(
        BadInput, match=r"trust: tests\.tasks\.environments: .* file's interface\.wrappers is"
    ):
        wann.evaluate(network, weight=1.0, episodes=1, workers=1)
    with pytest.raises(BadInput, match=r"file's interface\.wrappers is"):
        wann.evaluate(network, task="CartPole-v1", weight=1.0, episodes=1, workers=1)
    with pytest.raises(BadInput, match=r"file's task\.wrappers is"):
        make_task(task_settings("CartPole-v1", wrappers=(f"{MODULE}:Louder",)))
    assert wann.evaluate(network, weight=1.0, episodes=1, workers=1, trust=MODULE)


# Callables.

CONFIG: Final = """\
[task]
id = "CartPole-v1"
episodes = 1
episode_limit = 12
[search]
population = 6
generations = 2
tournament = 2
champion_episodes = 1
[backend]
workers = 1
"""


@pytest.mark.usefixtures("_no_report")
def test_a_callable_is_given_again_and_never_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.toml").write_text(CONFIG, encoding="utf-8")

    def make() -> gymnasium.Env[Any, Any]:
        return Louder(Sums(ends=7))

    assert wann.search("c.toml", run="whole", environment=make).finished
    stops = iter([False, True])
    assert not wann.search("c.toml", run="cut", environment=make, stop=lambda: next(stops)).finished
    with pytest.raises(
        BadInput, match=r"config\.toml: environment: Sums\(\) was given as a callable, which no file"
    ):
        wann.resume("cut")
    with pytest.raises(BadInput, match=r"environment: it makes CartPoleEnv\(\), but Sums\(\) is wanted"):
        wann.resume("cut", environment=lambda: gymnasium.make("CartPole-v1"))
    assert wann.resume("cut", environment=make).finished
    for name in ("metrics.csv", "champion.json"):
        assert Path("whole", name).read_bytes() == Path("cut", name).read_bytes()
    champion = wann.load("whole")
    assert champion.task == "Sums()"
    with pytest.raises(BadInput, match=r"environment: Sums\(\) was given as a callable.* environment=Sums$"):
        wann.evaluate(champion, weight=0.7, episodes=2, workers=1)
    score = wann.evaluate(champion, weight=0.7, episodes=2, workers=1, episode_limit=12, environment=make)[0]
    bare = wann.evaluate(champion, weight=0.7, episodes=2, workers=1, episode_limit=12, environment=Sums)[0]
    assert abs(score.mean) > 100 * abs(bare.mean)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: None, "it returns NoneType; accepted is a Gymnasium environment"),
        (lambda: 1 / 0, "environment: it cannot be made .ZeroDivisionError"),
        (Sums, "episode_limit: Sums.. has no limit of its own"),
    ],
)
def test_what_makes_no_environment_is_refused(make: Callable[[], Any], says: str) -> None:
    network = player(problem(here("Sums")))
    with pytest.raises(BadInput, match=says):
        wann.evaluate(network, weight=1.0, episodes=1, workers=1, environment=make)


def test_a_limit_of_its_own_holds() -> None:
    limited = make_task(
        task_settings("Sums()"), factory=lambda: gymnasium.wrappers.TimeLimit(Sums(), LIMIT - 3)
    )
    assert isinstance(limited, ControlTask)
    assert limited.episode_limit == LIMIT - 3
    assert problem(here("Sums")).episode_limit == LIMIT


def test_a_callable_is_filmed_where_it_renders(tmp_path: Path) -> None:
    network = player(problem(here("Sums")))
    total = wann.video(network, tmp_path / "a.png", environment=Sums, episode_limit=5, weight=0.7, seed=3)
    assert total == earned(network, lambda: gymnasium.wrappers.TimeLimit(Sums(), 5))[:1]


def test_ids_and_callables_exclude_each_other() -> None:
    network = player(problem(here("Sums")))
    with pytest.raises(BadInput, match="environment: excludes task"):
        wann.evaluate(network, task="CartPole-v1", environment=Sums)


@pytest.mark.slow
def test_ray_workers_make_the_same_environments() -> None:
    def make() -> gymnasium.Env[Any, Any]:
        return Louder(Sums(ends=7))

    task = make_task(task_settings("Sums()", episode_limit=9), factory=make)
    network = player(problem(here("Sums")))
    with make_evaluator(task, BackendSettings(kind="ray", workers=1)) as evaluator:
        found = evaluator.evaluate(network.batch, WEIGHTS, TRIAL).returns
    with LocalEvaluator(task, 1) as evaluator:
        assert (evaluator.evaluate(network.batch, WEIGHTS, TRIAL).returns == found).all()
