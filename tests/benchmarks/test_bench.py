"""The benchmark compares like with like and says what it could not measure; no test looks at times."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracles import swingup
from wann.activations import ACTIVATIONS
from wann.benchmark import Effort, Report, run_benchmark
from wann.benchmark.generation import PHASES, warmed_up
from wann.benchmark.networks import grow, trimmed
from wann.benchmark.published import DenseNetwork, SwingUp, play
from wann.benchmark.rollout import TASK, Race
from wann.benchmark.straight_line import LAYOUTS, CompilerMissing, StraightLine, write_source
from wann.kernels import elementary
from wann.network import Network
from wann.tasks import make_task, task_settings

STEPS = 3  # rollouts are chaotic: float32 and float64 part soon
LITTLE = Effort(
    sizes=(4, 20),
    steps=20,
    populations=(12,),
    growth=3,
    repetitions=2,
    generations=2,
    images=(0, 3),
    image_population=40,
    stepped=(("LunarLander-v3", "gymnasium"), ("LunarLander-v3", "envpool"), ("CartPole-v1", "envpool")),
    stepped_population=2,
)
LEAST = Effort((4,), 5, (8,), 1, 1, 1, stepped=())
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")


def one_of_each() -> Network:
    """Every activation once in a hidden node of its own, between all observations and the output."""
    ids = [activation.id for activation in ACTIVATIONS]
    hidden = range(7, 7 + len(ids))
    edges = [(node % 6, node) for node in hidden] + [(node, 6) for node in hidden]
    ends = np.array(edges, np.int64)
    return Network(5, 1, np.array([1, *ids], np.int8), ends[:, 0], ends[:, 1])


@pytest.mark.parametrize("size", [1, 10, 52, 150, 300])
def test_networks_have_the_size_they_are_asked_for(size: int) -> None:
    network = grow(size, seed=1)
    assert network.connections == network.effective_connections == size
    assert len(network.batch.program.activation) == network.hidden + 1


def test_the_same_seed_grows_the_same_network() -> None:
    first, second, other = grow(30, 5), grow(30, 5), grow(30, 6)
    assert first.source.tolist() == second.source.tolist()
    assert first.activation.tolist() == second.activation.tolist()
    assert first.source.tolist() != other.source.tolist()


def test_large_networks_use_all_published_activations() -> None:
    assert set(range(1, 11)) <= set(grow(300, 0).activation.tolist())


def test_trimming_leaves_the_outputs_as_they_are() -> None:
    ends = np.array([(1, 7), (7, 6), (2, 8), (9, 10), (0, 6)], np.int64)
    whole = Network(5, 1, np.array([1, 5, 3, 5, 4], np.int8), ends[:, 0], ends[:, 1])
    small = trimmed(whole)
    assert (small.hidden, small.connections) == (1, 3)
    rows = np.linspace(-1, 1, 15, dtype=np.float32).reshape(3, 5)
    assert small.policy(1.5).outputs(rows).tolist() == whole.policy(1.5).outputs(rows).tolist()


@given(st.lists(st.floats(-4, 4), min_size=4, max_size=4), st.floats(-2, 2))
def test_the_published_environment_follows_the_formulas(state: list[float], action: float) -> None:
    environment = SwingUp(np.array(state))
    observation, reward, left = environment.step(action)
    expected = swingup.step(swingup.State(*state), action)
    assert environment.state == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert reward == pytest.approx(swingup.reward(expected.x, expected.angle), abs=1e-12)
    assert observation[[0, 1, 4]] == pytest.approx(environment.state[[0, 1, 3]])
    assert left == (abs(expected.x) > 2.4)


def test_a_published_episode_ends_off_the_track() -> None:
    pushing = DenseNetwork.of(Network(5, 1, np.array([1], np.int8), np.array([0]), np.array([6])), 2.0)
    _, length = play(pushing, np.array([2.3, 0.0, 3.0, 0.0]), 1000)
    assert 1 < length < 100


@pytest.mark.parametrize("network", [grow(10, 0), grow(52, 0), one_of_each()], ids=["10", "52", "each"])
def test_kernel_and_published_way_agree(network: Network) -> None:
    race = Race(network)
    assert race.by_kernel(STEPS) == pytest.approx(race.by_published(STEPS), abs=1e-4)


@needs_compiler
@pytest.mark.parametrize("network", [grow(10, 0), grow(52, 0), one_of_each()], ids=["10", "52", "each"])
def test_straight_line_c_agrees(network: Network) -> None:
    race = Race(network)
    race.compile()
    assert set(race.programs) == set(LAYOUTS)
    for layout in race.programs:
        # Faster mathematics may divide by an approximate reciprocal.
        assert race.by_compiled(STEPS, layout) == pytest.approx(race.by_kernel(STEPS), abs=1e-3)


@needs_compiler
def test_loading_the_c_program_leaves_the_process_s_arithmetic_alone() -> None:
    Race(grow(4, 0)).compile()
    assert np.multiply(np.float64(2.0**-1030), 0.5) > 0
    assert np.multiply(np.float32(2.0**-130), np.float32(0.5)) > 0


def test_the_c_program_holds_every_node_and_the_kernel_s_coefficients() -> None:
    network = grow(52, 0)
    for layout in LAYOUTS:
        source = write_source(network, {"step": 0.01, "track": 2.4}, layout)
        assert all(f" v{node}" in source for node in range(6, network.size))
        assert f"S9 = {float(elementary._S9).hex()}f;" in source
        assert f"seconds = {(0.01).hex()}f;" in source


DATA = Path(__file__).parents[2] / "../shared/data"
needs_data = pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")


@pytest.fixture(scope="module")
def report() -> Report:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANN_DATA", str(DATA))
        return run_benchmark(lambda _: None, LITTLE)


def test_the_report_is_plain_json(report: Report) -> None:
    document = json.loads(json.dumps(report.to_json()))
    assert set(document) == {
        "task", "lanes", "machine", "rollouts", "generations", "images", "limits", "stepping", "notes",
    }  # fmt: skip
    assert [row["connections"] for row in document["rollouts"]] == list(LITTLE.sizes)
    assert [row["population"] for row in document["generations"]] == list(LITTLE.populations)
    for row in document["rollouts"]:
        assert {"hidden", "published", "kernel", "compiled", "speedup", "ratio_to_c"} < set(row)
    for row in document["generations"]:
        assert {*PHASES, "seconds", "overhead", "threads", "steps"} < set(row)
        assert row["seconds"] == pytest.approx(sum(row[phase] for phase in PHASES))
        assert 0 < row["overhead"] < 1
    assert document["machine"]["packages"]["numba"]


def test_tables_are_rectangular(report: Report) -> None:
    rollouts, generations, *_ = report.tables()
    assert TASK in rollouts.caption
    for table in report.tables():
        assert table.rows
        assert all(len(row) == len(table.header) for row in table.rows)
    assert len(generations.rows) == len(LITTLE.populations)


@needs_data
def test_images_are_measured_on_populations_of_different_age(report: Report) -> None:
    document = json.loads(json.dumps(report.to_json()))
    assert [row["generation"] for row in document["images"]] == [0, 3]
    first, later = document["images"]
    assert first["saved"] == 0.0 < later["saved"] < 1.0
    for row in document["images"]:
        assert row["speedup"] == pytest.approx(row["published"] / row["kernel"])
        assert row["term"] > 0
        assert row["whole"]["population"] == 40
    assert 0 < document["limits"]["vector"] < document["limits"]["memory"]
    assert len(report.tables()) == 4


def test_the_same_episodes_are_stepped_bare_and_by_networks(report: Report) -> None:
    document = json.loads(json.dumps(report.to_json()))
    assert [(row["task"], row["library"]) for row in document["stepping"]] == list(LITTLE.stepped)
    for row in document["stepping"]:
        assert row["share"] == pytest.approx(row["played"] / row["bare"])
        assert row["steps"] >= 8  # two networks, four weights, at least a step each


def test_an_environment_that_is_not_to_be_had_is_a_note(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("WANN_DATA", str(tmp_path))
    missing = Effort((4,), 5, (8,), 1, 1, 1, stepped=(("Nowhere-v0", "gymnasium"),))
    report = run_benchmark(lambda _: None, missing)
    assert report.stepping == ()
    assert report.notes[-1].startswith("Nowhere-v0 with gymnasium: not measured, task.id: no environment")


def test_without_images_the_rest_is_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANN_DATA", str(tmp_path))
    report = run_benchmark(lambda _: None, LEAST)
    assert report.images == ()
    assert "WANN_DATA" in report.notes[-1]
    assert len(report.tables()) == 2


def test_what_is_being_measured_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WANN_DATA", str(tmp_path))
    said: list[str] = []
    run_benchmark(said.append, LEAST)
    assert said == ["rollout of a network with 4 connections", "generation of 8 networks"]


def test_without_a_compiler_the_columns_are_absent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    report = run_benchmark(lambda _: None, LEAST)
    assert report.rollouts[0].compiled is None
    assert report.to_json()["rollouts"][0]["ratio_to_c"] is None
    assert not any(cell.endswith("C") for cell in report.tables()[0].header)
    assert any("no C compiler" in note for note in report.notes)


def test_a_compiler_that_fails_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CompilerMissing, match="failed"):
        StraightLine.of(grow(4, 0), {"step": 0.01})


def test_warming_up_grows_networks_without_playing() -> None:
    _, search = warmed_up(make_task(task_settings(TASK)), 40, 60)
    assert search.generation == 60
    assert search.steps == search.evaluations == 0
    assert 10 < np.median(search.ask().connections) <= 60
