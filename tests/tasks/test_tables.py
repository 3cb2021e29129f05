"""One's own data: CSV and npz files and arrays, divided, scaled, named, and refused where they are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import wann
from wann import api
from wann.assessment import ImageScore
from wann.cli import main
from wann.errors import BadInput
from wann.network import Network
from wann.tasks import ClassificationTask, TableSettings, make_table_task, make_task, npz_of, task_for

SEARCH: dict[str, Any] = {
    "task": {"id": "data", "episodes": 1},
    "search": {"population": 16, "tournament": 4, "generations": 3, "champion_episodes": 1},
    "backend": {"workers": 1},
}
NAMES = ("width", "height", "depth")


def rows(count: int = 60, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Three features of different scales, and two classes that the first of them tells apart."""
    values = np.random.default_rng(seed).normal((5.0, 0.0, -100.0), (1.0, 1.0, 20.0), (count, 3))
    return values, np.where(values[:, 0] > 5, "wide", "narrow")


def write_csv(path: Path, header: str = "width,kind,height,depth", **changed: str) -> Path:
    values, kinds = rows()
    lines = [f"{a!r},{kind},{b!r},{c!r}" for (a, b, c), kind in zip(values.tolist(), kinds, strict=True)]
    for line, text in changed.items():
        lines[int(line.removeprefix("line")) - 2] = text
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def task_of(path: Path, **settings: Any) -> ClassificationTask:
    return make_table_task(TableSettings(id="data", data=path, **settings))


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> wann.Run:
    folder = tmp_path_factory.mktemp("data")
    path = write_csv(folder / "mine.csv")
    return wann.search(
        SEARCH, run=folder / "run", settings={"task.data": str(path), "task.label": "kind"}, workers=1
    )


def test_a_csv_file_gives_names_classes_and_parts(tmp_path: Path) -> None:
    task = task_of(write_csv(tmp_path / "mine.csv"), label="kind", split=(0.5, 0.25, 0.25))
    assert task.input_names == NAMES
    assert task.output_names == ("narrow", "wide")
    assert [len(part) for part in (task.train, task.validation, task.test)] == pytest.approx(
        [30, 15, 15], abs=1
    )
    together = np.concatenate([part.pixels() for part in (task.train, task.validation, task.test)])
    assert len(np.unique(together, axis=0)) == 60
    for part in (task.train, task.validation, task.test):  # of each class the same share
        assert abs(part.labels.mean() - (rows()[1] == "wide").mean()) < 0.1


def test_training_rows_alone_scale_the_features(tmp_path: Path) -> None:
    task = task_of(write_csv(tmp_path / "mine.csv"), label="kind")
    np.testing.assert_allclose(task.train.pixels().mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(task.train.pixels().std(axis=0), 1, atol=1e-5)
    assert abs(task.test.pixels().mean(axis=0)).max() > 1e-3
    raw = task_of(tmp_path / "mine.csv", label="kind", normalise=False)
    assert raw.train.pixels()[:, 2].mean() == pytest.approx(-100, abs=20)


def test_the_seed_of_the_split_alone_divides_the_rows(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "mine.csv")
    one, same, other = (task_of(path, label="kind", split_seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.test.pixels(), same.test.pixels())
    assert not np.array_equal(one.test.pixels(), other.test.pixels())


def test_an_npz_file_may_say_itself_how_its_rows_are_divided(tmp_path: Path) -> None:
    values, kinds = rows()
    parts = {"train": slice(0, 40), "validation": slice(40, 50), "test": slice(50, 60)}
    arrays: dict[str, Any] = {f"X_{name}": values[part] for name, part in parts.items()}
    arrays |= {f"y_{name}": kinds[part] for name, part in parts.items()}
    np.savez(tmp_path / "mine.npz", features=np.array(NAMES), **arrays)
    task = task_of(tmp_path / "mine.npz", normalise=False)
    assert task.input_names == NAMES
    np.testing.assert_allclose(task.test.pixels(), values[50:], rtol=1e-6)
    assert [task.output_names[label] for label in task.test.labels] == kinds[50:].tolist()


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (np.array([3, 10, 7] * 20), ("3", "7", "10")),
        (np.array([1.0, 0.0, 2.0] * 20), ("0", "1", "2")),
        (np.array(["10", "9", "b"] * 20), ("10", "9", "b")),
        (np.array(["10", "9", "1"] * 20), ("1", "9", "10")),
        (np.array([True, False, True] * 20), ("False", "True")),
        (np.array(["b", "a", "c"] * 20, object), ("a", "b", "c")),
    ],
)
def test_labels_are_whole_numbers_or_text(tmp_path: Path, labels: Any, classes: tuple[str, ...]) -> None:
    (tmp_path / "mine.npz").write_bytes(npz_of(rows()[0], labels))
    assert task_of(tmp_path / "mine.npz").output_names == classes


