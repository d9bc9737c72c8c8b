"""The page about an evaluation: which rows, and how their words differ."""

from pathlib import Path
from typing import Any

import pytest
from lxml import html

from cluster.storage import open_store
from reports import ScoredRow, write_evaluation
from reports.differences import Difference, differences

TOTALS: dict[str, Any] = {
    "normalisation": "basic",
    "language": "en",
    "wer": 0.25,
    "cer": None,
    "without_hypothesis": 1,
    "words": {"hits": 9, "substitutions": 2, "deletions": 1, "insertions": 1},
}


def test_differences_are_those_of_the_fewest_edits() -> None:
    said, heard = "the mill turns very slowly in wind", "a mill turns slowly in wind again"
    found = list(differences(said.split(), heard.split()))
    assert found == [
        Difference("replace", "the", "a"),
        Difference("equal", "mill turns", "mill turns"),
        Difference("delete", "very", ""),
        Difference("equal", "slowly in wind", "slowly in wind"),
        Difference("insert", "", "again"),
    ]


@pytest.fixture
def page(tmp_path: Path) -> Any:
    rows = [
        ScoredRow("fine", ["all", "right"], ["all", "right"], 0),
        ScoredRow("bad", ["one", "two", "three", "four"], ["one", "too", "three", "four"], 1),
        ScoredRow("worse", ["see", "two"], ["<b>sea</b>", "too"], 2),
        ScoredRow("unheard", ["nobody", "heard"], [], 2, "rejected"),
        ScoredRow("invented", [], ["music"], 1),
    ]
    return html.fromstring((tmp_path / write_evaluation(rows, TOTALS, open_store(tmp_path))).read_bytes())


def test_the_worst_rows_come_first_and_what_was_not_heard_is_counted(page: Any) -> None:
    assert page.xpath("//article//h3//bdi/text()") == ["worse", "invented", "bad"]
    assert "Of 1 rows nothing was heard" in page.text_content()


def test_edits_are_marked(page: Any) -> None:
    (said,) = page.xpath("//article[1]//p")
    assert [(mark.tag, mark.text_content()) for mark in said.xpath(".//ins | .//del")] == [
        ("del", "see two"), ("ins", "<b>sea</b> too"),
    ]  # fmt: skip


def test_confusions_are_counted_word_by_word(page: Any) -> None:
    first = [" ".join(found.text_content().split()) for found in page.xpath("//section[@aria-labelledby='confusions']//li")]
    assert first == ["two → too2", "see → <b>sea</b>1", "none", "music1"]


def test_no_rows_and_long_rows_make_a_page(tmp_path: Path) -> None:
    write_evaluation([], {**TOTALS, "wer": None}, open_store(tmp_path), "none.html")
    assert "There are none." in (tmp_path / "none.html").read_text()
    long = ScoredRow("long", ["word"] * 60_000, ["ward"] * 60_000, 60_000)
    write_evaluation([long], TOTALS, open_store(tmp_path), "long.html")
    assert "118,400 more words are not shown." in (tmp_path / "long.html").read_text()
