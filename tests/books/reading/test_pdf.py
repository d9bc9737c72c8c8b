# ruff: noqa: E741
"""PDF read as a book."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from actors.errors import InputDataError
from books.book import BlockKind, Book
from books.reading.pdf import read_pdf
from tests.books.library.pdfs import LEADING, TOP, Text, lines, pdf

# Full lines of a column of about 320 points.
FIRST = [
    "The harbour lay quiet in the grey light of the early morning,",
    "and no boat had yet gone out beyond the wall of stone that",
    "kept the sea away.",
]
SECOND = [
    "A man came down the steps with a lantern in his hand, which",
    "he did not need any longer, and looked out for the light-",
    "house on the skerry.",
]


def chapters(book: Book) -> list[tuple[str, int]]:
    return [(chapter.title, chapter.level) for chapter in book.chapters]


def said(book: Book) -> list[tuple[str, str]]:
    return [(block.kind.value, block.text) for chapter in book.chapters for block in chapter.blocks]


def test_headings_begin_chapters_and_lines_become_paragraphs() -> None:
    page = [Text("The Storm", 50, TOP + 40, 18), *lines(FIRST, indent=15), *lines(SECOND, top=TOP - 3 * LEADING, indent=15)]
    other = [Text("The Calm", 50, TOP + 40, 18), *lines(FIRST)]
    book = read_pdf(pdf([page, other], info="/Title (A Book) /Author (Ann Lee; Bo Ray)"), "file")
    assert (book.title, book.creators) == ("A Book", ("Ann Lee", "Bo Ray"))
    assert chapters(book) == [("The Storm", 0), ("The Calm", 0)]
    assert said(book)[:3] == [
        ("heading", "The Storm"),
        ("paragraph", " ".join(FIRST)),
        ("paragraph", " ".join(SECOND).replace("light- house", "lighthouse")),
    ]


def test_running_heads_feet_and_page_numbers_fall() -> None:
    pages = [
        [
            Text("A Long Book" if number % 2 else "Ann Lee", 50, 575, 9),
            Text(f"{number + 11}", 360, 575, 9),
            *lines([f"Page {number} begins here and goes on for as long as a line does", "and ends in the middle of"]),
            Text(f"- {number + 11} -", 200, 25, 9),
        ]
        for number in range(6)
    ]
    book = read_pdf(pdf(pages), "file")
    text = " ".join(text for _, text in said(book))
    assert "Long Book" not in text
    assert "Ann Lee" not in text
    assert [word for word in text.split() if word.isdigit()] == [str(number) for number in range(6)]
    assert any("running heads" in note for note in book.notes)


def test_all_running_lines_that_stand_apart_fall() -> None:
    """Found in "Free Culture": a printer's note, a link and a running foot stand below each other."""
    feet = [("4TH PASS PAGES", 12), ("<http://example.org/get-it>", 50), ("PREFACE {}", 90)]
    pages = [
        [
            *lines([f"Page {word} goes on as long as a line does,", "and on."]),
            *lines(FIRST, top=148),
            *(Text(text.format(number), 50, y, 8) for text, y in feet),
        ]
        for number, word in enumerate(("one", "two", "three"), 11)
    ]
    text = " ".join(text for _, text in said(read_pdf(pdf(pages), "file")))
    assert not any(word in text for word in ("PASS", "example", "PREFACE"))
    assert all(f"Page {word} goes on" in text for word in ("one", "two", "three"))


def test_chapters_at_one_height_are_no_running_heads() -> None:
    """Found in our own review: ``CHAPTER I`` and ``CHAPTER II`` are alike but for their numbers."""
    pages = [[Text(f"CHAPTER {number}", 50, 570), *lines(FIRST), *lines(SECOND, top=TOP - 80)] for number in ("I", "II", "III")]
    assert chapters(read_pdf(pdf(pages), "file")) == [("CHAPTER I", 0), ("CHAPTER II", 0), ("CHAPTER III", 0)]


def test_hostile_pages_take_no_long_time() -> None:
    places = random.Random(1)
    scattered = [Text("word" * places.randint(1, 5), places.randint(0, 4000), places.randint(0, 6000), 3) for _ in range(8000)]
    marks = [Text("a", 50, 500), Text("1" * 20_000, 56, 505, 5)]
    outline = [("T" * 3000, 0, number % 2, 0.0) for number in range(300)]
    content = pdf([scattered, marks], outline)
    begun = time.process_time()
    assert read_pdf(content, "file").chapters
    assert time.process_time() - begun < 5  # 0.5 s


