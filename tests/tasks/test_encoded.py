"""Environments of images are tasks by an encoder; what was found there works from its files alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import gymnasium
import numpy as np
import pytest

import wann
from tests.encoding.samples import HERE, halves, random_encoder
from tests.tasks.environments import here
from tests.tasks.test_stepping import TRIAL, WEIGHTS, networks, play, task
from wann import api
from wann.encoding import ConvolutionalEncoder, encoder_bytes
from wann.errors import BadInput
from wann.evaluation import ProcessEvaluator
from wann.network import Network, compile_population
from wann.tasks import ControlTask, Trial

pytestmark = pytest.mark.usefixtures("_forked", "_no_report")

SPOT: Final = here("Spot")
SEARCH: Final[dict[str, Any]] = {
    "task": {"id": SPOT, "episodes": 2, "normalise": True},
    "weights": {"values": [1.0, 2.0]},
    "search": {"population": 32, "generations": 6, "tournament": 3, "champion_episodes": 2, "enabled": 0.3},
    "backend": {"workers": 1},
}


@pytest.fixture
def encoder(tmp_path: Path) -> str:
    """The file of an encoder for the spot."""
    path = tmp_path / "spot.npz"
    path.write_bytes(encoder_bytes(random_encoder()))
    return str(path)


def searched(folder: Path, **given: Any) -> wann.Run:
    config = {**SEARCH, "task": {**SEARCH["task"], **given}}
    return wann.search(config, run=folder)


def earned(
    problem: ControlTask, network: Network, weight: float, seed: int, *, last_counts: bool = True
) -> float:
    """The return of a plain loop, whose every action is repeated."""
    environment = gymnasium.make(problem.id, disable_env_checker=True)
    policy = network.policy(weight, environment=environment, trust=[HERE])
    observation, _ = environment.reset(seed=seed)
    total, over = 0.0, False
    while not over:
        action = policy(observation)
        for _ in range(policy.frame_skip):
            observation, reward, terminated, truncated, _ = environment.step(action)
            total += float(reward) if last_counts or not terminated else 0.0
            if over := terminated or truncated:
                break
    return total


ENCODERS: Final = ("pixels:2x3", "pixels:2x2x3", f"{HERE}:brightness", "file")


@pytest.mark.parametrize("name", ["Spot", "SpotNumbers", "SpotParts"])
@pytest.mark.parametrize("how", ENCODERS)
def test_returns_are_those_of_a_plain_loop(name: str, how: str, encoder: str) -> None:
    for skip in (1, 5):
        given = {"encoder": encoder if how == "file" else how, "frame_skip": skip}
        if how == "file" and name != "Spot":
            path = Path(encoder).with_name(f"{name}.npz")
            path.write_bytes(encoder_bytes(random_encoder(task=f"tests/{name}-v0")))
            given["encoder"] = str(path)
        problem = task(here(name), **given)
        outcome = play(problem)
        assert (outcome.steps == 12).all()
        for index, network in enumerate(networks(problem)):
            for row, weight in enumerate(WEIGHTS.tolist()):
                for episode, seed in enumerate(TRIAL.seeds.tolist()):
                    wanted = earned(problem, network, weight, seed)
                    np.testing.assert_allclose(outcome.returns[index, row, episode], wanted, atol=1e-6)
        assert len(np.unique(outcome.returns)) > 6


@pytest.mark.parametrize("how", ENCODERS)
def test_processes_give_the_same_bytes(how: str, encoder: str) -> None:
    problem = task(SPOT, encoder=encoder if how == "file" else how, frame_skip=2, lanes=5)
    batch = compile_population(*[networks(problem)[0].population])
    with ProcessEvaluator(problem, 2) as evaluator:
        there = evaluator.evaluate(batch, WEIGHTS, TRIAL).returns
    for lanes in (1, 4, None):
        other = task(SPOT, encoder=encoder if how == "file" else how, frame_skip=2, lanes=lanes)
        assert play(other, [networks(problem)[0]]).returns.tobytes() == there.tobytes()


def test_the_last_reward_alone_is_left_out_where_it_does_not_count() -> None:
    problem = task(here("Ends"), frame_skip=3, terminal_reward=False)
    outcome = play(problem)
    assert (outcome.steps == 5).all()  # it ends in the second step of the second action
    for index, network in enumerate(networks(problem)):
        for row, weight in enumerate(WEIGHTS.tolist()):
            for episode, seed in enumerate(TRIAL.seeds.tolist()):
                wanted = earned(problem, network, weight, seed, last_counts=False)
                np.testing.assert_allclose(outcome.returns[index, row, episode], wanted, rtol=1e-6)


@pytest.mark.parametrize("skip", [1, 2, 5, 100])
def test_limits_count_the_steps_of_the_environment(skip: int) -> None:
    problem = task(here("Sums"), frame_skip=skip, episode_limit=7)
    assert (play(problem).steps == 7).all()


@pytest.mark.parametrize("how", ["pixels:1x2", "file", f"{HERE}:brightness"])
def test_a_short_search_finds_the_spot(how: str, tmp_path: Path) -> None:
    (tmp_path / "halves.npz").write_bytes(encoder_bytes(halves()))
    run = searched(tmp_path / "run", encoder=str(tmp_path / "halves.npz") if how == "file" else how)
    assert run.metrics["best_mean"][-1] > 9  # of 12; by chance 0
    (score,) = wann.evaluate(run.champion, weight=1.0, episodes=20, trust=["tests"], workers=1)
    assert score.mean > 9


def test_a_run_needs_neither_the_encoders_file_nor_its_folder(encoder: str, tmp_path: Path) -> None:
    whole = searched(tmp_path / "whole", encoder=encoder)
    begun = wann.search(
        {**SEARCH, "task": {**SEARCH["task"], "encoder": encoder}}, run=tmp_path / "begun", generations=3
    )
    Path(encoder).unlink()
    assert isinstance(begun.champion.interface, wann.network.Interface)
    moved = tmp_path / "moved"
    shutil.move(begun.folder, moved)
    again = wann.resume(moved, generations=6, trust=["tests"])
    for name in ("champion.json", "metrics.csv"):
        assert (again.folder / name).read_bytes() == (whole.folder / name).read_bytes()
    assert again.front[0].network.interface is not None
    assert isinstance(again.front[0].network.interface.encoder, ConvolutionalEncoder)


def test_a_champion_and_its_encoder_are_enough(encoder: str, tmp_path: Path) -> None:
    run = searched(tmp_path / "run", encoder=encoder, frame_skip=2)
    (before,) = wann.evaluate(run.champion, weight=1.0, episodes=5, trust=["tests"], workers=1)
    kept = tmp_path / "kept"
    kept.mkdir()
    wann.save(run.champion, kept / "spot.json")
    shutil.rmtree(run.folder)
    network = wann.load(kept / "spot.json")
    assert [path.name for path in kept.iterdir() if path.suffix == ".npz"] == [random_encoder().name]
    (after,) = wann.evaluate(network, weight=1.0, episodes=5, trust=["tests"], workers=1)
    assert after == before
    assert network.policy(1.0).frame_skip == 2
    wann.save(network, kept / "again.json")
    assert (kept / "again.json").read_bytes() == (kept / "spot.json").read_bytes()


def orphan(folder: Path, encoder: str, spoil: Callable[[Path], object]) -> Network:
    """The champion of a short search, whose encoder has met something."""
    searched(folder / "run", encoder=encoder)
    (path,) = (folder / "run").glob("encoder-*.npz")
    spoil(path)
    return wann.load(folder / "run")


SPOILT: Final[dict[str, tuple[Callable[[Path], object], str]]] = {
    "missing": (lambda path: path.unlink(), "is not in"),
    "cut short": (lambda path: path.write_bytes(path.read_bytes()[:900]), "not an encoder"),
    "another one": (
        lambda path: path.write_bytes(encoder_bytes(random_encoder(1))),
        "an encoder with the digest",
    ),
}


@pytest.mark.parametrize(("spoil", "says"), SPOILT.values(), ids=SPOILT)
def test_without_its_encoder_a_network_can_be_looked_at_but_not_played(
    spoil: Callable[[Path], object], says: str, encoder: str, tmp_path: Path
) -> None:
    network = orphan(tmp_path, encoder, spoil)
    wann.show(network, tmp_path / "n.svg")
    wann.save(network, tmp_path / "n.json")
    document = json.loads((tmp_path / "n.json").read_text())
    assert document["interface"]["encoder"] == {
        "name": random_encoder().name,
        "digest": random_encoder().digest,
    }
    with pytest.raises(BadInput, match=says):
        wann.evaluate(network, weight=1.0, trust=["tests"])
    with pytest.raises(BadInput, match=says):
        network.policy(1.0)(np.zeros((12, 12, 3), np.uint8))


def test_a_function_in_a_file_is_imported_only_by_trust(tmp_path: Path) -> None:
    run = searched(tmp_path / "run", encoder=f"{HERE}:brightness")
    assert run.champion.interface is not None
    dark = np.zeros((12, 12, 3), np.uint8)
    for needs in (
        lambda: run.champion.policy(1.0)(dark),
        lambda: wann.evaluate(run.champion, weight=1.0, trust=["tests.tasks"]),
        lambda: wann.resume(run.folder, generations=8, trust=["tests.tasks"]),
        lambda: wann.evaluate(run.champion, weight=1.0, task=SPOT),
    ):
        with pytest.raises(BadInput, match=f"{HERE}: not a trusted module"):
            needs()
    assert run.champion.policy(1.0, trust=[HERE])(dark).shape == (1,)
    assert wann.evaluate(run.champion, weight=1.0, episodes=3, trust=["tests"], workers=1)
    assert api.resume_needs(run.folder) == {"trust": ["tests.tasks.environments", HERE]}


def test_parts_that_are_no_images_are_read_beside_them_and_texts_are_not() -> None:
    problem = task(here("SpotParts"), encoder="pixels:1x2")
    assert problem.input_names == ("count 1", "count 2", "count 3", "image pixel 1", "image pixel 2")
    network = networks(problem)[0]
    policy = network.policy(1.0)
    environment = gymnasium.make(problem.id, disable_env_checker=True)
    policy.check(environment)
    observation, _ = environment.reset(seed=3)
    batch = {
        "count": np.array([observation["count"]] * 2),
        "image": np.stack([observation["image"]] * 2),
        "mission": ("a", "b"),
    }
    alone, together = policy(observation), policy(batch)
    assert together.tolist() == [alone.tolist()] * 2
    chosen = task(here("SpotParts"), encoder="pixels:1x2", observe=(4, 0), normalise=True)
    assert chosen.input_names == ("image pixel 2", "count 1")
    assert chosen.inputs == 2
    np.testing.assert_allclose(chosen.interface.mean[0], 1 / 144, rtol=0.5)


def test_predict_repeats_actions_by_its_state() -> None:
    problem = task(SPOT, encoder="pixels:1x2", frame_skip=5)
    network = networks(problem)[0]
    policy, environment = network.policy(1.0), gymnasium.make(SPOT, disable_env_checker=True)
    total, state = 0.0, None
    for seed in (4, 5):
        observation, _ = environment.reset(seed=seed)
        over, begins = False, True
        while not over:
            (action,), state = policy.predict(observation[None], state, np.array([begins]))
            observation, reward, terminated, truncated, _ = environment.step(action)
            total, over, begins = total + float(reward), terminated or truncated, False
    wanted = sum(earned(problem, network, 1.0, seed) for seed in (4, 5))
    np.testing.assert_allclose(total, wanted, atol=1e-6)


def test_a_video_repeats_actions_too(tmp_path: Path) -> None:
    problem = task(SPOT, encoder="pixels:1x2", frame_skip=5)
    network = networks(problem)[0]
    (total,) = wann.video(network, tmp_path / "spot.gif", weight=1.0, seed=4, trust=["tests"])
    np.testing.assert_allclose(total, earned(problem, network, 1.0, 4), atol=1e-6)


FRONT: Final = 4 + 3 * (7 * 3 + 5) + 1  # the colour of what is before the agent, after four directions


def test_a_grid_of_symbols_beside_a_text_is_walked_to_its_end(tmp_path: Path) -> None:
    config = {
        "task": {
            "id": "minigrid:MiniGrid-Empty-5x5-v0",
            "encoder": "pixels:7x7x3",
            "episode_limit": 12,
            "episodes": 1,
            "reuse": True,
            "observe": [FRONT, 0],
            "normalise": True,
        },
        "weights": {"values": [1.0]},
        "search": {"population": 256, "generations": 3, "champion_episodes": 1, "enabled": 0.2},
        "backend": {"workers": 1},
    }
    run = wann.search(config, run=tmp_path / "run")
    assert run.metrics["best_mean"][-1] > 0.9  # the goal is reached
    environment = gymnasium.make("MiniGrid-Empty-5x5-v0")
    policy, total, over = run.champion.policy(1.0, environment=environment), 0.0, False
    observation, _ = environment.reset(seed=7)
    while not over and total == 0.0:
        observation, reward, over, _, _ = environment.step(policy(observation))
        total += float(reward)
    assert total > 0.9


def test_an_atari_game_is_played_from_its_screen(tmp_path: Path) -> None:
    config = {
        "task": {
            "id": "ale_py:ALE/Breakout-v5",
            "encoder": "pixels:10x8",
            "frame_skip": 2,
            "episode_limit": 24,
            "episodes": 1,
            "reuse": True,
            "kwargs": {"obs_type": "grayscale"},
        },
        "weights": {"values": [1.0, 2.0]},
        "search": {"population": 6, "generations": 2, "tournament": 2, "champion_episodes": 1},
        "backend": {"workers": 1},
    }
    run = wann.search(config, run=tmp_path / "run")
    assert run.metrics["steps"].tolist()[-1] == 2 * 6 * 2 * 24
    assert (run.champion.inputs, run.champion.outputs) == (80, 4)
    environment = gymnasium.make("ALE/Breakout-v5", obs_type="grayscale")
    policy = run.champion.policy(1.0, environment=environment)
    observation, _ = environment.reset(seed=1)
    assert policy(observation) in range(4)
    frames = np.stack([observation, 255 - observation])
    assert policy(frames).tolist() == [policy(frame) for frame in frames]


def test_cars_of_both_libraries_start_alike_and_are_encoded_alike() -> None:
    there, here_too = (
        task("CarRacing-v3", encoder="pixels:4x4", stepping=way, frame_skip=4)
        for way in ("envpool", "gymnasium")
    )
    assert there.interface == here_too.interface
    assert (
        (there.episode_limit, there.threshold) == (here_too.episode_limit, here_too.threshold) == (1000, 900)
    )
    assert there.output_names == ("steering", "gas", "brake")
    seeds = np.arange(4)
    seen = []
    for problem in (there, here_too):
        lanes = problem.world.open(seeds)
        straight = np.tile(np.array([0.0, 0.5, 0.0], np.float32), (4, 1))
        rewards = []
        for _ in range(10):
            done = lanes.step(straight, np.full(4, 4))
            rewards.append(done.before + done.last)
            assert (done.steps == 4).all()
            assert not (done.terminated | done.truncated).any()
        seen.append((np.mean(rewards), problem.interface.encoded(lanes.observations).mean(axis=0)))
        lanes.close()
    (earned_there, pixels_there), (earned_here, pixels_here) = seen
    assert 0.2 < earned_there == pytest.approx(earned_here, abs=0.7)  # tiles by chance, but at equal speed
    np.testing.assert_allclose(pixels_there, pixels_here, atol=0.12)


@pytest.mark.slow
def test_cars_of_both_libraries_earn_the_same() -> None:
    returns = []
    for way in ("envpool", "gymnasium"):
        problem = task("CarRacing-v3", encoder="pixels:1x1", stepping=way, frame_skip=4, episode_limit=90)
        # Full gas, no brake: the bias, and the bias inverted.
        outputs, ends = np.array([1, 1, 7], np.int8), (np.array([0, 0]), np.array([3, 4]))
        straight = Network(1, 3, outputs, *ends, task=problem.id, interface=problem.interface)
        trial = Trial(np.arange(40))
        returns.append(play(problem, [straight], np.array([1.0]), trial).returns.ravel())
    difference = abs(returns[0].mean() - returns[1].mean())
    assert difference < 3 * np.sqrt((returns[0].var() + returns[1].var()) / 40)
    assert returns[0].mean() > 10
