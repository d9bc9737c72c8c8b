"""The story of the tests, in each of its files: every sentence once and in order, chapters right, notes not read."""

from collections.abc import Callable
from importlib.util import find_spec

import pytest

from books.book import BlockKind, Book, MarkKind
from books.reading.plain import read_text
from tests.books.library.books import epub2, epub3, expected, png
from tests.books.library.hearing import heard_once, words_of
from tests.books.library.novel import novel, sentence
from tests.books.library.texts import gutenberg_text, markdown_book


def _markdown() -> Book:
    from books.reading.markdown import read_markdown

    return read_markdown(markdown_book(), "file", lambda _: png())


def _epub(content: bytes) -> Book:
    from books.reading import read_book

    return read_book(content, "keeper.epub")


def _needs(module: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(find_spec(module) is None, reason=f"{module} is not there")


BOOKS = [
    pytest.param(lambda: read_text(gutenberg_text(), "file"), id="text"),
    pytest.param(_markdown, id="markdown", marks=_needs("books.reading.html")),
    pytest.param(lambda: _epub(epub2()), id="epub2", marks=_needs("books.reading.epub")),
    pytest.param(lambda: _epub(epub3()), id="epub3", marks=_needs("books.reading.epub")),
]


@pytest.mark.parametrize("read", BOOKS)
def test_every_sentence_is_there_once_and_in_order(read: Callable[[], Book]) -> None:
    book, right = read(), expected()
    blocks = [block for chapter in book.chapters for block in chapter.blocks]
    assert heard_once(right.sentences, [block.text for block in blocks if block.kind is not BlockKind.IMAGE]) == []
    assert [block.text for block in blocks if block.kind is BlockKind.IMAGE] == right.images
    assert [(words_of(chapter.title), chapter.level) for chapter in book.chapters] == [
        (words_of(title), level) for title, level in right.chapters
    ]
    assert (book.title, book.creators[0], book.language) == ("The Keeper of Skerry Light", "Ada Morland", "en")
    text = "\n".join(block.text for block in blocks)
    assert not any(note in text for note in right.never)
    assert [block.text.count("\n") for block in blocks if block.kind is BlockKind.VERSE][-1] == 3


@pytest.mark.parametrize("read", BOOKS[1:])
def test_what_only_marked_up_books_say(read: Callable[[], Book]) -> None:
    book = read()
    blocks = [block for chapter in book.chapters for block in chapter.blocks]
    assert {block.language for block in blocks if block.language} == {"fr", "de"}
    assert sum(block.kind is BlockKind.ROW for block in blocks) == 4
    assert sum(block.kind is BlockKind.ITEM for block in blocks) == 7
    assert sum(block.kind is BlockKind.SCENE_BREAK for block in blocks) == 3
    assert book.cover is not None
    assert len(book.creators) == 2
    assert book.details["publisher"] == "Tidewater Press"
    for block in blocks:
        assert all(block.text[mark.start : mark.end] == "Siobhan" for mark in block.marks if mark.kind is MarkKind.PHONEMES)


def test_files_are_the_same_bytes_each_time() -> None:
    assert epub3() == epub3()
    assert epub2() == epub2()


def test_a_novel_has_as_many_sentences_as_asked_for_all_different() -> None:
    text = novel(1234)
    sentences = [sentence(number) for number in range(1, 1235)]
    assert len(set(sentences)) == 1234
    assert text.count("\n# Chapter ") == 25
    body = [line for line in text.splitlines() if line and not line.startswith(("#", "---", "title:", "author:", "language:"))]
    assert heard_once(sentences, body) == []


def test_hearing_tells_what_is_missing_doubled_misplaced_and_strange() -> None:
    right = ["The cat sat.", "No.", "The dog ran away!", "It rained."]
    assert heard_once(right, ["the cat sat", "no the DOG ran", "away. It rained"]) == []
    assert heard_once(right, ["The cat sat. No. It rained."]) == ["missing: The dog ran away!"]
    assert heard_once(right, ["The cat sat.", "No.", "The dog ran away!", "No.", "It rained."]) == ["doubled: no"]
    assert heard_once(right, ["The cat sat.", "The dog ran away!", "It rained.", "No."])[:1] == [
        "out of order: The dog ran away!"
    ]
    assert heard_once(right, ["The cat sat. No. Buy now! The dog ran away! It rained."]) == ["not in the book: buy now"]