def test_paragraphs_go_on_over_pages() -> None:
    book = read_pdf(pdf([lines(FIRST[:2]), lines(FIRST[2:])]), "file")
    assert said(book) == [("paragraph", " ".join(FIRST))]


def test_columns_are_read_one_after_the_other() -> None:
    left = [f"left {number} of the column that is read" for number in range(8)]
    right = [f"right {number} of the column behind it" for number in range(8)]
    # Drawn row by row, as some programs do.
    rows = [text for l, r in zip(lines(left, x=30), lines(right, x=230), strict=True) for text in (l, r)]
    text = " ".join(
        text for _, text in said(read_pdf(pdf([[Text("Across both of the columns", 100, 560, 18), *rows]]), "file"))
    )
    assert text == " ".join(["Across both of the columns", *left, *right])


def test_the_outline_says_chapters() -> None:
    page = [
        *lines(["One"], top=TOP),
        *lines(FIRST, top=TOP - 40),
        *lines(["Inner"], top=TOP - 120),
        *lines(SECOND, top=TOP - 160),
    ]
    outline = [("One", 0, 0, TOP + 12), ("Inner", 1, 0, TOP - 108), ("Two", 0, 1, TOP + 12)]
    book = read_pdf(pdf([page, [*lines(["Two"]), *lines(FIRST, top=TOP - 40)]], outline), "file")
    assert chapters(book) == [("One", 0), ("Inner", 1), ("Two", 0)]
    assert book.chapters[1].blocks[1].text.startswith("A man came down")


def test_footnotes_fall_with_their_numbers() -> None:
    page = [
        *lines(FIRST),
        Text("7", 352, TOP + 4, 6),
        Text("7 This is what the note says.", 50, 60, 8),
        Text("And it goes on.", 50, 50, 8),
    ]
    book = read_pdf(pdf([page]), "file")
    assert said(book) == [("paragraph", " ".join(FIRST))]
    assert any("footnotes" in note for note in book.notes)


def test_line_numbers_of_proofs_fall() -> None:
    """Found in a proof of "Free Culture": each line has its number in the margin."""
    texts = [f"Line of prose that is as wide as a line usually is, {word}" for word in "abcdefghijkl"]
    margin = [Text(str(number), 15, TOP - number * LEADING + LEADING, 11) for number in range(1, 13)]
    assert said(read_pdf(pdf([[*lines(texts), *margin]]), "file"))[0][1] == " ".join(texts)


def test_verse_and_breaks() -> None:
    verse = lines(["Burn, little lamp, at sea,", "The gulls are all asleep;", "Burn till the morn"], x=120)
    page = [*lines(FIRST), Text("* * *", 200, TOP - 80), *[text._replace(y=text.y - 120) for text in verse]]
    kinds = [block.kind for chapter in read_pdf(pdf([page]), "file").chapters for block in chapter.blocks]
    assert kinds == [BlockKind.PARAGRAPH, BlockKind.SCENE_BREAK, BlockKind.VERSE]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pdf([[]]), "has pictures of its pages and no text"),
        (b"", "no PDF, or a damaged one"),
        (b"%PDF-1.4\n" + b"x" * 3000, "no PDF, or a damaged one"),
        (
            pdf(
                [lines(FIRST)],
                trailer=f"/Encrypt << /Filter /Standard /V 1 /R 2 /O <{'ab' * 32}> /U <{'cd' * 32}> /P -4 >> /ID [<00> <00>]",
            ),
            "locked with a password",
        ),
    ],
    ids=["scan", "empty", "damaged", "locked"],
)
def test_what_cannot_be_read_gets_a_sentence(content: bytes, message: str) -> None:
    with pytest.raises(InputDataError, match=message) as caught:
        read_pdf(content, "book.pdf")
    assert str(caught.value).startswith("book.pdf: ")


def test_a_cut_file_is_read_or_refused() -> None:
    content = pdf([lines(FIRST), lines(SECOND)])
    for end in range(0, len(content), 97):
        try:
            assert read_pdf(content[:end], "file").chapters
        except InputDataError:
            continue


def test_threads_take_turns() -> None:
    """PDFium is not thread-safe."""
    content = pdf([lines(FIRST)] * 3)
    with ThreadPoolExecutor(4) as pool:
        books = list(pool.map(lambda _: read_pdf(content, "file"), range(12)))
    assert all(book == books[0] for book in books)
