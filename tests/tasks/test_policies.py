"""A policy acts: in a plain Gymnasium loop it earns what the scores say, whatever the spaces."""

from __future__ import annotations

import json
import operator
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import gymnasium
import numpy as np
import pandas as pd
import pytest
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.monitor import Monitor

import wann
from tests.tasks.environments import here
from wann.errors import BadInput
from wann.evaluation import LocalEvaluator
from wann.formats import from_document, render, to_document
from wann.genome import first_population
from wann.network import Actions, Interface, Network, Policy
from wann.streams import Stream, episode_seeds
from wann.tasks import (
    DATA_SETS,
    ControlTask,
    Task,
    Trial,
    make_task,
    needed_extra,
    registered_tasks,
    task_settings,
)
from wann.trust import BY_HAND

TRAINED: Final = "wann/LayerSparsity-v0"
"""An environment that begins with the training of a network, and has tests of its own."""
ENVIRONMENTS: Final = [
    name
    for name in registered_tasks()
    if name not in DATA_SETS and name != TRAINED and needed_extra(name) is None
]
ACTED: Final = [
    "Sums", "FromMinus2To5", "Unbounded", "HalfBounded", "Whole", "Square", "FromThree", "Several", "Bits",
]  # fmt: skip
OBSERVED: Final = [
    "Dict", "Tuple", "DictInTuple", "Discrete", "MultiDiscrete", "MultiBinary", "Bytes",
]  # fmt: skip
IMAGES: Final = {"CarRacing-v3"}
WEIGHT: Final = 0.7


@cache
def problem(name: str, **settings: Any) -> ControlTask:
    if name in IMAGES:
        settings["encoder"] = "pixels:3x3"
    found: Task = make_task(task_settings(name, **settings), trust=BY_HAND)
    assert isinstance(found, ControlTask)
    return found


