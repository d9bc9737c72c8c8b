# ruff: noqa: E501 (texts)
"""Plain text read as a book."""

import pytest

from books.book import BlockKind, Book
from books.reading import read_book
from books.reading.encoding import decode
from books.reading.headings import heading_of
from books.reading.plain import read_text

PROSE = "It was a long day and nothing much happened until the evening came, and then everything did at once,\nas it does."


def titles(book: Book) -> list[tuple[str, int]]:
    return [(chapter.title, chapter.level) for chapter in book.chapters]


def said(text: str) -> list[tuple[str, str]]:
    return [(block.kind.value, block.text) for chapter in read_text(text, "file").chapters for block in chapter.blocks]


def wide(*paragraphs: str) -> str:
    """Return paragraphs among some of full width, so that lines have a width to fall short of."""
    full = "This line is as wide as all of the lines of a book of this kind usually are.\n" * 4
    return "\n\n".join([full, *paragraphs, full])


@pytest.mark.parametrize(
    ("line", "kind", "number", "title"),
    [
        ("CHAPTER I", "chapter", 1, ""),
        ("Chapter 1.", "chapter", 1, ""),
        ("Chapter the First", "chapter", 1, ""),
        ("Chapter Twenty-One: The Sea", "chapter", 21, "The Sea"),
        ("BOOK II", "book", 2, ""),
        ("PART ONE", "part", 1, ""),
        ("Book the Second-the Golden Thread", "book", 2, "the Golden Thread"),
        ("ACT III", "act", 3, ""),
        ("SCENE II. Elsinore.", "scene", 2, "Elsinore."),
        ("THE FIRST ACT", "act", 1, ""),
        ("Erster Teil", "teil", 1, ""),
        ("Drittes Kapitel", "kapitel", 3, ""),
        ("Kapitel 3", "kapitel", 3, ""),
        ("Première partie", "partie", 1, ""),
        ("Chapitre IV", "chapitre", 4, ""),
        ("Capítulo III", "capítulo", 3, ""),
        ("Capitolo primo", "capitolo", 1, ""),
        ("Eerste hoofdstuk", "hoofdstuk", 1, ""),
        ("Letter 4", "letter", 4, ""),
        ("XIV", "number", 14, ""),
        ("I. The Period", "number", 1, "The Period"),
        ("PREFACE", "named", None, ""),
        ("Épilogue", "named", None, ""),
    ],
)
def test_headings(line: str, kind: str, number: int | None, title: str) -> None:
    heading = heading_of(line)
    assert heading is not None
    assert (heading.kind, heading.number, heading.title) == (kind, number, title)


@pytest.mark.parametrize(
    "line",
    [
        "Part of me wanted to stay.",
        "Part One was over.",
        "Act like a man",
        "I am here",
        "I, who",
        "1. said",
        "Letter one could read",
        "Chapter after chapter",
    ],
)
def test_sentences_are_no_headings(line: str) -> None:
    assert heading_of(line) is None


@pytest.mark.parametrize(
    ("header", "footer"),
    [
        ("*** START OF THE PROJECT GUTENBERG EBOOK X ***", "*** END OF THE PROJECT GUTENBERG EBOOK X ***"),
        ("***START OF THIS PROJECT GUTENBERG EBOOK A VERY\nLONG TITLE***", "End of Project Gutenberg's X, by Y"),
        (
            "*** START OF THIS PROJECT GUTENBERG EBOOK X ***\n\n\nProduced by A and B\n\n",
            "End of the Project Gutenberg EBook of X\n\n***END OF",
        ),
        (
            "***START**THE SMALL PRINT!**FOR PUBLIC DOMAIN ETEXTS**START***\n\nLaw.\n\n*END*THE SMALL PRINT! FOR PUBLIC DOMAIN*Ver.04.29.93*END*",
            "End of The Project Gutenberg Etext of X",
        ),
        (
            "***START OF THE PROJECT GUTENBERG EBOOK X***\n\n\n[Transcriber's Note: Kept as is.]\n\n",
            "Transcriber's Notes\n\nFixed.\n\n*** END OF THIS PROJECT GUTENBERG EBOOK X ***",
        ),
    ],
)
def test_gutenberg_is_unwrapped(header: str, footer: str) -> None:
    text = f"The Project Gutenberg EBook of X, by Y Z\n\nTitle: X\n\nAuthor: Y Z\n\nLanguage: German\n\n{header}\n\n\nCHAPTER I\n\n{PROSE}\n\n\n{PROSE}\n\n\n\n{footer}\n\nMore law."
    book = read_text(text, "file")
    assert (book.title, book.creators, book.language) == ("X", ("Y Z",), "de")
    words = " ".join(block.text for chapter in book.chapters for block in chapter.blocks)
    assert words == f"CHAPTER I {' '.join([PROSE, PROSE])}".replace("\n", " ")


