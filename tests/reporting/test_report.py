"""The HTML report."""

from __future__ import annotations

from pathlib import Path

import pytest

from wann.errors import BadInput
from wann.reporting import Table, write_report


def written(path: Path, **parts: object) -> str:
    contents = {"title": "A run", "facts": {}, "tables": [], "figures": [], **parts}
    write_report(path, **contents)  # type: ignore[arg-type]
    return path.read_text(encoding="utf-8")


def test_a_report_carries_facts_tables_and_figures(tmp_path: Path) -> None:
    figure = tmp_path / "f.svg"
    figure.write_text("<svg/>")
    table = Table("Conditions", ["condition", "mean"], [["shared", "515 ± 58"], ["tuned", "\N{EN DASH}"]])
    page = written(tmp_path / "r.html", facts={"seed": "3"}, tables=[table], figures=[("Champion", figure)])
    for part in ("<h1>A run</h1>", "<dt>seed</dt><dd>3</dd>", "<caption>Conditions</caption>"):
        assert part in page
    assert '<td>shared</td><td class="number">515 ± 58</td>' in page
    assert 'src="data:image/svg+xml;base64,PHN2Zy8+"' in page
    assert "http" not in page


def test_everything_is_escaped(tmp_path: Path) -> None:
    hostile = "<script>\"&'"
    figure = tmp_path / "f.svg"
    figure.write_text("<svg><script>alert(1)</script></svg>")
    page = written(
        tmp_path / "r.html",
        title=hostile,
        facts={hostile: hostile},
        tables=[Table(hostile, [hostile], [[hostile]])],
        figures=[(hostile, figure)],
    )
    assert "<script" not in page
    assert page.count("&lt;script&gt;&quot;&amp;&#x27;") == 9


def test_equal_contents_give_equal_bytes(tmp_path: Path) -> None:
    assert written(tmp_path / "a.html") == written(tmp_path / "b.html")


def test_an_empty_table_can_be_written(tmp_path: Path) -> None:
    assert "<th>mean</th>" in written(tmp_path / "r.html", tables=[Table("None yet", ["mean"], [])])


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="a row of 1 cells under 2 columns"):
        Table("t", ["a", "b"], [["1"]])


def test_a_figure_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"lost\.svg: cannot be read"):
        written(tmp_path / "r.html", figures=[("f", tmp_path / "lost.svg")])
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize(("report", "figure"), [("r.pdf", "f.svg"), ("r.html", "f.gif")])
def test_unknown_suffixes_are_refused(tmp_path: Path, report: str, figure: str) -> None:
    with pytest.raises(BadInput, match="accepted are"):
        written(tmp_path / report, figures=[("f", tmp_path / figure)])