def player(task: ControlTask, seed: int = 0) -> Network:
    """A network as a search would keep it, from its file."""
    population = first_population(task.inputs, task.outputs, 1, 0.8, np.random.default_rng(seed))
    network = Network.of_genome(population, 0, task=task.id, interface=task.interface)
    return from_document(json.loads(render(to_document(network))))


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments are stepped here, which is faster than in processes of their own."""
    monkeypatch.setattr("wann.evaluation.ProcessEvaluator", lambda task, *_: LocalEvaluator(task, 1))


def earned(name: str, policy: Policy, seeds: Sequence[int], limit: int | None) -> list[float]:
    """The returns of the loop that every tutorial of Gymnasium shows."""
    returns = []
    for seed in seeds:
        environment = gymnasium.make(name, max_episode_steps=limit)  # the walker's reset does not restore all
        observation, _ = environment.reset(seed=seed)
        policy.check(environment)
        total, over = 0.0, False
        while not over:
            observation, reward, terminated, truncated, _ = environment.step(policy(observation))
            total, over = total + float(reward), terminated or truncated
        returns.append(total)
        environment.close()
    return returns


def assert_earned(name: str, limit: int | None, episodes: int) -> None:
    fused = problem(name).stepping == "fused"
    settings: dict[str, Any] = {"stepping": "fused" if fused else "gymnasium", "episode_limit": limit}
    task = problem(name, **settings)
    network = player(task)
    score = wann.evaluate(network, weight=WEIGHT, episodes=episodes, workers=1, seed=5, **settings)[0]
    seeds = episode_seeds(5, Stream.SHARED_EPISODES, episodes)
    returns = earned(name, network.policy(WEIGHT), seeds.tolist(), limit)
    if fused:
        error = np.hypot(np.std(returns, ddof=1), score.std) / np.sqrt(episodes)
        assert abs(np.mean(returns) - score.mean) <= 3 * error
        return
    with LocalEvaluator(task, 1) as evaluator:
        assert (
            returns
            == evaluator.evaluate(network.batch, np.array([WEIGHT]), Trial(seeds)).returns[0, 0].tolist()
        )
    assert np.mean(returns) == score.mean


@pytest.mark.filterwarnings("ignore:.*out of date:DeprecationWarning")  # Gymnasium's, of CartPole-v0
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_plain_loop_earns_what_the_score_says(name: str) -> None:
    fused = problem(name).stepping == "fused"
    assert_earned(name, 60 if fused else 25, 40 if fused else 3)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*out of date:DeprecationWarning")
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_whole_episodes_earn_what_the_score_says(name: str) -> None:
    assert_earned(name, None, 200 if problem(name).stepping == "fused" else 10)


# Actions.


@pytest.mark.parametrize("name", [*ACTED, *OBSERVED])
def test_an_action_lies_in_its_space_and_a_batch_gives_the_same(name: str) -> None:
    task = problem(here(name))
    policy = player(task).policy(WEIGHT)
    seen = task.world.observations.space
    seen.seed(3)
    observations = [seen.sample() for _ in range(5)]
    actions = [policy.act(one) for one in observations]
    for action in actions:
        assert task.world.actions.space.contains(action)
    together = policy.act(batch(seen, observations))
    np.testing.assert_array_equal(together, np.array(actions))
    assert len(policy.act(batch(seen, observations[:1]))) == 1
    flat = np.array([spaces.flatten(seen, one) for one in observations])
    raw = policy.outputs(flat)
    assert raw.shape == (5, task.outputs)
    np.testing.assert_array_equal(task.world.actions.of_outputs(raw), together)
    np.testing.assert_array_equal(policy.outputs(flat[0]), raw[0])


def batch(space: spaces.Space[Any], observations: Sequence[Any]) -> Any:
    """As vectorised environments return them."""
    if isinstance(space, spaces.Dict):
        return {key: batch(part, [one[key] for one in observations]) for key, part in space.items()}
    if isinstance(space, spaces.Tuple):
        return tuple(batch(part, [one[place] for one in observations]) for place, part in enumerate(space))
    return np.array(observations)


@pytest.mark.parametrize("name", ["Dict", "DictInTuple"])
def test_the_keys_of_an_observation_may_stand_in_any_order(name: str) -> None:
    task = problem(here(name))
    policy = player(task).policy(WEIGHT)
    seen = task.world.observations.space
    seen.seed(3)
    observations = [seen.sample() for _ in range(3)]
    together = batch(seen, observations)
    for one in observations:
        np.testing.assert_array_equal(policy.act(turned(one)), policy.act(one))
    np.testing.assert_array_equal(policy.act(turned(together)), policy.act(together))


def turned(observation: Any) -> Any:
    """The same observation with its keys in the opposite order."""
    if isinstance(observation, dict):
        return {key: turned(observation[key]) for key in reversed(observation)}
    return tuple(map(turned, observation)) if isinstance(observation, tuple) else observation


def test_a_choice_is_an_integer() -> None:
    action = player(problem(here("FromThree"))).policy(WEIGHT)(np.zeros(3, np.float32))
    assert isinstance(action, np.integer)
    assert operator.index(action) in range(3, 7)


def test_a_weight_that_is_no_number_is_refused() -> None:
    network = Network.of_genome(first_population(4, 2, 1, 0.5, np.random.default_rng(0)), 0)
    with pytest.raises(BadInput, match=r"^weight: 'x' is no number"):
        network.policy("x")  # type: ignore[arg-type]


def test_a_list_is_an_observation_too() -> None:
    policy = player(problem("CartPole-v1")).policy(WEIGHT)
    assert policy([0.1, 0.2, -0.3, 0.0]) == policy(np.array([0.1, 0.2, -0.3, 0.0], np.float32))
    frame = pd.DataFrame(np.eye(4, dtype=np.float32), columns=list("abcd"))
    assert policy(frame).tolist() == policy(frame.to_numpy()).tolist()


@pytest.mark.parametrize("observation", [np.zeros(4), np.zeros((2, 4)), None, 0.5, {"x": 1}])
def test_what_is_no_observation_is_refused(observation: Any) -> None:
    with pytest.raises(BadInput, match=r"an observation .*; accepted are numbers of shape \(3,\)"):
        player(problem(here("Sums"))).policy(WEIGHT).act(observation)


def test_what_lies_between_is_applied_once() -> None:
    task = problem("LunarLander-v3", normalise=True, observe=(1, 0, 4), stepping="gymnasium")
    policy = player(task).policy(WEIGHT)
    seen = np.arange(8, dtype=np.float32) / 10
    mean, std = np.array(task.interface.mean), np.array(task.interface.std)
    given = ((seen[[1, 0, 4]] - mean) / std).astype(np.float32)
    bare = player(task).policy(WEIGHT).network
    plain = Network(bare.inputs, bare.outputs, bare.activation, bare.source, bare.target)
    np.testing.assert_array_equal(policy.outputs(seen), plain.policy(WEIGHT).outputs(given))
    assert policy(seen) == policy.outputs(seen).argmax()


# Other libraries.


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1"])
def test_stable_baselines_evaluates_it(name: str) -> None:
    policy = player(problem(name)).policy(WEIGHT)
    environment = Monitor(gymnasium.make(name, max_episode_steps=30))
    environment.reset(seed=11)
    returns, lengths = evaluate_policy(policy, environment, 3, return_episode_rewards=True)
    assert len(returns) == len(lengths) == 3  # type: ignore[arg-type]
    action, state = policy.predict(
        np.zeros(problem(name).inputs), state="kept", episode_start=np.array([True])
    )
    assert (policy.act(np.zeros(problem(name).inputs)) == action).all()
    assert state == "kept"


def test_a_vectorised_environment_is_played_too() -> None:
    policy = player(problem("Pendulum-v1")).policy(WEIGHT)
    together = gymnasium.make_vec("Pendulum-v1", num_envs=3, vectorization_mode="sync")
    policy.check(together)
    observations, _ = together.reset(seed=4)
    actions = policy.act(observations)
    assert together.action_space.contains(actions)
    rewards = together.step(actions)[1]
    for lane, one in enumerate(actions):
        alone = gymnasium.make("Pendulum-v1")
        observation, _ = alone.reset(seed=4 + lane)
        np.testing.assert_array_equal(policy.act(observation), one)
        assert alone.step(one)[1] == rewards[lane]


# What it needs travels in the file, and is compared.


def bare(outputs: int = 2) -> Network:
    return Network(3, outputs, np.ones(outputs, np.int8), np.array([1, 2]), np.array([4, 4 + outputs - 1]))


def test_without_spaces_there_are_raw_outputs_alone() -> None:
    policy = bare().policy(WEIGHT)
    with pytest.raises(BadInput, match=r"has no spaces.* give the environment, network\.policy\(weight, env"):
        policy(np.zeros(3))
    np.testing.assert_allclose(policy.outputs(np.ones(3)), [WEIGHT, WEIGHT])
    given = bare(1).policy(2.0, environment=gymnasium.make("Pendulum-v1"))
    assert given(np.full(3, 0.25, np.float32)) == pytest.approx(
        [2.0]
    )  # 2 * (0.25 + 0.25), times the bound of 2


OTHERS: Final = {
    "bounds of actions": ("Sums", "FromMinus2To5", r"actions of tests/FromMinus2To5-v0 are Box\(-2.0, 5.0"),
    "kind of actions": ("Sums", "FromThree", "actions of .* are Discrete.*was made for Box"),
    "number of observations": ("Sums", "Bytes", r"observations of tests/Bytes-v0 are .*\(4,\).*made for"),
    "kind of observations": ("Sums", "Dict", "observations of .* are Dict"),
    "keys": ("Dict", "DictInTuple", "observations of .* are Tuple"),
}


@pytest.mark.parametrize(("made", "met", "says"), OTHERS.values(), ids=OTHERS)
def test_another_environment_is_told_from_its_own(made: str, met: str, says: str) -> None:
    network = player(problem(here(made)))
    environment = gymnasium.make(here(met))
    for check in (
        lambda: network.policy(WEIGHT).check(environment),
        lambda: network.policy(WEIGHT, environment=environment),
    ):
        with pytest.raises(BadInput, match=says):
            check()
    network.policy(WEIGHT).check(gymnasium.make(here(made)))


def test_bounds_of_observations_may_differ() -> None:
    network = player(problem("CartPole-v1"))
    wide = Interface(observation=spaces.Box(-9, 9, (4,)), action=spaces.Discrete(2))
    wide.check("any", *(getattr(network.interface, name) for name in ("observation", "action")))


def test_a_network_of_another_size_does_not_fit() -> None:
    with pytest.raises(BadInput, match="3 inputs and 2 outputs, but Pendulum-v1 needs 3 and 1"):
        bare().policy(1.0, environment=gymnasium.make("Pendulum-v1"))


def test_a_score_is_not_measured_in_an_environment_that_has_changed() -> None:
    network = player(problem(here("Sums")))
    changed = Network(
        3, 2, network.activation, network.source, network.target,
        task=here("FromMinus2To5"), interface=network.interface,
    )  # fmt: skip
    with pytest.raises(
        BadInput, match=r"the actions of .*FromMinus2To5-v0 are .* but the network was made for"
    ):
        wann.evaluate(changed, weight=1.0, episodes=1, workers=1, trust=["tests.tasks.environments"])
    # Another one is met on purpose.
    assert wann.evaluate(network, task=here("FromMinus2To5"), weight=1.0, episodes=1, workers=1)


def test_outputs_beyond_all_bounds_are_cut_in_silence() -> None:
    for box in (
        spaces.Box(-100, 120, (2,), np.int8),
        spaces.Box(-3e38, 3e38, (2,)),
        spaces.Box(-6e4, 6e4, (2,), np.float16),
    ):
        raw: NDArray[np.float32] = np.array([[np.inf, -np.inf], [np.nan, 3e38]], np.float32)
        found = Actions.of("x", box).of_outputs(raw)
        np.testing.assert_array_equal(found[0], [box.high[0], box.low[1]])
