"""Books on the page: what plays their chapters, and what of them is in the page."""

from pathlib import Path

import pytest
from lxml import html

from books.binding.record import Bound, BoundFile
from cluster.output import Output
from cluster.storage import open_store
from reports import BoundBook, write_report
from reports.bound import show_books
from tests.reports.made import bound_book


@pytest.fixture
def book(tmp_path: Path) -> BoundBook:
    return bound_book(tmp_path, "mp3")


def test_chapters_play_the_file_that_is_theirs(book: BoundBook, tmp_path: Path) -> None:
    (view,) = show_books([book], open_store(tmp_path), "report.html")
    assert [(c.player.start_s, c.player.end_s) for c in view.chapters if c.player] == [(0.0, 4.0), (0.0, 4.0)]
    assert [name for name, _ in view.audio] == ["book-0-0", "book-0-1"]
    assert all(source.startswith("data:audio/mpeg;base64,") for _, source in view.audio)
    second = view.chapters[1].paragraphs
    assert [[(span.text, span.start_s) for span in paragraph.spans] for paragraph in second] == [
        [("Sentence 2 of it.", 0.0), ("Sentence 3 of it.", 2.0)]
    ]


def test_a_book_in_one_file_has_one_player_for_all_chapters(tmp_path: Path) -> None:
    (view,) = show_books([bound_book(tmp_path, "m4b")], open_store(tmp_path), "report.html")
    assert [(c.player.audio, c.player.start_s, c.player.end_s) for c in view.chapters if c.player] == [
        ("book-0-0", 0.0, 4.0), ("book-0-0", 4.0, 8.0),
    ]  # fmt: skip


def test_large_books_are_linked(book: BoundBook, tmp_path: Path) -> None:
    files = tuple(file.model_copy(update={"size": 15_000_000}) for file in book.bound.files)
    large = BoundBook(book.title, "a b#c", book.bound.model_copy(update={"files": files}), book.timeline)
    (view,) = show_books([large], open_store(tmp_path), "pages/report.html")
    assert [source for _, source in view.audio] == ["../a%20b%23c/0.mp3", "../a%20b%23c/1.mp3"]


def test_texts_that_would_choke_the_page_are_left_out(book: BoundBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reports.bound._TEXT_CHARS", 100)
    first, second = show_books([book, book], open_store(tmp_path), "report.html")
    assert (first.text_left_out, second.text_left_out) == (False, True)


def test_more_books_than_a_browser_can_open_are_listed(
    book: BoundBook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reports.bound._PLAYERS", 3)
    first, second = show_books([book, book], open_store(tmp_path), "report.html")
    assert (first.is_listed, second.is_listed, len(first.audio), len(second.audio)) == (False, True, 2, 0)
    assert [(view.chapter.title, view.player, view.paragraphs) for view in second.chapters] == [
        ("Chapter 0", None, []), ("Chapter 1", None, []),
    ]  # fmt: skip
    assert len(second.files) == 2


def test_a_book_without_sound_is_shown(tmp_path: Path, transcripts: Output) -> None:
    bound = Bound(key="x", title="T", duration_s=0.0, chapters=(), files=(BoundFile(key="t.epub", size=9, kind="epub"),))
    note = "<b>Nothing</b> of it was spoken."
    write_report(transcripts.store, open_store(tmp_path), "report.html", [BoundBook("<i>T</i>", "t", bound, notes=[note])])
    page = html.fromstring((tmp_path / "report.html").read_bytes())
    (section,) = page.xpath("//section[@class='book']")
    assert section.xpath("h2")[0].text_content() == "<i>T</i>"
    assert section.xpath("*[@class='note']")[0].text_content() == note
    assert section.xpath(".//a/@href") == ["t/t.epub"]