def test_parts_hold_chapters_and_the_table_of_contents_falls() -> None:
    heads = [
        f"{part}\n\n\nCHAPTER {number}\n\n{name}"
        for part, number, name in (("PART ONE", "I", "The Storm"), ("PART TWO", "I", "The Calm"))
    ]
    contents = "CONTENTS\n\nPART ONE\n  I. The Storm ...... 3\nPART TWO\n  I. The Calm ...... 19\n"
    book = read_text(
        f"THE BOOK\n\nby Ann Lee\n\n{contents}\n\n\n\n" + "\n\n\n\n".join(f"{head}\n\n{PROSE}" for head in heads), "file"
    )
    assert (book.title, book.creators) == ("THE BOOK", ("Ann Lee",))
    expected = [("THE BOOK", 0), ("PART ONE", 0), ("CHAPTER I. The Storm", 1), ("PART TWO", 0), ("CHAPTER I. The Calm", 1)]
    assert titles(book) == expected
    assert any("table of contents" in note for note in book.notes)


def test_a_list_of_numbers_is_no_chapters() -> None:
    assert len(read_text(f"{PROSE}\n\nI. Bread\n\nII. Milk\n\nIII. Salt\n\n{PROSE}", "file").chapters) == 1


def test_numbers_alone_count_on() -> None:
    book = read_text("\n\n\n".join(f"{number}\n\n{PROSE}" for number in ("I", "II", "III")), "file")
    assert titles(book) == [("I", 0), ("II", 0), ("III", 0)]


def test_a_chapter_without_its_noun_counts_on() -> None:
    """Found in Gutenberg's "Adventures of Sherlock Holmes": ADVENTURE VI is followed by VII."""
    text = "\n\n\n\n".join(f"{head}\n\n{PROSE}" for head in ("ADVENTURE I. The Man", "II. The Dog", "III. The End of It"))
    assert [level for _, level in titles(read_text(text, "file"))] == [0, 0, 0]


def test_paragraphs_are_joined() -> None:
    assert said("One line\nand the next, well-\nknown.\n\nAnother--\nwith a dash.") == [
        ("paragraph", "One line and the next, well-known."),
        ("paragraph", "Another--with a dash."),
    ]


def test_words_cut_at_a_line_end_are_joined_where_the_text_has_them() -> None:
    assert said("The lighthouse stood. A light-\nhouse stands.")[0][1] == "The lighthouse stood. A lighthouse stands."


def test_paragraphs_by_indent() -> None:
    lines = [
        ("   " if number % 5 == 0 else "") + f"Line {number} of a text that has no blank lines at all in it"
        for number in range(60)
    ]
    assert len(said("\n".join(lines))) == 12


def test_lines_that_are_paragraphs() -> None:
    assert len(said("\n".join(["A long sentence that goes on. " * 10] * 5))) == 5


def test_verse_keeps_its_lines_and_a_letter_is_a_quotation() -> None:
    poem = "        Burn, little lamp,\n        The gulls are in bed;\n        Burn till the morning."
    letter = "    Dear sister, the roof is mended and the cow is\n    sold, and father asks after you every evening\n    when he comes in from the field."
    kinds = dict(said(wide(poem, letter)))
    assert kinds["verse"] == "Burn, little lamp,\nThe gulls are in bed;\nBurn till the morning."
    assert kinds["quote"].startswith("Dear sister, the roof is mended and the cow is sold")


