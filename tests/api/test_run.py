"""A search from Python: what it returns, what a callback is given, and what interrupts it."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib.image import imread
from rich.console import Console

import wann
from tests.runs.small import GENERATIONS, small_search
from wann.api import _progress
from wann.errors import BadInput
from wann.experiment import Progress
from wann.experiment.generation import Generations


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> wann.Run:
    return wann.search(small_search(), run=tmp_path_factory.mktemp("runs") / "run")


def result(run: wann.Run) -> list[bytes]:
    return [(run.folder / name).read_bytes() for name in ("metrics.csv", "champion.json")]


def shown(value: object) -> dict[str, Any]:
    """What a notebook shows of a value, by its kind."""
    bundle: dict[str, Any] = DisplayFormatter().format(value)[0]  # type: ignore[no-untyped-call]
    return bundle


def test_the_package_lists_its_public_names() -> None:
    assert dir(wann) == sorted([*wann.__all__, "__version__"])
    assert wann.__version__[0].isdigit()


def test_a_run_knows_its_champion_metrics_and_front(run: wann.Run) -> None:
    assert run.finished
    assert run.generations == len(run.metrics["generation"]) == GENERATIONS
    assert run.metrics["generation"].dtype == run.metrics["best_connections"].dtype == np.int64
    assert run.metrics["best_mean"].dtype == np.float64
    assert run.champion.connections == run.metrics["champion_connections"][-1]
    assert [row.connections for row in run.front] == [row.network.connections for row in run.front]
    assert run.front[-1].mean == run.metrics["best_mean"][-1]
    assert repr(run) == repr(wann.Run(run.folder))
    assert len(repr(run)) < 200
    assert "best_mean" in repr(run.metrics)


def test_a_saved_plot_shows_the_names(run: wann.Run, tmp_path: Path) -> None:
    plot = run.champion.plot()
    plot.savefig(tmp_path / "whole.png")
    plot.savefig(tmp_path / "cut.png", bbox_inches=plot.bbox_inches)
    whole, cut = (imread(tmp_path / name).shape for name in ("whole.png", "cut.png"))
    assert whole[1] > 1.1 * cut[1]


@pytest.mark.parametrize(
    "verb",
    [
        wann.evaluate, wann.tune, wann.shrink,
        lambda run: wann.show(run, "x.svg"),
        lambda run: wann.save(run, "x.json"),
        lambda run: wann.export(run, "x.out", "out"),
    ],
)  # fmt: skip
def test_what_is_no_network_is_named(verb: Callable[[Any], object], run: wann.Run) -> None:
    with pytest.raises(BadInput, match=r"^network: a Run; give a Network, such as run.champion"):
        verb(run)


def test_what_a_task_refuses_is_named_by_its_argument(run: wann.Run) -> None:
    with pytest.raises(BadInput, match=r"^task: no environment 'CartPol-v1'; did you mean CartP"):
        wann.evaluate(run.champion, task="CartPol-v1")
    with pytest.raises(BadInput, match=r"^stepping: EnvPool has no wann/CartPoleSwingUp-v0; accepted"):
        wann.evaluate(run.champion, stepping="envpool")


def test_metrics_become_a_data_frame(run: wann.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = run.metrics.to_pandas()
    assert list(frame.columns) == list(run.metrics)
    assert frame["steps"].tolist() == run.metrics["steps"].tolist()
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(BadInput, match="to_pandas needs pandas, which is not installed: pip install pandas"):
        run.metrics.to_pandas()


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="not a run folder"):
        wann.Run(tmp_path)


def test_keyword_arguments_change_settings(tmp_path: Path) -> None:
    run = wann.search(
        small_search(),
        run=tmp_path / "run",
        seed=3,
        generations=2,
        settings={"search.population": 6, "weights": {"values": [-1.0, 0.5, 1.0]}},
    )
    assert run.metrics["evaluations"].tolist() == [18, 36]
    assert run.champion.provenance["seed"] == 3


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"settings": {"search.population": 1}}, "settings: search.population: input should be greater"),
        (
            {"settings": {"search.populaton": 9}},
            "settings: search.populaton: unknown key; did you mean search.pop",
        ),
        ({"settings": {"seed": {1, 2}}}, "settings: seed is a set; accepted are numbers, text"),
        ({"seed": -1}, "seed: input should be greater than or equal to 0, found -1"),
        ({"X": [[1.0]]}, "y: missing; give X and y together"),
    ],
)
def test_wrong_arguments_are_named_as_the_caller_knows_them(given: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput) as error:
        wann.search(small_search(), run="never", **given)
    assert str(error.value).startswith(says)
    assert "--" not in str(error.value)


def test_a_callback_sees_every_generation(run: wann.Run, tmp_path: Path) -> None:
    seen: list[Progress] = []
    wann.search(small_search(), run=tmp_path / "run", callback=seen.append)
    assert [state.row.best_mean for state in seen] == run.metrics["best_mean"].tolist()
    for state in seen:
        best = int(np.argmax(state.returns.mean(axis=1)))
        assert state.returns.shape == (len(state.population), 2)
        assert state.returns[best].mean() == state.row.best_mean
        assert state.network(best).connections == state.population.connections[best]
    assert seen[-1].champion is not None
    assert seen[-1].champion.connections == run.champion.connections


class Enough(Exception):
    pass


def test_a_callback_that_raises_leaves_a_run_that_can_be_resumed(run: wann.Run, tmp_path: Path) -> None:
    def once(state: Progress) -> None:
        if state.row.generation == 1:
            raise Enough

    with pytest.raises(Enough) as error:
        wann.search(small_search(), run=tmp_path / "run", callback=once)
    assert error.value.__notes__ == [f"The search is kept; resume it with wann.resume('{tmp_path / 'run'}')"]
    kept = wann.Run(tmp_path / "run")
    assert not kept.finished
    assert kept.generations == 2
    assert kept.champion.connections > 0
    assert kept.front == []
    assert result(wann.resume(kept.folder)) == result(run)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interruption_amid_a_generation_changes_nothing(
    run: wann.Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    promote = Generations._promote

    def interrupted(self: Generations, *arguments: Any) -> None:
        if self._search.generation == 1:
            if when == "after":
                promote(self, *arguments)
            raise KeyboardInterrupt
        promote(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Generations, "_promote", interrupted)
        with pytest.raises(KeyboardInterrupt):
            wann.search(small_search(candidates=3), run=tmp_path / "run")
    wann.search(small_search(candidates=3), run=tmp_path / "whole")
    resumed = wann.resume(tmp_path / "run")
    assert resumed.finished
    assert result(resumed) == result(wann.Run(tmp_path / "whole"))


def test_a_run_is_quiet_where_nobody_looks(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    wann.search(small_search(), run=tmp_path / "run")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("progress", [None, False])
def test_terminals_show_progress_unless_told_not_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, progress: bool | None
) -> None:
    page = io.StringIO()
    console = partial(Console, file=page, force_terminal=True, width=80)
    monkeypatch.setattr(_progress, "Console", lambda stderr: console())
    wann.search(small_search(), run=tmp_path / "run", progress=progress)
    assert (f"{GENERATIONS}/{GENERATIONS}" in page.getvalue()) == (progress is None)
    assert ("champion" in page.getvalue()) == (progress is None)


def test_notebooks_show_progress_in_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines: list[str] = []

    class Handle:
        def update(self, bundle: dict[str, str], *, raw: bool) -> None:
            assert raw
            lines.append(bundle["text/plain"])

    def display(bundle: dict[str, str], *, raw: bool, display_id: bool) -> Handle:
        assert raw
        assert display_id
        lines.append(bundle["text/plain"])
        return Handle()

    monkeypatch.setattr(_progress, "Console", partial(Console, force_jupyter=True))
    monkeypatch.setattr("IPython.display.display", display)
    run = wann.search(small_search(), run=tmp_path / "run")
    assert lines[0].startswith(str(run.folder))
    assert f"{GENERATIONS}/{GENERATIONS}  champion" in lines[-1]


def test_notebooks_show_networks_runs_and_scores(run: wann.Run) -> None:
    champion = run.champion
    assert shown(champion)["image/svg+xml"].startswith("<svg")
    assert "cos angle" in shown(champion)["image/svg+xml"]
    assert shown(champion.plot(title="A title"))["image/svg+xml"].count("A title") == 1
    assert repr(run) in shown(run)["text/plain"]
    assert "data:image/svg+xml;base64," in shown(run)["text/html"]
    scores = wann.evaluate(champion, condition="shared", episodes=2, episode_limit=10)
    assert f'<td style="text-align: right">{scores[0].mean:.1f}</td>' in shown(scores)["text/html"]
    assert "<td" in shown(scores[0])["text/html"]
    heading, row = str(scores).splitlines()
    assert heading.split()[:2] == ["condition", "mean"]
    assert row.split()[1] == f"{scores[0].mean:.1f}"
    assert repr(scores[0]).startswith("Score(shared: ")


def test_a_network_becomes_a_graph(run: wann.Run) -> None:
    champion = run.champion.with_weights(np.arange(run.champion.connections, dtype=float))
    graph = champion.graph()
    assert isinstance(graph, nx.DiGraph)
    assert graph.nodes[0] == {"kind": "bias", "activation": "linear"}
    assert len(graph) == champion.size
    first = (int(champion.source[1]), int(champion.target[1]))
    assert graph.edges[first] == {"weight": 1.0}
