"""The swing-up environment: Gymnasium's contract, the published formulas, and the fused rollouts."""

from __future__ import annotations

import importlib
import math
import subprocess
import sys
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
import pytest
import wann_envs
from gymnasium.error import Error, ResetNeeded
from gymnasium.utils.env_checker import check_env
from hypothesis import given
from hypothesis import strategies as st
from wann_envs import CartPoleSwingUpEnv, SwingUpDynamics

from tests.oracles import swingup
from wann.genome import MutationSettings, Population, first_population, mutate
from wann.kernels.lanes import LANES
from wann.network import Network, NetworkBatch, Policy, compile_population

if TYPE_CHECKING:
    from numpy.typing import NDArray

IDS = tuple(name for name in wann_envs.ENVIRONMENTS if "CartPole" in name)
SHARED = np.array([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0], np.float32)
WIDEST = 60


def swing_up(name: str = IDS[0], **arguments: Any) -> CartPoleSwingUpEnv:
    environment = gymnasium.make(f"wann_envs:{name}", **arguments).unwrapped
    assert isinstance(environment, CartPoleSwingUpEnv)
    return environment


# --- Gymnasium's contract ---


@pytest.mark.parametrize("name", IDS)
def test_gymnasium_finds_no_fault(name: str) -> None:
    check_env(swing_up(name, render_mode="rgb_array"))


def test_a_fresh_process_makes_it_by_id_alone() -> None:
    code = f"import gymnasium; print(gymnasium.make('wann_envs:{IDS[0]}').spec.id)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == IDS[0]


def test_importing_again_registers_nothing_twice() -> None:
    before = {name: gymnasium.spec(name) for name in IDS}
    importlib.reload(wann_envs)
    assert {name: gymnasium.spec(name) for name in IDS} == before


@pytest.mark.parametrize(("name", "limit", "seconds"), [(IDS[0], 1000, 0.01), (IDS[1], 200, 0.05)])
def test_variants_last_ten_seconds(name: str, limit: int, seconds: float) -> None:
    environment = gymnasium.make(name)
    environment.reset(seed=0)
    rest = np.zeros(1, np.float32)
    ends = [environment.step(rest)[2:4] for _ in range(limit)]
    assert ends[-1] == (False, True)
    assert not any(terminated or truncated for terminated, truncated in ends[:-1])
    unwrapped = environment.unwrapped
    assert isinstance(unwrapped, CartPoleSwingUpEnv)
    assert float(unwrapped.physics.step) == pytest.approx(seconds)
    assert unwrapped.metadata["render_fps"] == round(1 / seconds)


def test_names_are_as_many_as_numbers() -> None:
    environment = swing_up()
    assert environment.observation_space.shape == (len(environment.observation_names),)
    assert environment.action_space.shape == (len(environment.action_names),)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"render_mode": "human"}, r"render_mode is 'human'; .* \['rgb_array'\]"),
        ({"step_seconds": 0.0}, "step_seconds is 0.0; it must be a positive number"),
        ({"step_seconds": math.nan}, "step_seconds is nan"),
        ({"track": math.inf}, "track is inf"),
        ({"force": 1e60}, r"force is 1e\+60"),
        ({"pole_length": 1e-60}, "pole_length is 1e-60"),
        ({"friction": -0.1}, "friction is -0.1; it must be zero or a positive number"),
        ({"gravity": "9.82"}, "gravity is '9.82'"),
        ({"mass": 1.0}, "no constant 'mass'; there are gravity, cart_mass"),
        ({"step": 0.1}, "no constant 'step'"),
    ],
)
def test_bad_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CartPoleSwingUpEnv(**arguments)


def test_constants_may_be_others() -> None:
    environment = swing_up(gravity=0, friction=0, force=2.0)
    environment.reset(options={"state": [0, 0, 0, 0]})
    environment.step(np.ones(1, np.float32))
    assert environment.state is not None
    # (4 F) / (4 M - 3 mp) for an upright pole.
    assert environment.state[1] == pytest.approx(0.01 * 8 / 2.5)


def test_an_action_of_another_shape_is_refused() -> None:
    environment = swing_up()
    environment.reset(seed=0)
    with pytest.raises(ValueError, match=r"shape \(2,\); it must be \(1,\)"):
        environment.step(np.zeros(2, np.float32))