def test_a_champion_carries_names_scaling_and_split(searched: wann.Run) -> None:
    champion = searched.champion
    assert champion.data is not None
    assert champion.data.features == NAMES
    assert champion.data.label == "kind"
    assert champion.interface is not None
    task = task_for(champion, None)
    assert isinstance(task, ClassificationTask)
    values, _ = rows()
    policy = champion.policy(1.0)
    classes = champion.classify(values, 1.0)
    assert classes.tolist() == [champion.data.classes[policy.act(row)] for row in values]
    raw = policy.outputs(values).argmax(axis=1)
    assert classes.tolist() == [champion.data.classes[one] for one in raw]
    assert champion.graph().nodes[1]["name"] == "width"
    assert "narrow" in champion.plot()._repr_svg_()


def test_scores_are_of_the_test_rows(searched: wann.Run) -> None:
    champion = searched.champion
    task = task_for(champion, None)
    assert isinstance(task, ClassificationTask)
    (score,) = wann.evaluate(champion, weight=1.0)
    assert isinstance(score, ImageScore)
    outputs = champion.policy(1.0).outputs
    values, kinds = rows()
    scaled = champion.interface.observed(values)  # type: ignore[union-attr]
    tested = [int(np.flatnonzero((scaled == row).all(axis=1))[0]) for row in task.test.pixels()]
    guessed = outputs(values[tested]).argmax(axis=1)
    assert score.accuracy == np.mean(np.array(["narrow", "wide"])[guessed] == kinds[tested])


def test_tuned_and_pruned_champions_remain_what_they_are(searched: wann.Run, tmp_path: Path) -> None:
    champion = searched.champion
    tuned = wann.tune(champion, method="cma", iterations=2, workers=1)
    wann.save(tuned, tmp_path / "tuned.json")
    again = wann.load(tmp_path / "tuned.json")
    assert again.data == champion.data
    assert again.interface == champion.interface
    assert api.shrink(champion, workers=1).network.data == champion.data


def test_the_page_of_a_run_names_features_and_classes(searched: wann.Run) -> None:
    picture = (searched.folder / "figures" / "topology.svg").read_text()
    assert all(name in picture for name in ("width", "narrow"))
    page = wann.report(searched.folder).read_text()
    assert "Examples shown" in page


def test_arrays_are_kept_in_the_folder_of_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas")
    values, kinds = rows()
    frame = pandas.DataFrame(values, columns=NAMES)
    run = wann.search(SEARCH, X=frame, y=pandas.Series(kinds), run=tmp_path / "run", generations=2)
    same = wann.search(SEARCH, X=frame, y=kinds.tolist(), run=tmp_path / "other", generations=3)
    assert run.champion.data is not None
    assert run.champion.data.features == NAMES
    run.folder.rename(tmp_path / "moved")
    monkeypatch.chdir(tmp_path)
    moved = wann.resume("moved", generations=3)
    for name in ("metrics.csv", "champion.json"):
        assert (moved.folder / name).read_bytes() == (same.folder / name).read_bytes()
    assert wann.evaluate(moved.champion, weight=1.0)[0].episodes == len(task_for(moved.champion, None).test)  # type: ignore[attr-defined]
    assert wann.evaluate(moved.front[0].network, weight=1.0)


