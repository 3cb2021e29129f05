"""The fused twins of Gymnasium's classic control, against Gymnasium's own environments."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import gymnasium
import numpy as np
import pytest
from gymnasium.error import Error
from hypothesis import given
from hypothesis import strategies as st
from numba import njit
from wann_envs import (
    acrobot_dynamics,
    cartpole_dynamics,
    classic,
    mountain_car_continuous_dynamics,
    mountain_car_dynamics,
    pendulum_dynamics,
)
from wann_envs.fused import FusedDynamics

from tests.envs.test_cartpole_swingup import policies, table
from wann.genome import MutationSettings, Population, first_population, mutate
from wann.kernels.compiler import needs_compiling
from wann.kernels.lanes import LANES
from wann.network import Actions, NetworkBatch, compile_population
from wann.tasks import Trial, make_task, task_settings
from wann.tasks.control.task import ControlTask

if TYPE_CHECKING:
    from numpy.typing import NDArray

State = Sequence[float]


@dataclass(frozen=True)
class Case:
    """A twin, and how near to Gymnasium's own it is.

    Attributes:
        name: id of the environment.
        dynamics: the twin.
        twin: the module of its kernels.
        middle: of the states to start a step from.
        spread: how far they reach to either side.
        near: largest error of a number after a step, observations among them, relative to 1 + its size.
        border: how far a state is from where the answer to "is it over?" changes.
        angles: which numbers of a state are angles, equal modulo a turn.
    """

    name: str
    dynamics: FusedDynamics
    twin: ModuleType
    middle: State
    spread: State
    near: float
    border: Callable[[State], float]
    angles: tuple[int, ...] = ()


def cart_border(state: State) -> float:
    return abs(max(abs(state[0]) - 2.4, abs(state[2]) - 12 * 2 * math.pi / 360))


def tip_border(state: State) -> float:
    return abs(-math.cos(state[0]) - math.cos(state[0] + state[1]) - 1)


def goal_border(goal: float) -> Callable[[State], float]:
    return lambda state: abs(max(goal - state[0], -state[1]))


def no_border(state: State) -> float:
    return math.inf


TURN: Final = 2 * math.pi
WEIGHT: Final = 1.5
CARTPOLE: Final = (classic.CARTPOLE, cartpole_dynamics, (0, 0, 0, 0), (2.5, 5, 0.25, 5), 4e-7, cart_border)
CASES: Final = (
    Case("CartPole-v0", *CARTPOLE),
    Case("CartPole-v1", *CARTPOLE),
    # A step of 0.2 s at the highest speeds is many turns, and chaos within itself: see below.
    Case(
        "Acrobot-v1",
        classic.ACROBOT,
        acrobot_dynamics,
        (0, 0, 0, 0),
        (math.pi, math.pi, 1.6 * math.pi, 3.6 * math.pi),
        4e-6,
        tip_border,
        (0, 1),
    ),
    Case(
        "MountainCar-v0",
        classic.MOUNTAIN_CAR,
        mountain_car_dynamics,
        (-0.3, 0),
        (0.9, 0.07),
        3e-7,
        goal_border(0.5),
    ),
    Case(
        "MountainCarContinuous-v0",
        classic.MOUNTAIN_CAR_CONTINUOUS,
        mountain_car_continuous_dynamics,
        (-0.3, 0),
        (0.9, 0.07),
        3e-7,
        goal_border(0.45),
    ),
    Case(
        "Pendulum-v1",
        classic.PENDULUM,
        pendulum_dynamics,
        (0, 0),
        (math.pi, 8),
        1e-6,
        no_border,
        (0,),
    ),
)
MADE: Final = {case.name: gymnasium.make(case.name, disable_env_checker=True) for case in CASES[1:]}
MADE["CartPole-v0"] = MADE["CartPole-v1"]  # the same but for its limit, and deprecated
EVERY: Final = pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
DISTINCT: Final = pytest.mark.parametrize("case", CASES[1:], ids=[case.name for case in CASES[1:]])


# --- Starts ---


@EVERY
def test_starts_are_what_reset_draws(case: Case) -> None:
    environment: Any = MADE[case.name]
    seeds = np.concatenate([np.arange(40), [2**31 - 1, 2**31, 2**63 - 1]]).astype(np.int64)
    starts = case.dynamics.starts(seeds)
    assert starts.dtype == np.float32
    assert starts.shape == (43, case.dynamics.numbers)
    for seed, start in zip(seeds.tolist(), starts, strict=True):
        observation, _ = environment.reset(seed=seed)
        assert np.asarray(environment.unwrapped.state, np.float32).tobytes() == start.tobytes()
        assert observed(case, start) == pytest.approx(observation, abs=5e-7)


@DISTINCT
def test_a_negative_seed_is_refused(case: Case) -> None:
    with pytest.raises(Error, match="greater or equal to zero"):
        case.dynamics.starts(np.array([-1]))


# --- Steps ---


def observed(case: Case, state: NDArray[np.float32]) -> NDArray[np.float32]:
    observation = np.empty(case.dynamics.inputs, np.float32)
    case.twin.observe_once(state, observation)
    return observation


def stepped(
    case: Case, state: NDArray[np.float32], outputs: NDArray[np.float32]
) -> tuple[NDArray[np.float32], float, bool]:
    after = state.copy()
    reward, over = case.twin.step_once(case.dynamics.physics, after, outputs)
    return after, reward, over


def assert_one_step_agrees(
    case: Case,
    state: NDArray[np.float32],
    outputs: NDArray[np.float32],
    near: float,
    turns: int = 0,
) -> None:
    environment: Any = MADE[case.name].unwrapped
    environment.reset(seed=0)
    environment.state = state.astype(np.float64)
    environment.state[list(case.angles)] += turns * TURN
    action = Actions.of(case.name, environment.action_space).of_outputs(outputs[None])[0]
    observation, reward, terminated, _, _ = environment.step(action)
    after, found, over = stepped(case, state, outputs)
    wanted = np.asarray(environment.state, np.float64)
    away = after - wanted
    for index in case.angles:
        away[index] = math.remainder(away[index], TURN)
        assert abs(after[index]) <= math.pi + 1e-6
        wanted[index] = 0.0
    assert np.all(np.abs(away) <= near * (1 + np.abs(wanted))), (after, wanted)
    seen = observed(case, after)
    assert np.all(np.abs(seen - observation) <= near * (1 + np.abs(observation))), (seen, observation)
    if terminated == over:
        assert abs(found - reward) <= 2e-6 * (1 + abs(reward))
    else:
        assert case.border(environment.state) < 1e-5


def units(count: int) -> st.SearchStrategy[list[float]]:
    return st.lists(st.floats(-1, 1, width=32), min_size=count, max_size=count)


@DISTINCT
@given(data=st.data())
def test_a_step_is_that_of_gymnasium(case: Case, data: st.DataObject) -> None:
    far = np.array(data.draw(units(case.dynamics.numbers)))
    state = (case.middle + far * case.spread).astype(np.float32)
    count = case.dynamics.outputs
    outputs = np.array(data.draw(st.lists(st.floats(-3, 3, width=32), min_size=count, max_size=count)))
    assert_one_step_agrees(case, state, outputs.astype(np.float32), case.near)


@DISTINCT
def test_steps_agree_wherever_episodes_lead(case: Case) -> None:
    environment: Any = MADE[case.name].unwrapped
    random = np.random.default_rng(0)
    for seed in range(8):
        environment.reset(seed=seed)
        state = np.asarray(environment.state, np.float32)
        # Pushed to and fro for a while each, else most would never leave where they start.
        hold, over = int(random.integers(1, 30)), False
        outputs = np.zeros(case.dynamics.outputs, np.float32)
        for number in range(120):
            if number % hold == 0:
                outputs = random.normal(0, 1.5, outputs.shape).astype(np.float32)
            assert_one_step_agrees(case, state, outputs, case.near)
            state, _, over = stepped(case, state, outputs)
            if over:
                break


@pytest.mark.parametrize("case", CASES[1:-1], ids=[case.name for case in CASES[1:-1]])
def test_steps_agree_close_to_the_end(case: Case) -> None:
    random, count = np.random.default_rng(1), (case.dynamics.numbers, case.dynamics.outputs)
    ends: list[bool] = []
    while len(ends) < 60:
        state = (case.middle + random.uniform(-1, 1, count[0]) * case.spread).astype(np.float32)
        outputs = random.normal(0, 1.5, count[1]).astype(np.float32)
        after, _, over = stepped(case, state, outputs)
        if case.border(after.tolist()) < 2e-3:
            assert_one_step_agrees(case, state, outputs, case.near)
            ends.append(over)
    assert 10 < sum(ends) < 50


def test_a_double_pendulum_at_its_fastest_is_near_enough() -> None:
    case, random = CASES[2], np.random.default_rng(2)
    for _ in range(500):
        fastest = [math.pi, math.pi, 4 * math.pi, 9 * math.pi]
        state = (random.uniform(-1, 1, 4) * fastest).astype(np.float32)
        outputs = random.normal(0, 1, 3).astype(np.float32)
        assert_one_step_agrees(case, state, outputs, 3e-3)


@pytest.mark.parametrize("turns", [-12, -1, 1, 12])
def test_a_pendulum_knows_no_turns(turns: int) -> None:
    case, random = CASES[-1], np.random.default_rng(3)
    for _ in range(100):
        state = (random.uniform(-1, 1, 2) * case.spread).astype(np.float32)
        outputs = random.normal(0, 1, 1).astype(np.float32)
        assert_one_step_agrees(case, state, outputs, case.near, turns)


# --- Actions ---

SPECIAL: Final = (-math.inf, -3e38, -1.0, -0.25, -0.0, 0.0, 1e-45, 0.25, 1.0, 1.5, math.inf)


@DISTINCT
def test_outputs_become_actions_as_spaces_have_it(case: Case) -> None:
    random = np.random.default_rng(4)
    for _ in range(300):
        outputs = random.choice(SPECIAL, case.dynamics.outputs).astype(np.float32)
        state = (case.middle + random.uniform(-0.5, 0.5, case.dynamics.numbers) * case.spread).astype(
            np.float32
        )
        assert_one_step_agrees(case, state, outputs, case.near)
        assert math.isfinite(stepped(case, state, outputs)[1])


# --- Fused rollouts ---


def limit_of(case: Case) -> int:
    spec = gymnasium.spec(case.name)
    assert spec.max_episode_steps is not None
    return spec.max_episode_steps


@cache
def evolved(dynamics: FusedDynamics, generations: int, size: int, seed: int) -> Population:
    """Networks after some generations of mutation without selection."""
    random = np.random.default_rng(seed)
    population = first_population(dynamics.inputs, dynamics.outputs, size, 0.7, random)
    newest = population.newest_node
    roulette = MutationSettings(add_node=0.4, add_connection=0.4)
    for generation in range(generations):
        parents = random.integers(0, size, size)
        population, newest = mutate(population, parents, roulette, newest, seed, generation)
    return population


def fused(
    dynamics: FusedDynamics,
    batch: NetworkBatch,
    weights: NDArray[np.float32],
    starts: NDArray[np.float32],
    limit: int,
    cuts: tuple[int, ...] = (),
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    shape = (len(batch), len(starts))
    returns, lengths = np.full(shape, -1.0), np.full(shape, -1, np.int32)
    ends = len(batch) * -(-len(starts) // LANES)
    for begin, end in pairwise((0, *cuts, ends)):
        program = batch.merged if weights.shape[1] == 1 else batch.program
        dynamics.rollout(limit, program, weights, starts, begin, end, returns, lengths)
    return returns, lengths


def assert_agree(case: Case, population: Population, kind: str, lanes: int, limit: int) -> None:
    batch, weights = compile_population(population), table(population, kind, lanes, 11)
    starts = case.dynamics.starts(np.arange(100, 100 + lanes))
    returns, lengths = fused(case.dynamics, batch, weights, starts, limit)
    for index in range(len(population)):
        for lane, policy in enumerate(policies(population, weights, index)):
            state, total, steps, over = starts[lane], 0.0, 0, False
            while steps < limit and not over:
                state, reward, over = stepped(case, state, policy.outputs(observed(case, state)))
                total, steps = total + reward, steps + 1
            assert (returns[index, lane], lengths[index, lane]) == (total, steps)


@DISTINCT
@pytest.mark.parametrize("kind", ["shared", "own"])
@pytest.mark.parametrize("generations", [0, 10, 60])
def test_many_networks_score_the_same_fused_as_stepped(case: Case, generations: int, kind: str) -> None:
    assert_agree(case, evolved(case.dynamics, generations, 8, generations), kind, 4, 40)


@DISTINCT
@pytest.mark.parametrize("kind", ["shared", "own"])
def test_whole_episodes_score_the_same_fused_as_stepped(case: Case, kind: str) -> None:
    assert_agree(case, evolved(case.dynamics, 30, 2, 1), kind, 3, limit_of(case))


@DISTINCT
@pytest.mark.parametrize("lanes", [1, 24, 25])
def test_any_number_of_lanes_will_do(case: Case, lanes: int) -> None:
    assert_agree(case, evolved(case.dynamics, 20, 3, 3), "shared", lanes, 30)


@DISTINCT
@given(cuts=st.lists(st.integers(0, 24 * 3), max_size=6), kind=st.sampled_from(["shared", "own"]))
def test_units_may_be_split_anywhere(case: Case, cuts: list[int], kind: str) -> None:
    population = evolved(case.dynamics, 20, 24, 4)
    batch, weights = compile_population(population), table(population, kind, 60, 5)
    starts = case.dynamics.starts(np.arange(60))
    whole = fused(case.dynamics, batch, weights, starts, 60)
    parts = fused(case.dynamics, batch, weights, starts, 60, tuple(sorted(cuts)))
    assert [array.tobytes() for array in parts] == [array.tobytes() for array in whole]


def spoil_memory() -> None:
    """Leave what is not a number where a kernel will find its arrays."""
    for rows in range(1, 40):
        np.empty(rows * LANES, np.float32)[:] = np.nan


def test_what_others_left_in_memory_does_not_show() -> None:
    dynamics, spoil = classic.PENDULUM, njit(spoil_memory)
    population = evolved(dynamics, 20, 4, 4)
    program, weights = compile_population(population).program, table(population, "own", LANES, 5)
    starts = dynamics.starts(np.arange(LANES))
    for unit in range(4):
        returns, lengths = np.zeros((4, LANES)), np.zeros((4, LANES), np.int32)
        spoil()
        dynamics.rollout(50, program, weights, starts, unit, unit + 1, returns, lengths)
        assert np.isfinite(returns).all()


@DISTINCT
def test_arrays_that_do_not_fit_are_refused(case: Case) -> None:
    dynamics, population = case.dynamics, evolved(case.dynamics, 5, 4, 6)
    program, starts = compile_population(population).program, dynamics.starts(np.arange(30))
    own = table(population, "own", 30, 0)
    room = np.empty((4, 30)), np.empty((4, 30), np.int32)
    for weights in (own[:29], own[:, :2], own[:, 0]):
        with pytest.raises(ValueError, match="weights has shape"):
            dynamics.rollout(9, program, weights, starts, 0, 8, *room)
    with pytest.raises(ValueError, match=rf"starts has shape .* \(30, {dynamics.numbers}\)"):
        dynamics.rollout(9, program, own, starts[:, :1], 0, 8, *room)
    with pytest.raises(ValueError, match="returns has shape"):
        dynamics.rollout(9, program, own, starts, 0, 8, room[0][:3], room[1])
    with pytest.raises(ValueError, match="lengths has shape"):
        dynamics.rollout(9, program, own, starts, 0, 8, room[0], room[1][:, :29])
    for begin, end in ((0, 9), (-1, 8), (5, 4)):
        with pytest.raises(ValueError, match=rf"units \[{begin}, {end}\) of 8"):
            dynamics.rollout(9, program, own, starts, begin, end, *room)
    for inputs, outputs in ((dynamics.inputs, 9), (9, dynamics.outputs)):
        other = first_population(inputs, outputs, 4, 1.0, np.random.default_rng(0))
        with pytest.raises(ValueError, match=f"networks of {inputs} inputs, {outputs} outputs: not"):
            dynamics.rollout(9, compile_population(other).program, own, starts, 0, 8, *room)


@EVERY
def test_dynamics_travel(case: Case) -> None:
    assert pickle.loads(pickle.dumps(case.dynamics)) == case.dynamics  # noqa: S301


@DISTINCT
def test_rollouts_are_kept_on_disk(case: Case) -> None:
    assert_agree(case, evolved(case.dynamics, 0, 1, 0), "shared", 1, 1)
    assert not needs_compiling(case.dynamics.kernel)


# --- What is not a number ---


@DISTINCT
def test_outputs_that_are_no_numbers_give_returns_that_are_none(case: Case) -> None:
    start = case.dynamics.starts(np.array([0]))[0]
    for place in range(case.dynamics.outputs):
        outputs = np.zeros(case.dynamics.outputs, np.float32)
        outputs[place] = math.nan
        assert math.isnan(stepped(case, start, outputs)[1])
    batch = compile_population(evolved(case.dynamics, 20, 24, 8))
    starts = case.dynamics.starts(np.arange(2))
    weights = np.array([[math.nan], [1.0]], np.float32)
    returns, lengths = fused(case.dynamics, batch, weights, starts, 50)
    connected = batch.effective_connections > 0
    assert np.isnan(returns[connected, 0]).all()
    assert np.isfinite(returns[:, 1]).all()
    assert lengths.max() <= 50


@DISTINCT
@pytest.mark.parametrize("weight", [math.inf, -math.inf, 3e38])
def test_monstrous_weights_agree_too_and_end(case: Case, weight: float) -> None:
    population = evolved(case.dynamics, 20, 12, 9)
    weights, starts = np.full((1, 1), weight, np.float32), case.dynamics.starts(np.array([1]))
    returns, _ = fused(case.dynamics, compile_population(population), weights, starts, 40)
    for index in range(len(population)):
        policy = policies(population, weights, index)[0]
        state, total, steps, over = starts[0], 0.0, 0, False
        while steps < 40 and not over:
            state, reward, over = stepped(case, state, policy.outputs(observed(case, state)))
            total, steps = total + reward, steps + 1
        np.testing.assert_array_equal(returns[index, 0], total)


# --- Whole episodes ---


def able(case: Case) -> NetworkBatch:
    """The best of many networks: most others fail alike, whatever they meet."""
    population, limit = evolved(case.dynamics, 15, 300, 21), limit_of(case)
    starts, weights = case.dynamics.starts(np.arange(1000, 1024)), np.full((24, 1), WEIGHT, np.float32)
    returns, _ = fused(case.dynamics, compile_population(population), weights, starts, limit)
    return compile_population(population.take(np.argsort(-returns.mean(axis=1), kind="stable")[:4]))


def played(
    name: str, batch: NetworkBatch, episodes: int, stepping: str
) -> tuple[ControlTask, NDArray[np.float64], NDArray[np.int32]]:
    """Returns and steps [networks, episodes] of all networks under one weight."""
    task = make_task(task_settings(name, stepping=stepping))
    assert isinstance(task, ControlTask)
    job = task.job(batch.merged, np.array([WEIGHT]), Trial(np.arange(episodes)))
    job.run(0, job.units)
    return task, job.outcome.returns[:, 0], job.outcome.steps[:, 0]


@DISTINCT
def test_networks_earn_on_the_average_what_they_earn_in_gymnasium(case: Case) -> None:
    name, episodes, batch = case.name, 80, able(case)
    task, returns, _ = played(name, batch, episodes, "auto")
    assert task.stepping == "fused"
    assert played(name, batch, 1, "fused")[0].stepping == "fused"
    other, wanted, _ = played(name, batch, episodes, "gymnasium")
    assert other.stepping == "gymnasium"
    # The same seeds: episodes are equal but for roundings, until chaos makes them others.
    away = returns - wanted
    error = away.std(axis=1) / np.sqrt(episodes)
    assert np.all(np.abs(away.mean(axis=1)) <= 4 * error + 1e-4 * (1 + np.abs(wanted).max(axis=1)))


def test_short_episodes_last_as_long_as_in_gymnasium() -> None:
    batch = compile_population(evolved(CASES[1].dynamics, 15, 8, 21))
    _, _, steps = played("CartPole-v1", batch, 100, "auto")
    _, _, wanted = played("CartPole-v1", batch, 100, "gymnasium")
    short = wanted < 100
    assert short.mean() > 0.9
    assert np.mean(steps[short] == wanted[short]) > 0.99


def test_the_shorter_cartpole_is_fused_too() -> None:
    task = make_task(task_settings("CartPole-v0"))
    assert isinstance(task, ControlTask)
    assert (task.stepping, task.episode_limit) == ("fused", 200)
