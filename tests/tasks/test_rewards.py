"""A reward of the search's own ranks generations, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

import wann
from tests.tasks.environments import here
from tests.tasks.rewards import HERE, weighed
from tests.tasks.test_stepping import (
    TRIAL,
    WEIGHTS,
    assert_same,
    grown,
    networks,
    play,
    task,
)
from wann import api
from wann.errors import BadInput
from wann.evaluation import ProcessEvaluator
from wann.network import compile_population
from wann.streams import Stream, episode_seeds
from wann.tasks import ControlTask, Trial, make_task, task_settings

pytestmark = pytest.mark.usefixtures("_forked", "_no_report")


def test_each_step_is_worth_what_the_function_says() -> None:
    for name in (here("Sums"), here("Discrete"), "LunarLander-v3"):
        problem = task(name, episode_limit=11, reward=f"{HERE}:weighed")
        outcome = play(problem, trial=problem.search(TRIAL.seeds, 0))
        for index, network in enumerate(networks(problem)):
            for row, weight in enumerate(WEIGHTS.tolist()):
                for episode, seed in enumerate(TRIAL.seeds.tolist()):
                    found = outcome.returns[index, row, episode]
                    assert found == earned(problem, network, weight, seed)
        assert len(np.unique(outcome.returns)) > 6


def earned(problem: ControlTask, network: wann.Network, weight: float, seed: int) -> float:
    """The sum of what ``weighed`` says, as anybody would play it."""
    environment = gymnasium.make(
        problem.id, max_episode_steps=problem.episode_limit, disable_env_checker=True
    )
    policy = network.policy(weight, environment=environment)
    observation, _ = environment.reset(seed=seed)
    total, over = 0.0, False
    while not over:
        action = policy(observation)
        observation, reward, terminated, truncated, _ = environment.step(action)
        vector = gymnasium.spaces.flatten(environment.observation_space, observation)
        total += weighed(np.array(vector, np.float64), action, float(reward))
        over = terminated or truncated
    environment.close()
    return total


@pytest.mark.parametrize("stepping", ["gymnasium", "envpool"])
@pytest.mark.parametrize("reward", ["weighed", "Counting"])
def test_neither_lanes_nor_cuts_nor_processes_show(stepping: str, reward: str) -> None:
    settings: dict[str, Any] = {"stepping": stepping, "episode_limit": 70, "reward": f"{HERE}:{reward}"}
    problem = task("CartPole-v1", **settings)
    trial = problem.search(TRIAL.seeds, 0)
    whole = play(problem, trial=trial)
    if reward == "Counting":
        np.testing.assert_array_equal(whole.returns, whole.steps * (whole.steps + 1) / 2)
    assert len(np.unique(whole.returns)) > 3
    for lanes in (1, 5):
        assert_same(play(task("CartPole-v1", lanes=lanes, **settings), trial=trial), whole)
    assert_same(play(problem, trial=trial, cuts=(1, 7, 30), order=-1), whole)
    with ProcessEvaluator(problem, 1) as processes:
        batch = compile_population(grown(problem.inputs, problem.outputs))
        assert_same(processes.evaluate(batch, WEIGHTS, trial), whole)


def test_other_episodes_are_rewarded_by_the_environment() -> None:
    problem = task(here("Sums"), reward=f"{HERE}:Counting")
    plain = play(task(here("Sums")))
    for trial in (problem.selection(TRIAL.seeds), problem.report(TRIAL.seeds), TRIAL):
        assert_same(play(problem, trial=trial), plain)
    assert not problem.search(TRIAL.seeds, 0).rules.comparable


def test_patience_waits_for_what_the_function_says() -> None:
    problem = task(here("Sums"), reward=f"{HERE}:early", patience=2, episode_limit=30)
    outcome = play(problem, trial=problem.search(TRIAL.seeds, 0))
    # The first number of an observation is the sine of seed and step.
    for episode, seed in enumerate(TRIAL.seeds.tolist()):
        total = best = last = step = 0
        while step < 30 and step - last < 2:
            step += 1
            total += 1 if np.sin(seed % 1000 + step) > 0 else -1
            if total > best:
                best, last = total, step
        assert (outcome.returns[:, :, episode] == total).all()
        assert (outcome.steps[:, :, episode] == step).all()


def test_what_is_no_number_spoils_its_episode_before_it_is_asked_for() -> None:
    problem = task(here("FifthObservationIsNanRarely"), reward=f"{HERE}:Counting")
    outcome = play(problem, trial=problem.search(np.arange(3), 0))
    assert np.isnan(outcome.returns[:, :, 1]).all()
    assert (outcome.steps[:, :, 1] == 5).all()
    assert (outcome.returns[:, :, ::2] == 78).all()


FAILING = {
    "falling": r"fails in the episode with seed 3 \(ZeroDivisionError: .*\)",
    "silent": r"fails in the episode with seed 3 \(a reward of None; accepted is a number\)",
}
UNUSABLE = {
    f"{HERE}:nowhere": r"task.reward: tests\.tasks\.rewards:nowhere cannot be used \(AttributeError",
    "tests.tasks.no_module:x": r"cannot be used \(ModuleNotFoundError",
    f"{HERE}:NUMBER": r"NUMBER is int; accepted is a function or a class",
    "forward": r"task.reward: 'forward': write module:function|'forward': write module:function",
}


@pytest.mark.parametrize(("name", "says"), FAILING.items(), ids=FAILING)
def test_a_function_that_fails_is_named_with_its_episode(name: str, says: str) -> None:
    problem = task(here("Sums"), reward=f"{HERE}:{name}")
    with pytest.raises(BadInput, match=rf"task.reward: tests\.tasks\.rewards:{name} {says}$"):
        play(problem, trial=problem.search(TRIAL.seeds, 0))


@pytest.mark.parametrize(("name", "says"), UNUSABLE.items(), ids=UNUSABLE)
def test_what_is_no_function_in_a_module_is_refused(name: str, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        task(here("Sums"), reward=name)


def test_no_file_chooses_a_reward_to_import() -> None:
    with pytest.raises(BadInput, match=r"trust: tests\.tasks\.rewards: .* file's task\.reward is"):
        make_task(task_settings("CartPole-v1", reward=f"{HERE}:weighed"))


def test_kernels_and_images_take_none() -> None:
    with pytest.raises(BadInput, match=r"CartPole-v1 cannot be fused with .* reward.*envpool, gymnasium$"):
        task("CartPole-v1", stepping="fused", reward=f"{HERE}:weighed")
    assert task("CartPole-v1", stepping="auto", reward=f"{HERE}:weighed").stepping == "envpool"
    with pytest.raises(BadInput, match=r"reward: mnist-16 is a set of images, which has no such setting"):
        task_settings("mnist-16", reward=f"{HERE}:weighed")


def test_a_search_is_ranked_by_it_and_reports_the_environments(tmp_path: Path) -> None:
    document: dict[str, Any] = {
        "task": {"id": here("Sums"), "episodes": 2, "reward": f"{HERE}:Counting"},
        "weights": {"values": [0.5, 1.5]},
        "search": {"population": 8, "generations": 4, "tournament": 2, "champion_episodes": 2},
        "backend": {"workers": 1},
    }
    whole = wann.search(document, run=tmp_path / "whole", progress=False)
    assert (whole.metrics["best_mean"] == 78).all()
    champion, seeds = whole.champion, episode_seeds(0, Stream.CHAMPION_EPISODES, 2)
    tested = play(task(here("Sums")), [champion], np.array([0.5, 1.5]), Trial(seeds))
    assert champion.provenance["selection_mean"] == tested.returns.mean() != 78
    stops = iter([False, False, True])
    wann.search(document, run=tmp_path / "cut", stop=lambda: next(stops), progress=False)
    with pytest.raises(BadInput, match=r"config\.toml: trust: .*"):
        wann.resume(tmp_path / "cut", progress=False)
    wann.resume(tmp_path / "cut", trust="tests", progress=False)
    for name in ("metrics.csv", "champion.json"):
        assert Path(tmp_path, "whole", name).read_bytes() == Path(tmp_path, "cut", name).read_bytes()


def test_a_function_is_given_again_and_never_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(observation: Any, action: Any, reward: float) -> float:
        return weighed(observation, action, reward)

    monkeypatch.chdir(tmp_path)
    document: dict[str, Any] = {
        "task": {"id": here("Sums"), "episodes": 2},
        "weights": {"values": [0.5, 1.5]},
        "search": {"population": 8, "generations": 3, "tournament": 2, "champion_episodes": 2},
        "backend": {"workers": 1},
    }
    named = {"task.reward": f"{HERE}:weighed"}
    wann.search(document, run="named", settings=named, progress=False)
    wann.search(document, run="plain", progress=False)
    stops = iter([False, True])
    wann.search(document, run="cut", reward=forward, stop=lambda: next(stops), progress=False)
    again: dict[str, Any] = {"trust": ["tests"], "progress": False}
    with pytest.raises(BadInput, match=r"reward: forward\(\) was given as a callable.* reward=forward$"):
        wann.resume("cut", **again)
    with pytest.raises(BadInput, match=r"reward: it is weighed\(\), but forward\(\) is wanted"):
        wann.resume("cut", reward=weighed, **again)
    with pytest.raises(BadInput, match="reward: the search has none of its own"):
        wann.resume("plain", reward=weighed, **again)
    wann.resume("cut", reward=forward, **again)
    for name in ("metrics.csv", "champion.json"):
        assert Path("named", name).read_bytes() == Path("cut", name).read_bytes()
    assert Path("named", "metrics.csv").read_bytes() != Path("plain", "metrics.csv").read_bytes()
    assert api.resume_needs("named") == {"trust": ["tests.tasks.environments", HERE]}
    with pytest.raises(BadInput, match="reward: int; accepted is a function or a class"):
        wann.search(document, reward=3)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="reward: mnist-16 is no environment, which alone takes one"):
        wann.search({"task": {"id": "mnist-16"}}, reward=forward)