def test_changed_data_are_refused(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "mine.csv")
    settings = {"task.data": str(path), "task.label": "kind"}
    run = wann.search(SEARCH, run=tmp_path / "run", settings=settings, stop=iter([False, True]).__next__)
    path.write_text(path.read_text() + "1.0,wide,2.0,3.0\n")
    says = r"mine\.csv: not the data that this was begun with, its content has changed \(SHA-256 "
    with pytest.raises(BadInput, match=says):
        wann.resume(run.folder)
    with pytest.raises(BadInput, match=says):
        wann.evaluate(run.champion)
    assert wann.evaluate(run.champion, task=str(path), weight=1.0)  # other data, given by hand


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "text": ({"line4": "red,wide,1,2"}, r"line 4, column 'width': 'red' is no number; features must be"),
    "nan": ({"line3": "nan,wide,1,2"}, r"line 3, column 'width' is missing \(empty or NaN\); 1 in all"),
    "empty": (
        {"line3": "1,wide,,2", "line9": "1,wide,,2"},
        r"line 3, column 'height' is missing .* 2 in",
    ),
    "infinite": ({"line5": "1,wide,inf,2"}, "line 5, column 'height' is inf"),
    "no class": ({"line5": "1,,1,2"}, "column 'kind': line 5 has no class; 1 in all"),
    "short row": ({"line5": "1,wide,1"}, "line 5 has 3 cells, the header 4"),
    "other label": ({"header": "a,b,c,d"}, r"no column 'kind' for the classes; its columns are a, b, c, d"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_csv_file_is_refused_in_one_sentence(tmp_path: Path, what: str) -> None:
    changed, says = WRONG[what]
    path = write_csv(tmp_path / "mine.csv", **changed)
    with pytest.raises(BadInput, match=says) as error:
        task_of(path, label="kind")
    assert str(error.value).startswith(f"{path}: ")


VALUES, KINDS = rows()


@pytest.mark.parametrize(
    ("x", "y", "says"),
    [
        (VALUES, KINDS[:5], r"y: has the shape \(5,\) for 60 rows of X"),
        (VALUES, np.full(60, "a"), r"y: one class only \(a\); classification needs at least two"),
        (np.where(VALUES > 6, np.nan, VALUES), KINDS, r"X: row \d+, column 'feature 1' is missing"),
        (np.full((60, 2), "red"), KINDS, "X: holds <U3; features must be numbers"),
        (np.array([[1, "a"]] * 60, object), KINDS, r"X: a feature is no number \(could not convert"),
        (VALUES, VALUES[:, 0], "y: .* is no class; classes are whole numbers or text"),
        (VALUES, [None, *KINDS[1:]], "y: row 0 has no class; 1 in all"),
        (VALUES[:, 0], KINDS, r"X: has the shape \(60,\); accepted are rows of features"),
        (VALUES[:3], list("aab"), "3 rows are too few: none is left for "),
    ],
)
def test_wrong_arrays_are_refused_in_one_sentence(x: Any, y: Any, says: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=says):
        wann.search(SEARCH, X=x, y=y, run=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arrays", "says"),
    [
        ({"X": VALUES}, "no array y; it holds X; accepted are X and y, or"),
        ({"X_train": VALUES, "y_train": KINDS}, "no array X_validation; it holds X_train, y_train"),
        ({"X": VALUES, "y": KINDS[:3]}, r"60 rows in X, but y has the shape \(3,\)"),
        ({"X": VALUES, "y": KINDS.astype(object)}, "not an archive of labelled rows"),
        ({"X": VALUES, "y": KINDS, "features": np.array(["a"])}, "features must be 3 names"),
        ({"X": VALUES, "y": KINDS, "features": np.array(["a", "a", "b"])}, "'a' stands twice"),
    ],
)
def test_a_wrong_npz_file_is_refused_in_one_sentence(
    tmp_path: Path, arrays: dict[str, Any], says: str
) -> None:
    np.savez(tmp_path / "mine.npz", **arrays)
    with pytest.raises(BadInput, match=says):
        task_of(tmp_path / "mine.npz")


@pytest.mark.parametrize(
    ("task", "says"),
    [
        ({"id": "data"}, "task.data: no file is named; give one, such as task.data=mine.csv"),
        ({"id": "data", "data": "mine.xlsx"}, r"mine.xlsx; accepted are files that end in .csv, .npz"),
        ({"id": "digits", "data": "mine.csv"}, "a file, but task.id is digits, a set of images: for data of"),
        ({"id": "data", "split": [0.5, 0.2, 0.2]}, "split 0.5, 0.2, 0.2 must have the sum 1"),
        ({"id": "data", "images": 5}, "images: unknown key of data of one's own"),
    ],
)
def test_wrong_settings_are_refused_in_one_sentence(task: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        make_task(api.read_config({"task": task}).task)


def test_a_network_of_other_features_is_refused(searched: wann.Run, tmp_path: Path) -> None:
    other = write_csv(tmp_path / "other.csv", header="width,kind,size,depth")
    with pytest.raises(BadInput, match="its features are width, size, depth; the network's are width"):
        wann.evaluate(searched.champion, task=str(other))
    with pytest.raises(BadInput, match=r"an array of shape \(2, 5\); accepted are rows of 3 numbers: width"):
        searched.champion.classify(np.zeros((2, 5)), 1.0)


def test_names_of_other_numbers_of_features_are_refused_in_a_file(searched: wann.Run, tmp_path: Path) -> None:
    document = json.loads((searched.folder / "champion.json").read_text())
    document["data"]["features"].append("more")
    (tmp_path / "wrong.json").write_text(json.dumps(document))
    with pytest.raises(BadInput, match="data: 4 features and 2 classes for 3 inputs and 2 outputs"):
        wann.load(tmp_path / "wrong.json")


def test_the_commands_work_on_ones_own_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_csv(Path("mine.csv"))
    for command in (
        "search data --run run --set task.data=mine.csv --set task.label=kind --generations 2 --workers 1",
        "evaluate run --condition shared",
        "tune run --method shared -o tuned.json",
        "show tuned.json -o tuned.svg",
        "report run",
        "export run --format json -o again.json",
        "evaluate again.json --weight 1 --json",
    ):
        with pytest.raises(SystemExit) as ended:
            main(command.split())
        assert ended.value.code == 0, command
    printed = capsys.readouterr().out
    assert "narrow" in printed  # the table of classes taken for others
    assert json.loads(printed.splitlines()[-1])["task"] == "mine.csv"
    assert "depth" in Path("tuned.svg").read_text()
    network: Network = wann.load("again.json")
    assert network.data is not None
