"""Stepped environments give what a plain loop gives, to the bit, whatever else is played and was before."""

from __future__ import annotations

import json
import signal
import sys
import warnings
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.tasks.environments import LIMIT, doing, here
from wann import api
from wann.activations import ACTIVATIONS
from wann.errors import BadInput, TaskWarning
from wann.evaluation import LocalEvaluator, ProcessEvaluator
from wann.formats import from_document, render, to_document
from wann.genome import MutationSettings, Population, first_population, join, mutate
from wann.network import Interface, Network, compile_population
from wann.streams import Stream, episode_seeds
from wann.tasks import ControlTask, Outcome, Rules, Trial, make_task, preserved_process_state, task_settings
from wann.tasks.control.stepping import pool_is_faster
from wann.trust import BY_HAND

pytestmark = pytest.mark.usefixtures("_forked")

CHANGES = MutationSettings(
    add_node=0.3, disable_connection=0.1, activations=tuple(entry.name for entry in ACTIVATIONS)
)
WEIGHTS = np.array([-1.5, 0.5, 1.0])
TRIAL = Trial(np.array([3, 10**9, 8]))
OWN = Trial(np.array([[3, 10**9], [8, 5], [3, 77]]))
EVERYTHING = Rules()
SIMULATED = {"LunarLander-v3": 90, "BipedalWalker-v3": 60, "HalfCheetah-v5": 12}
"""Steps of an episode by the name of the environment."""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulators that leave files leave them there."""
    monkeypatch.chdir(tmp_path)


def task(name: str, **settings: Any) -> ControlTask:
    found = make_task(task_settings(name, **{"stepping": "gymnasium", **settings}), trust=BY_HAND)
    assert isinstance(found, ControlTask)
    return found


@cache
def grown(inputs: int, outputs: int, size: int = 4, seed: int = 0) -> Population:
    """Networks after some generations of changes."""
    population = first_population(inputs, outputs, size, 0.5, np.random.default_rng(seed))
    newest = population.newest_node
    for generation in range(12):
        population, newest = mutate(population, np.arange(size), CHANGES, newest, seed, generation)
    return population


def networks(problem: ControlTask, size: int = 4) -> list[Network]:
    population = grown(problem.inputs, problem.outputs, size)
    described = {"task": problem.id, "interface": problem.interface}
    return [Network.of_genome(population, index, **described) for index in range(size)]


def play(
    problem: ControlTask,
    players: Sequence[Network] | None = None,
    weights: NDArray[np.float64] = WEIGHTS,
    trial: Trial = TRIAL,
    cuts: Sequence[int] = (),
    order: int = 1,
) -> Outcome:
    """Have networks played, in pieces that begin at these units."""
    players = networks(problem) if players is None else players
    batch = compile_population(join([network.population for network in players]))
    job = problem.job(batch.program_for(weights), weights, trial)
    for begin, end in list(pairwise([0, *cuts, job.units]))[::order]:
        job.run(begin, end)
    return job.outcome


def plainly(
    problem: ControlTask,
    network: Network,
    weight: float | None,
    seed: int,
    *,
    last_counts: bool = True,
    rules: Rules = EVERYTHING,
) -> tuple[float, int]:
    """Return and steps of an episode, as anybody would play it."""
    environment = gymnasium.make(
        problem.id, disable_env_checker=True, max_episode_steps=problem.episode_limit
    )
    policy = network.policy(weight, environment=environment)
    observation, _ = environment.reset(seed=seed)
    total, steps, over = 0.0, 0, False
    mark, last = 0.0, 0
    while not over:
        observation, reward, terminated, truncated, _ = environment.step(policy(observation))
        total += float(reward) if last_counts or not terminated else 0.0
        steps, over = steps + 1, terminated or truncated
        if total > mark + rules.gain:
            mark, last = total, steps
        over |= steps == rules.limit or (rules.patience is not None and steps - last == rules.patience)
    environment.close()
    return total, steps


def assert_plain(
    problem: ControlTask, outcome: Outcome, *, last_counts: bool = True, rules: Rules = EVERYTHING
) -> None:
    for index, network in enumerate(networks(problem)):
        for row, weight in enumerate(WEIGHTS.tolist()):
            for episode, seed in enumerate(TRIAL.seeds.tolist()):
                found = outcome.returns[index, row, episode], outcome.steps[index, row, episode]
                plain = plainly(problem, network, weight, seed, last_counts=last_counts, rules=rules)
                assert found == plain


def assert_same(one: Outcome, other: Outcome) -> None:
    assert one.returns.tobytes() == other.returns.tobytes()
    assert one.steps.tobytes() == other.steps.tobytes()


# A plain loop, to the bit.


@pytest.mark.parametrize("name", SIMULATED)
def test_a_simulator_gives_what_a_plain_loop_gives(name: str) -> None:
    problem = task(name, episode_limit=SIMULATED[name])
    outcome = play(problem)
    assert_plain(problem, outcome)
    assert len(np.unique(outcome.returns)) > 6


SEEN = ["Sums", "Ends", "Discrete", "MultiDiscrete", "MultiBinary", "Tuple", "Dict", "DictInTuple", "Bytes"]
DONE = ["FromMinus2To5", "Unbounded", "HalfBounded", "Whole", "Square", "FromThree", "Several", "Bits"]


@pytest.mark.parametrize("name", [*SEEN, *DONE])
def test_every_kind_of_observation_and_action_does(name: str) -> None:
    problem = task(here(name))
    outcome = play(problem)
    assert_plain(problem, outcome)
    assert len(np.unique(outcome.returns)) > 3


@pytest.mark.parametrize("last_counts", [True, False])
def test_the_last_reward_may_be_left_out(last_counts: bool) -> None:
    # Where an episode is cut, and not ended, the last reward counts.
    for name, steps in (("Ends", 5), ("Sums", LIMIT)):
        problem = task(here(name), terminal_reward=last_counts)
        outcome = play(problem)
        assert_plain(problem, outcome, last_counts=last_counts)
        assert (outcome.steps == steps).all()
    whole, short = (play(task(here("Ends"), terminal_reward=value)) for value in (True, False))
    assert (whole.returns != short.returns).any(axis=(1, 2)).all()


@pytest.mark.parametrize("limit", [1, 7, LIMIT, 3 * LIMIT])
def test_an_episode_is_cut_at_the_limit_be_it_shorter_or_longer_than_its_own(limit: int) -> None:
    problem = task(here("Sums"), episode_limit=limit)
    outcome = play(problem)
    assert (outcome.steps == limit).all()
    assert_plain(problem, outcome)
    assert (play(task(here("Endless"), episode_limit=limit)).returns == outcome.returns).all()


@pytest.mark.parametrize("name", [here("Sums"), "LunarLander-v3"])
@pytest.mark.parametrize("trial", [TRIAL, OWN], ids=["common episodes", "episodes of its own"])
def test_weights_of_each_connection_are_its_own(name: str, trial: Trial) -> None:
    problem = task(name, episode_limit=30)
    players = networks(problem)
    ends = np.cumsum([0, *(network.connections for network in players)])
    weights = np.random.default_rng(0).uniform(-1.5, 1.5, (3, ends[-1]))
    outcome = play(problem, players, weights, trial)
    assert outcome.returns.shape == (4, 3, trial.episodes)
    for index, network in enumerate(players):
        for row, own in enumerate(weights[:, ends[index] : ends[index + 1]]):
            for episode, seed in enumerate(trial.seeds_of(3)[row].tolist()):
                found = outcome.returns[index, row, episode], outcome.steps[index, row, episode]
                assert found == plainly(problem, network.with_weights(own), None, seed)


def test_a_network_without_connections_plays_too() -> None:
    problem = task(here("Sums"))
    network = Network(3, 2, np.ones(2, np.int8), np.empty(0, np.int64), np.empty(0, np.int64))
    for weights in (WEIGHTS, np.empty((3, 0))):
        returns = play(problem, [network], weights).returns
        np.testing.assert_array_equal(returns[0], [TRIAL.seeds % 10 * LIMIT] * 3)


def test_shared_weights_may_meet_episodes_of_their_own_too() -> None:
    problem = task(here("Sums"))
    own = play(problem, trial=OWN)
    for row, seeds in enumerate(OWN.seeds):
        common = play(problem, trial=Trial(seeds))
        np.testing.assert_array_equal(own.returns[:, row], common.returns[:, row])


# Episodes of the search that end early.

EARLY = {
    "limit": (Rules(limit=9), {"first_limit": 9, "limit_grows_for": 100}),
    "patience": (Rules(patience=4), {"patience": 4}),
    "a gain": (Rules(patience=6, gain=2.5), {"patience": 6, "patience_gain": 2.5}),
    "all": (
        Rules(14, 5, 1.0),
        {"first_limit": 14, "limit_grows_for": 7, "patience": 5, "patience_gain": 1.0},
    ),
}


@pytest.mark.parametrize("name", [here("Sums"), "LunarLander-v3"])
@pytest.mark.parametrize(("rules", "settings"), EARLY.values(), ids=EARLY)
def test_episodes_of_the_search_end_early_and_no_others(
    name: str, rules: Rules, settings: dict[str, Any]
) -> None:
    problem, plain = task(name, episode_limit=25, **settings), task(name, episode_limit=25)
    trial = problem.search(TRIAL.seeds, 0)
    assert trial.rules == rules
    outcome, whole = play(problem, trial=trial), play(plain)
    assert_plain(problem, outcome, rules=rules)
    assert (outcome.steps < whole.steps).any()
    assert (outcome.steps <= whole.steps).all()
    for other in (problem.selection(TRIAL.seeds), problem.report(TRIAL.seeds), TRIAL):
        assert_same(play(problem, trial=other), whole)
    for lanes in (1, 2, 32):
        assert_same(play(task(name, episode_limit=25, lanes=lanes, **settings), trial=trial), outcome)
    assert_same(play(problem, trial=trial, cuts=(1, 2, 11, 30), order=-1), outcome)
    batch = compile_population(grown(problem.inputs, problem.outputs))
    with LocalEvaluator(problem, 3) as evaluator:
        assert_same(evaluator.evaluate(batch, WEIGHTS, trial), outcome)
    with ProcessEvaluator(problem, 1) as processes:
        assert_same(processes.evaluate(batch, WEIGHTS, trial), outcome)


@pytest.mark.parametrize(("rules", "settings"), EARLY.values(), ids=EARLY)
def test_in_pools_episodes_of_the_search_end_early_too(rules: Rules, settings: dict[str, Any]) -> None:
    # The rewards of a pole are 1, so that progress is exact.
    pooled = {"stepping": "envpool", "episode_limit": 60, **settings}
    problem = task("CartPole-v1", **pooled)
    trial, whole = problem.search(TRIAL.seeds, 0), play(problem)
    outcome = play(problem, trial=trial)
    assert trial.rules == rules
    np.testing.assert_array_equal(outcome.steps, np.minimum(whole.steps, rules.limit or 60))
    for lanes in (1, 5):
        assert_same(play(task("CartPole-v1", lanes=lanes, **pooled), trial=trial), outcome)
    assert_same(play(problem, trial=trial, cuts=(1, 7, 30), order=-1), outcome)
    # Of a pendulum every reward is negative: nothing is progress.
    pendulum = task("Pendulum-v1", stepping="envpool", episode_limit=60, patience=7)
    assert (play(pendulum, trial=pendulum.search(TRIAL.seeds, 0)).steps == 7).all()
    assert (play(pendulum).steps == 60).all()


def test_the_limit_grows_whenever_episodes_are_redrawn_up_to_the_whole() -> None:
    problem = task(here("Sums"), episode_limit=100, first_limit=20, limit_grows_for=8, redraw_every=2)
    limits = [problem.search(TRIAL.seeds, generation).rules.limit for generation in range(10)]
    assert limits == [20, 20, 40, 40, 60, 60, 80, 80, None, None]
    assert problem.search(TRIAL.seeds, 10**9) == problem.selection(TRIAL.seeds)


def test_a_kernel_takes_limits_and_leaves_patience_to_others() -> None:
    limited = task("CartPole-v1", stepping="auto", first_limit=5, limit_grows_for=10)
    assert limited.stepping == "fused"
    assert (play(limited, trial=limited.search(TRIAL.seeds, 0)).steps == 5).all()
    assert (play(limited).steps > 5).all()
    assert task("CartPole-v1", stepping="auto", patience=9).stepping == "envpool"
    with pytest.raises(BadInput, match=r"CartPole-v1 cannot be fused with .* patience .*envpool, gymnasium$"):
        task("CartPole-v1", stepping="fused", patience=9)


REFUSED = {
    "patience_gain needs patience": {"patience_gain": 1.0},
    "first_limit and limit_grows_for need each other": {"first_limit": 3},
    "limit_grows_for 3 is less than redraw_every 4": {
        "first_limit": 3,
        "limit_grows_for": 3,
        "redraw_every": 4,
    },
    r"task.first_limit: 12; accepted are fewer steps than the limit of 12": {
        "first_limit": 12,
        "limit_grows_for": 3,
    },
}


@pytest.mark.parametrize(("says", "given"), REFUSED.items(), ids=REFUSED)
def test_early_ends_that_do_not_fit_are_refused(says: str, given: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=says):
        task(here("Sums"), **given)


# Whoever else is played, and whatever was before.

ANY = {here("Sums"): LIMIT, here("Remembers"): LIMIT, here("FifthRewardIsNanRarely"): LIMIT, **SIMULATED}


@pytest.mark.parametrize("name", ANY)
def test_neither_lanes_nor_cuts_nor_their_order_show(name: str) -> None:
    settings = {"episode_limit": min(20, ANY[name])}
    whole = play(task(name, **settings))
    for lanes in (1, 3, 32):
        assert_same(play(task(name, lanes=lanes, **settings)), whole)
    assert_same(play(task(name, **settings), cuts=(1, 2, 11, 30), order=-1), whole)
    assert_same(play(task(name, lanes=2, **settings), cuts=(17,)), whole)


def test_what_was_played_before_does_not_show() -> None:
    # The walker's reset keeps its Box2D world, whose order of contacts would show.
    for name in (here("Remembers"), "BipedalWalker-v3"):
        problem = task(name, episode_limit=40)
        first = play(problem)
        play(problem, trial=Trial(np.array([99, 98])))
        assert_same(play(problem), first)
        assert problem.world.reuse is False


@pytest.mark.parametrize("name", [here("Remembers"), "LunarLander-v3"])
@pytest.mark.parametrize("stepping", ["gymnasium", "envpool"])
def test_threads_do_not_show(name: str, stepping: str) -> None:
    if stepping == "envpool" and ":" in name:
        name = "Pendulum-v1"
    problem = task(name, stepping=stepping, episode_limit=30)
    batch = compile_population(grown(problem.inputs, problem.outputs))
    with LocalEvaluator(problem, 3) as evaluator:
        for _ in range(2):
            assert_same(evaluator.evaluate(batch, WEIGHTS, TRIAL), play(problem))


def test_an_environment_that_is_said_to_be_as_good_as_new_is_kept() -> None:
    fresh = task(here("Remembers"), lanes=2)
    with pytest.warns(TaskWarning, match="Remembers-v0 starts a different episode"):
        kept = task(here("Remembers"), reuse=True, lanes=2)
    assert_same(play(fresh), play(fresh))
    assert (play(kept).returns != play(kept).returns).any()
    assert_same(play(task(here("Square"), reuse=True)), play(task(here("Square"))))


def test_mujoco_says_nothing_and_leaves_no_file(capfd: pytest.CaptureFixture[str]) -> None:
    play(task("HalfCheetah-v5", episode_limit=2, reuse=False), trial=Trial(np.array([0])))
    assert capfd.readouterr() == ("", "")
    assert list(Path().iterdir()) == []


# What goes wrong.


@pytest.mark.parametrize("name", ["FifthObservationIsNanRarely", "FifthRewardIsNanRarely"])
def test_what_is_not_a_number_spoils_its_episode_alone(name: str) -> None:
    trial = Trial(np.arange(9))
    found, good = play(task(here(name)), trial=trial), play(task(here("Sums")), trial=trial)
    spoilt = trial.seeds % 3 == 1
    assert np.isnan(found.returns[:, :, spoilt]).all()
    assert (found.steps[:, :, spoilt] == 5).all()
    assert found.returns[:, :, ~spoilt].tobytes() == good.returns[:, :, ~spoilt].tobytes()
    assert (found.steps[:, :, ~spoilt] == LIMIT).all()


@pytest.mark.parametrize("name", ["FifthObservationIsInfinite", "FifthRewardIsInfinite"])
def test_what_is_infinite_ends_its_episode(name: str) -> None:
    outcome = play(task(here(name)))
    assert not np.isfinite(outcome.returns).any()
    assert (outcome.steps == 5).all()


def overflowing(sign: float) -> Network:
    """The first output is 1e76 and as much again, of either sign; the second is the first input."""
    source, target = np.array([0, 0, 6, 7, 1]), np.array([6, 7, 4, 4, 5])
    return Network(3, 2, np.ones(4, np.int8), source, target, np.array([1e38, sign * 1e38, 1e38, 1e38, 1.0]))


def test_an_output_that_is_not_a_number_ends_its_episode_and_an_infinite_one_is_cut() -> None:
    problem = task(here("FromMinus2To5"))
    for sign, sound in ((1.0, True), (-1.0, False)):
        network = overflowing(sign)
        assert network.weights is not None
        raw = network.policy().outputs(np.array([0.5, 0.0, 0.0]))
        assert np.isinf(raw[0]) if sound else np.isnan(raw[0])
        outcome = play(problem, [network], network.weights[None])
        if sound:
            assert [outcome.returns[0, 0, 0], LIMIT] == list(plainly(problem, network, None, 3))
        else:
            assert np.isnan(outcome.returns).all()
            assert (outcome.steps == 0).all()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ResetFailsRarely", "fails in reset of the episode with seed 7 "),
        ("FourthStepFailsRarely", "fails in step of the episode with seed 7 "),
    ],
)
@pytest.mark.parametrize("lanes", [1, 2, 32])
def test_a_failure_names_what_failed_and_the_seed(name: str, says: str, lanes: int) -> None:
    problem = task(here(name), lanes=lanes)
    trial = Trial(np.array([0, 3, 7, 9]))
    with pytest.raises(BadInput, match=rf"tests/{name}-v0 {says}\(RuntimeError: the floor is gone\)$"):
        play(problem, trial=trial)
    sound = Trial(np.array([0, 3, 9]))
    assert_same(play(problem, trial=sound), play(task(here("Sums")), trial=sound))


IN_STEP = {
    "exits": "SystemExit: 0",
    "ends like a generator": "GeneratorExit",
    "raises what is no Exception": "BaseException: so there",
    "cannot say why": "Unspeakable",
    "four values": "it returns 4 values; accepted are observation, reward, terminated, truncated and info",
    "an observation alone": "it returns an array of shape .3,. and type float32; accepted are observation,",
    "no observation": "an observation None; accepted are numbers of shape",
    "a scalar": "an observation 0.5; accepted are numbers of shape .3,.",
    "a longer observation": "of shape .4,. and type float32; accepted are numbers of shape .3,.",
    "an observation of objects": "of shape .3,. and type object",
    "no reward": "a reward of None; accepted is a number",
    "a reward of text": "a reward of '1.5'; accepted is a number",
    "a complex reward": "a reward of 1j; accepted is a number",
    "two rewards": "a reward of an array of shape .2,. and type float64; accepted is a number",
    "a reward of 1e308": r"a reward of 1e\+308; accepted are up to 1e\+100",
    "an end of text": "terminated is 'False'; accepted is True or False",
    "no end": "terminated is None",
    "an end that is half": "truncated is 0.5",
}
IN_RESET = {
    **{deed: IN_STEP[deed] for deed in ("exits", "ends like a generator", "no observation", "a scalar")},
    "an observation alone": "an array of shape .3,. and type float32; accepted are observation and info",
}


@pytest.mark.parametrize(("deed", "says"), IN_STEP.items(), ids=IN_STEP)
def test_what_no_step_may_do_is_told_with_its_episode(deed: str, says: str) -> None:
    problem = task(doing(deed))
    with pytest.raises(BadInput, match=rf"At3-v0 fails in step of the episode with seed 3 \(.*{says}"):
        play(problem)
    with pytest.raises(BadInput, match=rf"At1-v0 fails in step of the episode with seed 0 \(.*{says}"):
        task(doing(deed, 1))


@pytest.mark.parametrize(("deed", "says"), IN_RESET.items(), ids=IN_RESET)
def test_what_no_reset_may_do_is_told_with_its_episode(deed: str, says: str) -> None:
    with pytest.raises(BadInput, match=rf"At0-v0 fails in reset of the episode with seed 0 \(.*{says}"):
        task(doing(deed, 0))


@pytest.mark.parametrize("deed", ["a reward in an array", "an end as a number", "no info"])
def test_what_may_be_answered_otherwise_makes_no_difference(deed: str) -> None:
    assert_same(play(task(doing(deed))), play(task(here("Sums"))))


def test_who_interrupts_an_environment_is_heard() -> None:
    with pytest.raises(KeyboardInterrupt):
        play(task(doing("interrupts itself")))


def test_an_environment_that_goes_elsewhere_and_writes_over_what_it_gave_is_played_as_another() -> None:
    problem = task(here("Restless"))
    with preserved_process_state():
        found = play(problem)
    assert_same(found, play(task(here("Sums"))))


def test_what_an_environment_changes_of_its_process_is_put_back(tmp_path: Path) -> None:
    before = list(warnings.filters), signal.getsignal(signal.SIGINT)
    task(here("Restless"))
    assert Path.cwd() == tmp_path
    assert (list(warnings.filters), signal.getsignal(signal.SIGINT)) == before


def test_who_does_not_heed_the_seed_is_warned_of() -> None:
    with pytest.warns(TaskWarning, match="Scattered-v0 starts a different episode .* same seed"):
        task(here("Scattered"))


def test_an_environment_that_fails_for_certain_networks_plays_the_others() -> None:
    problem = task(here("LoudFails"))
    players = networks(problem)
    with pytest.raises(BadInput, match=r"fails in step .*OverflowError: too loud"):
        play(problem, players, np.array([30.0, -30.0]))
    assert np.isfinite(play(problem, players, np.array([1e-3])).returns).all()


# What steps it.

STEPPED: dict[str, tuple[str, dict[str, Any]]] = {
    "dynamics": ("fused", {"id": "wann/CartPoleSwingUp-v0"}),
    "dynamics, otherwise met": ("gymnasium", {"id": "wann/CartPoleSwingUp-v0", "observe": (0, 1)}),
    "dynamics of others": ("fused", {"id": "CartPole-v1"}),
    "dynamics of others, otherwise met": ("envpool", {"id": "CartPole-v1", "terminal_reward": False}),
    "Box2D": ("envpool", {"id": "LunarLander-v3", "normalise": True}),
    "MuJoCo": ("envpool", {"id": "HalfCheetah-v5"}),
    "MuJoCo that a pool simulates otherwise": ("gymnasium", {"id": "Swimmer-v5"}),
    "choices": ("gymnasium", {"id": "Taxi-v4"}),
    "anybody's": ("gymnasium", {"id": here("Sums")}),
    "as asked": ("gymnasium", {"id": "LunarLander-v3", "stepping": "gymnasium"}),
}


@pytest.mark.parametrize(("stepping", "given"), STEPPED.values(), ids=STEPPED)
def test_the_fastest_available_library_steps_it(stepping: str, given: dict[str, Any]) -> None:
    name, *_ = given.values()
    settings = {key: value for key, value in given.items() if key != "id"}
    problem = make_task(task_settings(name, **settings), trust=BY_HAND)
    assert problem.resolved == {"stepping": stepping}
    # The choice can be made explicit.
    again = make_task(task_settings(name, **{**settings, "stepping": stepping}), trust=BY_HAND)
    assert again.resolved == problem.resolved


def test_without_envpool_gymnasium_steps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pool_is_faster.cache_clear()
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "envpool", None)
        assert task("LunarLander-v3", stepping="auto").resolved == {"stepping": "gymnasium"}
        with pytest.raises(BadInput, match=r"pip install 'wann\[envpool\]'"):
            task("LunarLander-v3", stepping="envpool")
    pool_is_faster.cache_clear()
    assert task("LunarLander-v3", stepping="auto").resolved == {"stepping": "envpool"}


# EnvPool.

POOLED = {"LunarLander-v3": 120, "CartPole-v1": 500, "Pendulum-v1": 40}


@pytest.mark.parametrize("name", POOLED)
def test_in_pools_neither_lanes_nor_cuts_nor_their_order_show(name: str) -> None:
    settings = {"episode_limit": POOLED[name], "stepping": "envpool"}
    whole = play(task(name, **settings))
    assert len(np.unique(whole.returns)) > 3
    for lanes in (1, 3, 32):
        assert_same(play(task(name, lanes=lanes, **settings)), whole)
    assert_same(play(task(name, **settings), cuts=(1, 2, 11, 30), order=-1), whole)
    assert (whole.steps <= POOLED[name]).all()


def test_in_pools_equal_seeds_are_equal_episodes() -> None:
    problem = task("LunarLander-v3", stepping="envpool", episode_limit=60)
    returns = play(problem, trial=Trial(np.array([5, 6, 5]))).returns
    np.testing.assert_array_equal(returns[:, :, 0], returns[:, :, 2])
    assert (returns[:, :, 0] != returns[:, :, 1]).any()


def test_pools_take_the_limit_and_leave_out_the_last_reward_likewise() -> None:
    settings: dict[str, Any] = {"stepping": "envpool", "episode_limit": 8}
    assert (play(task("Pendulum-v1", **settings)).steps == 8).all()
    settings["episode_limit"] = 500
    whole, short = (play(task("CartPole-v1", terminal_reward=last, **settings)) for last in (True, False))
    np.testing.assert_array_equal(whole.returns, whole.steps)
    np.testing.assert_array_equal(short.returns, whole.steps - (whole.steps < 500))


@pytest.mark.parametrize("name", ["LunarLander-v3", "CartPole-v1", "Hopper-v5"])
def test_pools_draw_other_episodes_of_the_same_distribution(name: str) -> None:
    trial, weight = Trial(np.arange(60)), np.array([1.0])
    found = {}
    for stepping in ("gymnasium", "envpool"):
        problem = task(name, stepping=stepping, episode_limit=200)
        found[stepping] = play(problem, networks(problem)[:2], weight, trial).returns[:, 0]
    for one, other in zip(*found.values(), strict=True):
        # A seed names other episodes: results of one library are never compared with the other's.
        assert (one != other).mean() > 0.5
        error = np.hypot(one.std(ddof=1), other.std(ddof=1)) / np.sqrt(len(one))
        assert abs(one.mean() - other.mean()) < 4 * error
        assert error > 0


# What stands between an environment and a network.


def test_networks_are_given_what_is_to_be_observed() -> None:
    problem = task(here("Sums"), observe=(2, 0))
    assert (problem.inputs, problem.interface.observe) == (2, (2, 0))
    assert problem.input_names == ("input 3", "input 1")
    assert_plain(problem, play(problem))
    assert Interface(observe=(2, 0)).observed(np.array([[1.5, 2.0, 3.0]])).tolist() == [[3.0, 1.5]]
    whole, part = task("BipedalWalker-v3"), task("BipedalWalker-v3", observe=(2, 23))
    assert part.input_names == (whole.input_names[2], whole.input_names[23]) == ("x velocity", "lidar 10")


@pytest.mark.parametrize("squash", ["clip", "tanh", "scale"])
def test_actions_are_squashed_as_asked(squash: str) -> None:
    problem = task(here("FromMinus2To5"), squash=squash)
    assert problem.interface.squash == squash
    outcome = play(problem)
    assert_plain(problem, outcome)
    same = (outcome.returns == play(task(here("FromMinus2To5"))).returns).all()
    assert same == (squash == "scale")


def test_where_all_is_as_the_environment_says_its_spaces_alone_are_carried() -> None:
    spaces = gymnasium.make(here("Sums"))
    assert task(here("Sums")).interface == Interface(
        observation=spaces.observation_space, action=spaces.action_space
    )


def test_normalised_observations_have_no_mean_and_a_deviation_of_one() -> None:
    problem = task("LunarLander-v3", normalise=True)
    interface = problem.interface
    assert interface == task("LunarLander-v3", normalise=True).interface
    environment = gymnasium.make("LunarLander-v3")
    environment.action_space.seed(0)
    seen: list[NDArray[np.float64]] = []
    for seed in range(64):
        observation, over = environment.reset(seed=seed)[0], False
        while not over and len(seen) < 10_000:
            seen.append(observation)
            observation, _, terminated, truncated, _ = environment.step(environment.action_space.sample())
            over = terminated or truncated
    rows = np.array(seen)
    assert interface.mean == pytest.approx(rows.mean(axis=0, dtype=float), rel=1e-5, abs=1e-6)
    given = interface.observed(rows)
    assert np.abs(given).max() <= 10
    central = (np.abs(rows - interface.mean) < 9 * np.array(interface.std)).all(axis=1)
    plain = (rows - interface.mean) / np.array(interface.std)
    np.testing.assert_allclose(given[central], plain[central], rtol=1e-4, atol=1e-5)
    assert central.mean() > 0.9


def test_all_of_it_together_is_a_plain_loop_too() -> None:
    problem = task("LunarLander-v3", observe=(6, 0, 1, 4), normalise=True, episode_limit=60)
    assert problem.inputs == 4
    assert_plain(problem, play(problem))
    problem = task(here("Tuple"), observe=(6, 0), normalise=True, squash="tanh")
    assert_plain(problem, play(problem))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        (here("Tuple"), {"observe": (6, 0), "normalise": True, "squash": "tanh"}),
        ("LunarLander-v3", {"normalise": True, "episode_limit": None}),
    ],
)
def test_a_champion_carries_what_it_needs_to_be_judged_as_it_was_found(
    name: str, settings: dict[str, Any]
) -> None:
    problem = task(name, **settings)
    network = networks(problem)[1]
    again = from_document(json.loads(render(to_document(network))))
    assert again.interface is not None
    assert again.interface == problem.interface
    score = api.evaluate(again, task=name, weight=0.5, episodes=6, seed=4, stepping="gymnasium", workers=1)
    seeds = episode_seeds(4, Stream.SHARED_EPISODES, 6)
    assert score[0].mean == play(problem, [network], np.array([0.5]), Trial(seeds)).returns.mean()


def test_what_does_not_vary_is_only_shifted_and_what_is_far_is_cut() -> None:
    interface = Interface(mean=(1.0, 2.0), std=(0.0, 0.5))
    found = interface.observed(np.array([[4.0, 2.5], [-100.0, 100.0]]))
    assert found.tolist() == [[3.0, 1.0], [-10.0, 10.0]]
    assert found.dtype == np.float32


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"mean": (1.0,), "std": ()}, "1 means and 0 stds"),
        ({"observe": (0,), "mean": (1.0, 2.0), "std": (1.0, 1.0)}, "for 1 observed numbers"),
        ({"observe": (0, -1)}, "must not be negative"),
        ({"mean": (1.0,), "std": (-1.0,)}, "must not be negative"),
    ],
)
def test_an_interface_whose_parts_do_not_fit_is_refused(given: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        Interface(**given)


@pytest.mark.parametrize(
    ("interface", "says"),
    [
        (Interface(observe=(1, 3)), "number 3 of an observation of 3 .* from 0"),
        (Interface(mean=(1.0,), std=(1.0,)), "3 observed numbers for 1 means"),
        (Interface(mean=(1.0,) * 5, std=(1.0,) * 5), "3 observed numbers for 5 means"),
    ],
)
def test_an_observation_that_does_not_fit_is_refused(interface: Interface, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        interface.observed(np.zeros((2, 3)))
    network = Network(2, 1, np.array([1], np.int8), np.array([1]), np.array([3]), interface=interface)
    with pytest.raises(BadInput, match=says):
        network.policy(1.0).outputs(np.zeros(3))
    with pytest.raises(BadInput, match=r"end at 2|numbers"):
        make_task(task_settings(here("Sums")), interface, BY_HAND)