def test_reset_comes_first() -> None:
    environment = CartPoleSwingUpEnv(render_mode="rgb_array")
    with pytest.raises(ResetNeeded):
        environment.step(np.zeros(1, np.float32))
    with pytest.raises(ResetNeeded):
        environment.render()


@pytest.mark.parametrize("state", [[0, 0, 0], [0, 0, math.nan, 0], "up", [[0, 0, 0, 0]], None])
def test_a_bad_first_state_is_refused(state: object) -> None:
    with pytest.raises(ValueError, match="four finite numbers"):
        swing_up().reset(options={"state": state})


def test_an_unknown_option_is_refused() -> None:
    with pytest.raises(ValueError, match="no option 'low'; there is 'state'"):
        swing_up().reset(options={"low": 0.1})


# --- Starts ---


def test_equal_seeds_start_equally_and_others_do_not() -> None:
    environment = swing_up()
    first, again, other = (environment.reset(seed=seed)[0] for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("name", IDS)
def test_starts_are_what_reset_draws(name: str) -> None:
    environment = swing_up(name)
    seeds = np.concatenate([np.arange(200), [2**31 - 1, 2**31, 2**63 - 1]]).astype(np.int64)
    starts = environment.dynamics.starts(seeds)
    assert starts.dtype == np.float32
    assert starts.shape == (203, 4)
    for seed, start in zip(seeds.tolist(), starts, strict=True):
        environment.reset(seed=seed)
        assert environment.state is not None
        assert environment.state.tobytes() == start.tobytes()


def test_starts_scatter_around_a_hanging_pole() -> None:
    starts = swing_up().dynamics.starts(np.arange(4000)).astype(np.float64)
    # Five standard errors: 0.2 / sqrt(4000) of the mean, 0.2 / sqrt(8000) of the deviation.
    assert starts.mean(axis=0) == pytest.approx([0, 0, np.pi, 0], abs=0.016)
    assert starts.std(axis=0) == pytest.approx([0.2] * 4, abs=0.012)


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(Error, match="greater or equal to zero"):
        swing_up().dynamics.starts(np.array([-1]))


# --- Formulas ---


def numbers(size: float) -> st.SearchStrategy[float]:
    return st.floats(-size, size, width=32)


STATES = st.tuples(numbers(2.375), numbers(15), numbers(30), numbers(30))


@given(STATES, numbers(3), st.sampled_from(IDS))
def test_a_step_follows_the_published_formulas(
    numbers: tuple[float, float, float, float], action: float, name: str
) -> None:
    environment, dt = MADE[name]
    environment.reset(options={"state": numbers})
    observation, reward, terminated, truncated, _ = environment.step(np.array([action], np.float32))
    before = swingup.State(*numbers)
    wanted, error = swingup.step(before, action, dt), swingup.step_error(before, dt)
    assert environment.state is not None
    after = swingup.State(*environment.state.tolist())
    assert np.all(np.abs(np.subtract(after, wanted)) <= error)
    close = swingup.angle_error(after.angle)
    seen = [after.x, after.velocity, math.cos(after.angle), math.sin(after.angle), after.spin]
    assert np.all(np.abs(observation - seen) <= [0, 0, close, close, 0])
    # 4e-7 for the cosine of the place, and as much for the roundings.
    assert abs(reward - swingup.reward(after.x, after.angle)) <= close / 2 + 8e-7
    assert terminated == (abs(environment.state[0]) > np.float32(2.4))
    assert truncated is False


def test_cosine_and_sine_never_leave_the_observation_space() -> None:
    environment = swing_up()
    for angle in np.linspace(-600, 600, 20_001).tolist():
        observation, _ = environment.reset(options={"state": [0, 0, angle, 0]})
        assert np.abs(observation[2:4]).max() <= 1


@pytest.mark.parametrize(("side", "push"), [(1, 1), (-1, -1)])
def test_the_episode_ends_beyond_the_track(side: int, push: int) -> None:
    environment = swing_up()
    environment.reset(options={"state": [side * 2.3, 0, np.pi, 0]})
    action = np.array([push], np.float32)
    for _ in range(100):
        _, reward, terminated, _, _ = environment.step(action)
        assert environment.state is not None
        assert terminated == (abs(environment.state[0]) > np.float32(2.4))
        if terminated:
            break
    assert terminated
    assert reward == pytest.approx(0, abs=0.02)


def test_an_upright_pole_in_the_middle_is_worth_one() -> None:
    environment = swing_up()
    environment.reset(options={"state": [0, 0, 0, 0]})
    assert environment.step(np.zeros(1, np.float32))[1] == pytest.approx(1, abs=1e-6)


def test_actions_are_clipped() -> None:
    environment = swing_up()
    ends = []
    for action in (1.0, 7.0, math.inf):
        environment.reset(seed=5)
        ends.append(environment.step(np.array([action], np.float32))[0].tobytes())
    assert ends[0] == ends[1] == ends[2]


# --- An exact episode ---

GOLDEN = {
    IDS[0]: (
        [-0.10288915038108826, -0.5947616100311279, 3.3098318576812744, 0.9343562126159668],
        0.08291725673571193,
    ),
    IDS[1]: (
        [-2.03212833404541, -1.3191180229187012, 3.815314292907715, -9.08210563659668],
        4.309309074975317,
    ),
}


@pytest.mark.parametrize("name", IDS)
def test_a_seeded_episode_is_exactly_as_it_was(name: str) -> None:
    environment = swing_up(name)
    environment.reset(seed=7)
    total = 0.0
    for number in range(40):
        total += environment.step(np.array([(-1.5, 0.25, 1.0, -0.5)[number // 3 % 4]], np.float32))[1]
    assert environment.state is not None
    assert (environment.state.tolist(), total) == GOLDEN[name]


# --- Fused rollouts ---


def evolved(generations: int, size: int, seed: int) -> Population:
    """Networks after some generations of mutation without selection."""
    random = np.random.default_rng(seed)
    population = first_population(5, 1, size, 0.5, random)
    newest = population.newest_node
    roulette = MutationSettings(add_node=0.4, add_connection=0.4)
    for generation in range(generations):
        parents = random.integers(0, size, size)
        population, newest = mutate(population, parents, roulette, newest, seed, generation)
    return population


def fused(
    dynamics: SwingUpDynamics,
    batch: NetworkBatch,
    weights: NDArray[np.float32],
    starts: NDArray[np.float32],
    limit: int,
    cuts: tuple[int, ...] = (),
) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    shape = (len(batch), len(starts))
    returns, lengths = np.full(shape, -1.0), np.full(shape, -1, np.int32)
    units = len(batch) * -(-len(starts) // LANES)
    for begin, end in pairwise((0, *cuts, units)):
        program = batch.merged if weights.shape[1] == 1 else batch.program
        dynamics.rollout(limit, program, weights, starts, begin, end, returns, lengths)
    return returns, lengths


def stepped(environment: CartPoleSwingUpEnv, policy: Policy, seed: int, limit: int) -> tuple[float, int]:
    observation, _ = environment.reset(seed=seed)
    total = 0.0
    for played in range(limit):
        observation, reward, terminated, _, _ = environment.step(policy.outputs(observation))
        total += reward
        if terminated:
            return total, played + 1
    return total, limit


def policies(population: Population, weights: NDArray[np.float32], index: int) -> list[Policy]:
    """One network's policy for each lane."""
    network = Network.of_genome(population, index)
    if weights.shape[1] == 1:
        return [network.policy(float(weight)) for weight in weights[:, 0]]
    first = int(population.connections[:index].sum())
    own = weights[:, first : first + network.connections].astype(np.float64)
    return [network.with_weights(row).policy() for row in own]


def table(population: Population, kind: str, lanes: int, seed: int) -> NDArray[np.float32]:
    if kind == "shared":
        return np.resize(SHARED, (lanes, 1))
    random = np.random.default_rng(seed)
    return random.uniform(-2, 2, (lanes, population.connections.sum())).astype(np.float32)


def assert_agree(
    environment: CartPoleSwingUpEnv, population: Population, kind: str, lanes: int, limit: int
) -> None:
    batch = compile_population(population)
    weights, seeds = table(population, kind, lanes, 11), np.arange(100, 100 + lanes)
    starts = environment.dynamics.starts(seeds)
    returns, lengths = fused(environment.dynamics, batch, weights, starts, limit)
    for index in range(len(population)):
        found = [
            stepped(environment, policy, seed, limit)
            for policy, seed in zip(policies(population, weights, index), seeds.tolist(), strict=True)
        ]
        np.testing.assert_array_equal(returns[index], [total for total, _ in found])
        np.testing.assert_array_equal(lengths[index], [steps for _, steps in found])


MADE = {IDS[0]: (swing_up(IDS[0]), 0.01), IDS[1]: (swing_up(IDS[1]), 0.05)}


@pytest.mark.parametrize("kind", ["shared", "own"])
@pytest.mark.parametrize("generations", [0, 3, 10, 30, 90])
def test_many_networks_score_the_same_fused_as_stepped(generations: int, kind: str) -> None:
    assert_agree(MADE[IDS[0]][0], evolved(generations, 48, generations), kind, 6, 60)


@pytest.mark.parametrize("kind", ["shared", "own"])
def test_whole_episodes_score_the_same_fused_as_stepped(kind: str) -> None:
    assert_agree(MADE[IDS[0]][0], evolved(40, 6, 1), kind, 6, 1000)


@pytest.mark.parametrize("kind", ["shared", "own"])
def test_the_hard_variant_scores_the_same_fused_as_stepped(kind: str) -> None:
    assert_agree(MADE[IDS[1]][0], evolved(40, 12, 2), kind, 6, 200)


@pytest.mark.parametrize("kind", ["shared", "own"])
@pytest.mark.parametrize("lanes", [1, 5, 24, 25, WIDEST])
def test_any_number_of_lanes_will_do(lanes: int, kind: str) -> None:
    assert_agree(MADE[IDS[0]][0], evolved(20, 5, 3), kind, lanes, 50)


@given(st.lists(st.integers(0, 48 * 3), max_size=6), st.sampled_from(["shared", "own"]))
def test_units_may_be_split_anywhere(cuts: list[int], kind: str) -> None:
    dynamics, population = MADE[IDS[0]][0].dynamics, evolved(20, 48, 4)
    batch, weights = compile_population(population), table(population, kind, WIDEST, 5)
    starts = dynamics.starts(np.arange(WIDEST))
    whole = fused(dynamics, batch, weights, starts, 100)
    parts = fused(dynamics, batch, weights, starts, 100, tuple(sorted(cuts)))
    assert [array.tobytes() for array in parts] == [array.tobytes() for array in whole]


def test_a_unit_touches_only_its_own_results() -> None:
    dynamics, population = MADE[IDS[0]][0].dynamics, evolved(5, 4, 6)
    returns, lengths = np.full((4, 30), -7.0), np.full((4, 30), -7, np.int32)
    starts, program = dynamics.starts(np.arange(30)), compile_population(population).program
    # Two tiles a network: unit 3 is the second tile of the second network.
    dynamics.rollout(9, program, table(population, "shared", 30, 0), starts, 3, 4, returns, lengths)
    done = np.zeros((4, 30), np.bool_)
    done[1, LANES:] = True
    assert np.array_equal(lengths > 0, done)
    assert np.array_equal(returns != -7.0, done)


def test_arrays_that_do_not_fit_are_refused() -> None:
    dynamics, population = MADE[IDS[0]][0].dynamics, evolved(5, 4, 6)
    program, starts = compile_population(population).program, dynamics.starts(np.arange(30))
    own = table(population, "own", 30, 0)
    room = np.empty((4, 30)), np.empty((4, 30), np.int32)
    with pytest.raises(ValueError, match="weights has shape"):
        dynamics.rollout(9, program, own[:29], starts, 0, 8, *room)
    with pytest.raises(ValueError, match="weights has shape"):
        dynamics.rollout(9, program, own[:, :3], starts, 0, 8, *room)
    with pytest.raises(ValueError, match="weights has shape"):
        dynamics.rollout(9, program, own[:, 0], starts, 0, 8, *room)
    with pytest.raises(ValueError, match=r"starts has shape \(30, 3\); it must be \(30, 4\)"):
        dynamics.rollout(9, program, own, starts[:, :3], 0, 8, *room)
    with pytest.raises(ValueError, match="returns has shape"):
        dynamics.rollout(9, program, own, starts, 0, 8, room[0][:3], room[1])
    with pytest.raises(ValueError, match="lengths has shape"):
        dynamics.rollout(9, program, own, starts, 0, 8, room[0], room[1][:, :29])
    with pytest.raises(ValueError, match=r"units \[0, 9\) of 8"):
        dynamics.rollout(9, program, own, starts, 0, 9, *room)
    other = compile_population(first_population(3, 1, 4, 1.0, np.random.default_rng(0))).program
    with pytest.raises(ValueError, match="3 inputs"):
        dynamics.rollout(9, other, own, starts, 0, 8, *room)


# --- What is not a number ---


def test_a_nan_action_spoils_the_return_and_nothing_else() -> None:
    environment = swing_up(render_mode="rgb_array")
    environment.reset(seed=0)
    nan = np.array([math.nan], np.float32)
    total = 0.0
    for _ in range(50):
        _, reward, terminated, truncated, _ = environment.step(nan)
        total += reward
        assert not terminated
        assert not truncated
    assert not math.isfinite(total)
    frame = environment.render()
    assert frame is not None
    assert frame.shape == (400, 600, 3)


@pytest.mark.parametrize("weight", [math.nan, math.inf, -math.inf, 3e38])
def test_monstrous_weights_agree_too_and_end(weight: float) -> None:
    environment, population = MADE[IDS[0]][0], evolved(30, 24, 8)
    batch = compile_population(population)
    weights = np.full((2, 1), weight, np.float32)
    seeds = np.array([1, 2])
    starts = environment.dynamics.starts(seeds)
    returns, lengths = fused(environment.dynamics, batch, weights, starts, 80)
    assert lengths.max() <= 80
    if math.isnan(weight):
        connected = batch.effective_connections > 0
        assert not np.isfinite(returns[connected]).all()
    for index in range(len(population)):
        policy = Network.of_genome(population, index).policy(weight)
        for lane, seed in enumerate(seeds.tolist()):
            total, steps = stepped(environment, policy, seed, 80)
            np.testing.assert_array_equal(returns[index, lane], total)
            assert lengths[index, lane] == steps


# --- Pictures ---


def picture(state: list[float], action: float | None = None, **constants: float) -> NDArray[np.uint8]:
    environment = CartPoleSwingUpEnv("rgb_array", **constants)
    environment.reset(options={"state": state})
    if action is not None:
        environment.step(np.array([action], np.float32))
    frame = environment.render()
    assert frame is not None
    return frame


def test_frames_show_where_everything_is() -> None:
    hanging = picture([0, 0, np.pi, 0])
    assert hanging.dtype == np.uint8
    assert hanging.shape == (400, 600, 3)
    assert np.array_equal(hanging, picture([0, 0, np.pi, 0]))
    others: list[list[float]] = [[0, 0, 0, 0], [1, 0, np.pi, 0], [0, 0, np.pi - 0.2, 0], [-1, 0, np.pi, 0]]
    assert all(not np.array_equal(hanging, picture(state)) for state in others)


def test_a_mirrored_state_gives_a_mirrored_frame() -> None:
    right = picture([1, 0, 0.7, 0]).astype(np.int64)
    left = picture([-1, 0, -0.7, 0]).astype(np.int64)
    assert np.abs(right - left[:, ::-1]).max() <= 1


def test_a_positive_angle_leans_to_the_left() -> None:
    upright, leaning = picture([0, 0, 0, 0]).astype(np.int64), picture([0, 0, 1, 0]).astype(np.int64)
    changed = np.abs(leaning - upright).sum(axis=2)
    assert changed[:, :280].any()
    assert not changed[:, 320:].any()


def test_the_force_is_seen() -> None:
    still, pushed = picture([0, 0, np.pi, 0], 0.0), picture([0, 0, np.pi, 0], 1.0)
    assert not np.array_equal(still, pushed)


@pytest.mark.parametrize("state", [[50, 0, 1, 0], [1e30, 0, 1e30, 0], [-2.4, 0, np.pi / 2, 0]])
def test_a_cart_out_of_the_picture_does_no_harm(state: list[float]) -> None:
    assert picture(state).shape == (400, 600, 3)


def test_other_sizes_fit_the_frame() -> None:
    tall = picture([0, 0, 0, 0], pole_length=3.0)
    wide = picture([0, 0, 0, 0], track=20.0)
    for frame in (tall, wide):
        assert np.array_equal(frame[0], frame[-1]), "only paper at the upper and lower edge"
        assert not np.array_equal(frame[:, 290:310], frame[:, 280:300]), "a cart in the middle"


def test_without_a_render_mode_a_warning_says_so() -> None:
    environment = CartPoleSwingUpEnv()
    environment.reset(seed=0)
    with pytest.warns(UserWarning, match="render mode"):
        assert environment.render() is None
