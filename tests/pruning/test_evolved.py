"""Connections of evolved networks are removed while the mean over shared weights does not fall."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pytest

import wann
from wann.cli import main
from wann.evaluation import BackendSettings, make_evaluator
from wann.network import Network
from wann.pruning.evolved import Shrunk, shrink
from wann.streams import Stream, episode_seeds
from wann.tasks import Trial, make_task, task_settings

CHAMPION: Final = Path(__file__).parents[2] / "results" / "swingup" / "champions" / "swingup-3.json"
Sweeps = tuple[Shrunk, list[tuple[int, int, float]]]
WEIGHTS: Final = np.array([-1.9 + 0.2 * step for step in range(20)])


def mean(network: Network, seed: int) -> float:
    """Mean return over 20 shared weights, each network played alone."""
    assert network.task is not None
    task = make_task(task_settings(network.task))
    with make_evaluator(task, BackendSettings(workers=1)) as evaluator:
        trial = Trial(episode_seeds(seed, Stream.PRUNING_EPISODES, 20))
        return float(evaluator.evaluate(network.batch, WEIGHTS, trial).returns.mean())


@pytest.fixture(scope="module")
def shrunk() -> Sweeps:
    """The champion, shrunk by two threads, and what was shown meanwhile."""
    seen: list[tuple[int, int, float]] = []
    return shrink(wann.load(CHAMPION), seed=1, workers=2, show=lambda *row: seen.append(row)), seen


def test_a_champion_loses_connections_and_earns_no_less(
    shrunk: Sweeps,
) -> None:
    network, (done, seen) = wann.load(CHAMPION), shrunk
    assert done.network.connections < network.connections
    before, after = mean(network, 1), mean(done.network, 1)
    assert (done.before, done.after) == pytest.approx((before, after), rel=1e-6)
    assert after >= before * (1 - 1e-6)
    counts = [connections for _, connections, _ in seen]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == done.network.connections
    assert done.network.task == network.task
    assert abs(done.fresh_after - done.fresh_before) < 0.05 * done.fresh_before


def test_no_single_connection_more_can_go(shrunk: Sweeps) -> None:
    done, network = shrunk[0], shrunk[0].network
    for place in range(network.connections):
        kept = np.arange(network.connections) != place
        less = Network(
            network.inputs, network.outputs, network.activation, network.source[kept], network.target[kept],
            task=network.task,
        )  # fmt: skip
        assert mean(less, 1) < done.before


def test_a_tolerance_removes_more(shrunk: Sweeps) -> None:
    loose = shrink(wann.load(CHAMPION), seed=1, tolerance=60.0)
    assert loose.network.connections < shrunk[0].network.connections
    assert loose.after >= loose.before - 60.0


def test_the_number_of_workers_never_shows(shrunk: Sweeps) -> None:
    one, two = shrink(wann.load(CHAMPION), seed=1, workers=1).network, shrunk[0].network
    assert one.source.tolist() == two.source.tolist()
    assert one.target.tolist() == two.target.tolist()


def test_images_are_classified_as_well_by_less() -> None:
    rng = np.random.default_rng(5)
    source, target = np.nonzero(rng.random((64, 10)) < 0.2)
    network = Network(64, 10, np.ones(10, np.int8), source + 1, target + 65, task="digits")
    done = shrink(network)
    assert 0 < done.network.connections < network.connections
    assert done.after >= done.before


def test_weights_stay_with_their_connections() -> None:
    network = wann.load(CHAMPION)
    marked = network.with_weights((1000 * network.source + network.target).astype(np.float64))
    left = shrink(marked).network
    assert left.weights is not None
    fixed = 1 + left.inputs + left.outputs  # other nodes have other numbers now
    for source, target, weight in zip(left.source, left.target, left.weights, strict=True):
        assert source >= fixed or weight // 1000 == source
        assert target >= fixed or weight % 1000 == target


def test_the_command_writes_what_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["prune", str(CHAMPION), "-o", str(tmp_path / "small.json")])
    assert not ended.value.code
    assert wann.load(tmp_path / "small.json").connections < wann.load(CHAMPION).connections
    assert "sweep 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([str(CHAMPION)], "-o FILE"),
        ([str(CHAMPION), "-o", "small.json", "--set", "a=1"], "--set"),
        ([str(CHAMPION), "-o", "nowhere/small.json"], "nowhere"),
        ([str(CHAMPION), "-o", "small.json", "--tolerance", "-1"], "--tolerance -1"),
        ([str(CHAMPION), "-o", "small.json", "--tolerance", "nan"], "--tolerance nan"),
        ([str(CHAMPION), "-o", "small.json", "--task", "digits"], "digits"),
        (["nothing.json", "-o", "small.json"], "nothing.json"),
        (["c.toml", "--tolerance", "0.1"], "--tolerance"),
        (["c.toml"], "c.toml"),
    ],
)
def test_what_does_not_fit_is_refused(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["prune", *arguments])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert says in said
    assert not list(tmp_path.iterdir())
