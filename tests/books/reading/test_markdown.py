# ruff: noqa: E501 (texts)
"""Markdown read as a book."""

import time

import pytest

from books.book import Block, BlockKind, Book, MarkKind
from books.reading.markdown import read_markdown
from tests.books.library.books import png


def read(text: str, files: dict[str, bytes] | None = None) -> Book:
    return read_markdown(text, "file", (files or {}).get)


def blocks(text: str) -> list[Block]:
    return [block for chapter in read(text).chapters for block in chapter.blocks]


def said(text: str) -> list[tuple[str, str]]:
    return [(block.kind.value, block.text) for block in blocks(text)]


def test_front_matter_says_what_the_book_is() -> None:
    front = (
        "---\n# a comment\ntitle: 'A: B'  # said\nsubtitle: C\nauthor: [Ann Lee, \"Bo, Jr\"]\nlang: de\ncover: art/c.png\ndate: 2024-05-01\n"
        "publisher: >\n  Tide\n  Press\nextra:\n  deep: 1\n---\n\n# One\n\nText.\n"
    )
    book = read("\ufeff" + front.replace("\n", "\r\n"), {"art/c.png": png()})
    assert (book.title, book.language, book.creators[0]) == ("A: B: C", "de", "Ann Lee")
    assert book.cover is not None
    assert (book.cover.name, book.cover.media_type) == ("c.png", "image/png")
    assert book.details == {"date": "2024-05-01", "publisher": "Tide Press"}
    assert [(chapter.title, chapter.level) for chapter in book.chapters] == [("One", 0)]


def test_authors_as_a_list_of_names() -> None:
    assert read("---\ntitle: T\nauthors:\n- name: Ann\n  affiliation: X\n- Bo\n---\nText.").creators == ("Ann", "Bo")


@pytest.mark.parametrize("text", ["---\n\nText.\n\n---\n\nMore.", "---\nText without end", "---\ntitle\n---\nText."])
def test_a_rule_at_the_front_is_no_front_matter(text: str) -> None:
    book = read(text)
    assert book.title == "file"
    assert any("Text" in block.text for block in book.chapters[0].blocks)


def test_a_single_heading_above_all_is_the_title() -> None:
    book = read("# The Book\n\n## One\n\nA.\n\n### Inner\n\nB.\n\nTwo\n---\n\nC.")
    assert book.title == "The Book"
    assert [(chapter.title, chapter.level) for chapter in book.chapters] == [("One", 0), ("Inner", 1), ("Two", 0)]
    assert [block.text for chapter in book.chapters for block in chapter.blocks] == [
        "The Book",
        "One",
        "A.",
        "Inner",
        "B.",
        "Two",
        "C.",
    ]


def test_footnotes_are_dropped_and_noted() -> None:
    book = read(
        "Words[^1] go on[^note-2].\n\n[^1]: A long note\nthat goes on lazily.\n\n    And has *more*.\n\n[^note-2]: Short.\n\nThe end. [link](x) [ref][a]\n\n[a]: http://b.c"
    )
    assert [block.text for block in book.chapters[0].blocks] == ["Words go on.", "The end. link ref"]
    assert book.notes[0] == "not read: footnotes and endnotes (2)"


def test_what_a_page_may_have() -> None:
    text = (
        "> Outer.\n>\n> > Inner.\n\n1. One\n2. Two\n   - Sub\n\n| A | B |\n|---|---|\n| c | d |\n\n```\ncode\n  more\n```\n\n* * *\n\n"
        "<!-- not\n\nread -->\n\nOne \\* star <https://a.b> & &eacute; <!-- hidden -->end ~~gone~~."
    )
    assert said(text) == [
        ("quote", "Outer."),
        ("quote", "Inner."),
        ("item", "1. One"),
        ("item", "2. Two"),
        ("item", "Sub"),
        ("row", "A, B"),
        ("row", "c, d"),
        ("code", "code\n  more"),
        ("scene_break", ""),
        ("paragraph", "One * star https://a.b & é end gone."),
    ]


@pytest.mark.parametrize("end", ["  \n", "\\\n"])
def test_lines_that_end_hard_are_verse(end: str) -> None:
    assert said(end.join(["Burn, lamp,", "till morn."])) == [("verse", "Burn, lamp,\ntill morn.")]


def test_directions_stay_and_ssml_becomes_marks() -> None:
    (block,) = blocks('[voice:ann]Hi, [pause:1.5] <sub alias="doctor">Dr.</sub> X.[/voice]')
    assert block.text == "[voice:ann]Hi, [pause:1.5] Dr. X.[/voice]"
    assert [(mark.kind, mark.value) for mark in block.marks] == [(MarkKind.ALIAS, "doctor")]


def test_images_with_their_words_and_files() -> None:
    book = read("A.\n\n![A map](img/m.png)\n\n![Gone](../../etc/passwd)", {"img/m.png": png()})
    images = [block for block in book.chapters[0].blocks if block.kind is BlockKind.IMAGE]
    assert [(image.text, image.image) for image in images] == [("A map", "m.png"), ("Gone", None)]
    assert set(book.images) == {"m.png"}


@pytest.mark.parametrize(
    "text", ["[^" * 5000, "[^1]: " * 5000, ">" * 20_000, "- " * 5000, "---\n" + "a:\n" * 20_000, "![" * 5000 + "](" * 5000]
)
def test_hostile_text_is_read_in_no_time(text: str) -> None:
    assert read(text).chapters is not None


def test_nothing_at_all() -> None:
    assert read("").title == "file"


def test_attributes_of_headings_and_inline_notes_are_not_read() -> None:
    text = (
        "# One {#one .big}\n\nRain^[As [ever](http://x.example).] fell^[Hard.]. 2^10 is {#kept}.\n\nTwo {: .x}\n---\n\nEnd.\n"
    )
    book = read(text)
    assert [chapter.title for chapter in book.chapters] == ["One", "Two"]
    assert [block.text for chapter in book.chapters for block in chapter.blocks] == [
        "One",
        "Rain fell. 2^10 is {#kept}.",
        "Two",
        "End.",
    ]
    assert book.notes == ("not read: footnotes and endnotes (2)",)
    started = time.process_time()
    read("a ^[ b " * 10_000)
    assert time.process_time() - started < 10  # 1.3 s, on a busy core


def test_paths_of_images_are_those_of_files() -> None:
    """Found in our own review: renderers write a space as ``%20``, and a path that leads upwards was asked for."""
    asked: list[str] = []

    def beside(path: str) -> bytes | None:
        asked.append(path)
        return png()

    book = read_markdown("A.\n\n![M](<my map.png>)\n\n![N](./my%20map.png)\n\n![O](../up.png)", "file", beside)
    assert [block.image for block in book.chapters[0].blocks[1:]] == ["my_map.png", "my_map.png", None]
    assert asked == ["my map.png"]
