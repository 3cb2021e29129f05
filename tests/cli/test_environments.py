"""Commands on environments: search, judge, film and tune them, whatever computes them."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import imageio.v3 as imageio
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.tasks.environments import LIMIT, here, total
from wann import api
from wann.cli import main
from wann.evaluation import LocalEvaluator
from wann.genome import first_population
from wann.network import Network
from wann.tasks import ControlTask, make_task, task_settings
from wann.trust import BY_HAND

pytestmark = pytest.mark.usefixtures("_forked")

CONFIG = """\
[task]
id = "LunarLander-v3"
stepping = "gymnasium"
episodes = 2
episode_limit = 40
[weights]
values = [-1.0, 1.5]
[search]
population = 10
generations = 3
tournament = 2
champion_episodes = 2
"""
STILL = 16
"""Frames of a film of ``Sums`` that show the end of an episode."""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.toml").write_text(CONFIG, encoding="utf-8")


@pytest.fixture(autouse=True)
def _in_this_process(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Environments are stepped here, which is faster, where their processes prove nothing."""
    if "change" not in request.fixturenames:
        monkeypatch.setattr("wann.evaluation.ProcessEvaluator", lambda task, *_: LocalEvaluator(task, 1))


def network(seed: int = 0) -> Network:
    return Network.of_genome(first_population(3, 2, 1, 0.8, np.random.default_rng(seed)), 0)