@pytest.mark.parametrize("line", ["* * *", "*****", "       *       *       *", "-----", "#", "⁂"])
def test_scene_breaks(line: str) -> None:
    assert said(f"One.\n\n{line}\n\nTwo.")[1] == ("scene_break", "")


def test_furniture_falls() -> None:
    text = (
        "An _old_ word[1] and a =bold= one{12}, in [Pg 13]two parts.[A]\n\n[Footnote 1: A note\n\nof two [nested] paragraphs.]\n\n"
        "[Illustration: A _ship_\nat sea]\n\n[Illustration]\n\n[14]\n\nFOOTNOTES:\n\n[2] Another note.\n\nx_1 = a_b and a = b = c."
    )
    assert said(text) == [
        ("paragraph", "An old word and a bold one, in two parts."),
        ("image", "A ship at sea"),
        ("paragraph", "x_1 = a_b and a = b = c."),
    ]
    assert set(read_text(text, "file").notes) == {"not read: page numbers (3)", "not read: footnotes and endnotes (2)"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"])
def test_encodings(encoding: str) -> None:
    assert decode("Über Straßen — é".replace("—", "-").encode(encoding)) == "Über Straßen - é"


def test_bytes_that_are_no_text_still_are_read() -> None:
    assert decode(bytes(range(1, 256)))
    assert read_text(decode(b"\x00\x01\x02 A \x81\x9d"), "file").chapters


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "[" * 50_000,
        "[Footnote 1: " * 5000,
        "_a " * 20_000,
        "I\n\n" * 3000,
        "CHAPTER I\n\n" * 2000,
        "CONTENTS\n\n" * 500,
        "a-\n" * 9000,
        "".join(f"INTRODUCTION BY {number}\n\n{PROSE}\n\n" for number in range(2000)),
    ],
    ids=lambda text: repr(text[:12]),
)
def test_hostile_text_is_read_in_no_time(text: str) -> None:
    book = read_text(text, "file")
    assert book.title
    assert all(block.kind in BlockKind for chapter in book.chapters for block in chapter.blocks)


def test_the_name_of_a_file_is_a_title_without_its_ending() -> None:
    """Found in PDFs and texts without a title: they were called ``notes.txt``."""
    for suffix in ("txt", "md", "html"):
        assert (
            read_book(b"<html>Some text, which has no title." if suffix == "html" else b"some text.", f"notes.{suffix}").title
            == "notes"
        )


def test_utf_16_without_a_mark_is_no_binary_file() -> None:
    book = read_book("Zwölf Boxkämpfer jagen Viktor.".encode("utf-16-le"), "a.txt")
    assert book.chapters[0].blocks[0].text == "Zwölf Boxkämpfer jagen Viktor."


def test_stories_that_the_contents_name_are_chapters_beside_a_play() -> None:
    """Found in Gutenberg's "Ontboezemingen": a story begins with a motto, and a play makes chapters have nouns."""
    names = ["THE RETURN", "THE DEPARTURE", "THE DREAM", "THE STORM"]
    contents = "\n".join(f"{name}        {number}." for number, name in enumerate(names, 3))
    stories = "\n\n\n\n".join(f"{name}.\n\n(A FRAGMENT.)\n\n{PROSE}" for name in names)
    scenes = "\n\n\n\n".join(f"{number} SCENE.\n\n{PROSE}" for number in ("FIRST", "SECOND"))
    book = read_text(f"CONTENTS.\n\n{contents}\n\n\n\n{stories}\n\n\n\n{scenes}", "file")
    assert [title for title, _ in titles(book)] == [f"{name}." for name in names] + ["FIRST SCENE.", "SECOND SCENE."]


def test_a_preface_stands_beside_parts_unless_each_has_one() -> None:
    heads = ["PREFACE", "PART I", "CHAPTER I", "INTRODUCTION", "CHAPTER II", "PART II", "CHAPTER I", "CONCLUSION"]
    book = read_text("\n\n\n\n".join(f"{head}\n\n{PROSE}" for head in heads), "file")
    assert [level for _, level in titles(book)] == [0, 0, 1, 1, 1, 0, 1, 0]