def run(arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """What a command prints and says when all goes well."""
    with pytest.raises(SystemExit) as ending:
        main(arguments.split())
    output = capsys.readouterr()
    assert ending.value.code == 0, output.err
    return output.out, output.err


# Search.


@pytest.mark.usefixtures("_no_report")
@pytest.mark.parametrize("change", ["--workers 1 --set task.lanes=1", "--workers 2 --set task.lanes=3"])
def test_neither_workers_nor_lanes_show_in_a_search(change: str, capsys: pytest.CaptureFixture[str]) -> None:
    run("search c.toml --run one --workers 1", capsys)
    run(f"search c.toml --run other {change}", capsys)
    for name in ("metrics.csv", "champion.json"):
        assert Path("one", name).read_bytes() == Path("other", name).read_bytes()
    assert 'stepping = "gymnasium"' in Path("one/config.toml").read_text(encoding="utf-8")


@pytest.mark.usefixtures("_no_report")
def test_what_stands_between_a_champion_and_its_environment_is_kept(
    capsys: pytest.CaptureFixture[str],
) -> None:
    how = "--workers 1 --set task.normalise=true --set task.observe=[0,1,4,6] --set task.stepping=auto"
    run(f"search c.toml --run whole {how}", capsys)
    run(f"search c.toml --run cut --generations 1 {how}", capsys)
    run("resume cut --generations 3", capsys)
    assert Path("whole/champion.json").read_bytes() == Path("cut/champion.json").read_bytes()
    document = json.loads(Path("whole/champion.json").read_text(encoding="utf-8"))
    assert document["inputs"] == 4
    assert document["interface"]["observe"] == [0, 1, 4, 6]
    assert len(document["interface"]["mean"]) == len(document["interface"]["std"]) == 4
    assert 'stepping = "envpool"' in Path("whole/config.toml").read_text(encoding="utf-8")
    run("evaluate whole --weight 1 --episodes 2 --workers 1", capsys)


@pytest.mark.usefixtures("_no_report")
def test_networks_that_an_environment_fails_for_are_kept_and_ranked_last(
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = f"--set task.id={here('LoudFails')} --set weights.values=[1.0] --set task.stepping=auto"
    said = run(f"search c.toml --run r --workers 1 {settings}", capsys)[1]
    assert re.search(
        r"networks? of generation 0 could not be evaluated \(.*too loud\)\); see r/failures", said
    )
    failures = sorted(Path("r/failures").iterdir())
    assert failures
    assert "OverflowError: too loud" in str(api.load(failures[0]).provenance["failure"])
    with Path("r/metrics.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert int(rows[0]["failed"]) == sum(path.name.startswith("00000000-") for path in failures) < 10
    assert np.isfinite(float(rows[-1]["best_mean"]))


# Judging.


def test_several_seeds_are_several_judgements(capsys: pytest.CaptureFixture[str]) -> None:
    api.save(network(), "n.json")
    judge = f"evaluate n.json --task {here('Sums')} --weight 0.5 --episodes 7 --workers 1"
    together = json.loads(run(f"{judge} --seed 4 --seeds 3 --json", capsys)[0])["conditions"]
    apart = [
        json.loads(run(f"{judge} --seed {seed} --json", capsys)[0])["conditions"][0] for seed in (4, 5, 6)
    ]
    assert together == apart
    assert [score["seed"] for score in together] == [4, 5, 6]
    assert len({score["mean"] for score in together}) == 3
    table = run(f"{judge} --seed 4 --seeds 3", capsys)[0]
    assert "seeds 4 to 6" in table
    assert re.findall(r"(?m)^ *([4-6]) ", table) == ["4", "5", "6"]


def test_a_success_is_told_where_there_is_a_threshold(capsys: pytest.CaptureFixture[str]) -> None:
    lander = Network.of_genome(first_population(8, 4, 1, 0.5, np.random.default_rng(0)), 0)
    api.save(lander, "n.json")
    judge = "evaluate n.json --task LunarLander-v3 --weight 1 --episodes 3"
    score = json.loads(run(f"{judge} --json", capsys)[0])["conditions"][0]
    assert (score["threshold"], score["episodes"]) == (200.0, 3)
    assert 0 <= score["success"] <= 1
    assert "success (>= 200)" in run(judge, capsys)[0]


# Films.


def film(name: str, path: str, episodes: int, capsys: pytest.CaptureFixture[str]) -> str:
    api.save(network(), "n.json")
    judge = f"evaluate n.json --task {here(name)} --weight 0.5 --episodes 2 --workers 1 --seed 3"
    return run(f"{judge} --video {path} --video-episodes {episodes}", capsys)[1]


def places(frames: NDArray[np.uint8]) -> list[int]:
    """Where the dark block of ``Sums`` begins in each frame, in its own pixels."""
    return [int(np.flatnonzero(frame[len(frame) // 2, :, 0] < 128)[0]) // 10 for frame in frames]


@pytest.mark.parametrize("episodes", [1, 3])
def test_an_mp4_moves_through_every_step_of_its_episodes(
    episodes: int, capsys: pytest.CaptureFixture[str]
) -> None:
    said = film("Sums", "walk.mp4", episodes, capsys)
    frames = imageio.imread("walk.mp4", plugin="pyav")
    assert frames.shape == (episodes * (LIMIT + 1 + STILL), 240, 480, 3)
    assert places(frames) == episodes * [*range(0, 2 * LIMIT + 1, 2), *STILL * [2 * LIMIT]]
    assert imageio.immeta("walk.mp4", plugin="pyav")["fps"] == 20
    returns = said.split("returns: ")[1].strip(" )\n").split(", ")
    assert len(returns) == len(set(returns)) == episodes


def test_a_gif_moves_too(capsys: pytest.CaptureFixture[str]) -> None:
    film("Sums", "walk.gif", 2, capsys)
    with Image.open("walk.gif") as picture:
        assert picture.size == (480, 240)
        frames, shown = [], 0
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            frames.append(np.asarray(picture.convert("RGB")))
            shown += picture.info["duration"]
    assert places(np.array(frames)) == 2 * list(range(0, 2 * LIMIT + 1, 2))
    assert shown == 2 * (50 * (LIMIT + 1) + 800)


def test_a_png_shows_moments_of_the_first_episode(capsys: pytest.CaptureFixture[str]) -> None:
    film("Sums", "walk.png", 1, capsys)
    with Image.open("walk.png") as picture:
        sheet = np.asarray(picture.convert("RGB"))
    assert sheet.shape == (2 * 240, 4 * 480, 3)
    moments = [sheet[y : y + 240, x : x + 480] for y in (0, 240) for x in range(0, 1920, 480)]
    found = places(np.array(moments))
    assert found == sorted(found)
    assert (found[0], found[-1]) == (0, 2 * LIMIT)


def test_returns_of_a_film_are_those_of_its_episodes(capsys: pytest.CaptureFixture[str]) -> None:
    problem = make_task(task_settings(here("Sums")), trust=BY_HAND)
    assert isinstance(problem, ControlTask)
    said = film("Sums", "walk.png", 1, capsys)
    outputs = network().policy(0.5).outputs
    seen = [np.sin(3 + step + np.arange(3, dtype=np.float32)).astype(np.float32) for step in range(LIMIT)]
    actions = [problem.world.actions.of_outputs(outputs(row)[None])[0] for row in seen]
    assert f"(returns: {total(actions, 3):.1f})" in said
    # Where reset does not restore all, each episode is of a new environment.
    whole, one = (film(name, "walk.png", 3, capsys).split("returns: ")[1] for name in ("Remembers", "Sums"))
    returns = [np.array(re.findall(r"-?\d+\.\d", said), float) for said in (whole, one)]
    assert returns[0] - returns[1] == pytest.approx([100 * LIMIT] * 3, abs=0.11)


def test_a_simulator_is_filmed(capsys: pytest.CaptureFixture[str]) -> None:
    lander = Network.of_genome(first_population(8, 4, 1, 0.5, np.random.default_rng(0)), 0)
    returns = api.video(lander, "lander.mp4", task="LunarLander-v3", weight=1.0, episodes=1)
    frames = imageio.imread("lander.mp4", plugin="pyav")
    assert len(returns) == 1
    assert frames.shape[1:] == (320, 480, 3)
    assert (np.abs(np.diff(frames[:40].astype(int), axis=0)).max(axis=(1, 2, 3)) > 40).all()
    assert capsys.readouterr() == ("", "")


# Tuning.


def test_the_best_shared_weight_is_written_with_its_curve(capsys: pytest.CaptureFixture[str]) -> None:
    api.save(network(), "n.json")
    out, said = run(f"tune n.json --task {here('Sums')} --method shared -o tuned.json --workers 1", capsys)
    assert said == "comparing on fresh episodes or images ...\n"
    lines = out.splitlines()
    assert [line.split("  ")[0] for line in lines[2:4]] == ["before", "best shared weight"]
    assert lines[-2:] == ["Network:  tuned.json", "Curve:    tuned.weights.svg"]
    tuned = api.load("tuned.json")
    assert tuned.weights is None
    assert tuned.shared_weight is not None
    assert sorted(path.name for path in Path().iterdir()) == [
        "c.toml", "n.json", "tuned.json", "tuned.weights.csv", "tuned.weights.svg"
    ]  # fmt: skip
    assert len(Path("tuned.weights.csv").read_text(encoding="utf-8").splitlines()) == 81


def test_what_was_interrupted_goes_on_with_the_same_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("wann.training.progress._SAVE_SECONDS", 0)
    api.save(network(), "n.json")
    command = f"tune n.json --task {here('HalfBounded')} --iterations 4 --workers 1 -o"
    run(f"{command} whole.json", capsys)
    with monkeypatch.context() as patch:
        patch.setattr("wann.cli.live.Countdown.__call__", _interrupt)
        with pytest.raises(SystemExit) as ending:
            main(f"{command} cut.json".split())
    assert ending.value.code == 130
    assert Path("cut.tuning").exists()
    assert capsys.readouterr().err == "Interrupted; the same command goes on from cut.tuning\n"
    assert "going on from cut.tuning" in run(f"{command} cut.json", capsys)[1]
    assert Path("cut.json").read_bytes() == Path("whole.json").read_bytes()
    assert not Path("cut.tuning").exists()


def _interrupt(_: object, iteration: int, __: int, ___: float) -> None:
    if iteration == 2:
        raise KeyboardInterrupt
