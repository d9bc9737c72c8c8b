# ruff: noqa: RUF001 (characters that look alike are meant)
import random
import re
import time
from dataclasses import replace

import pytest

from actors.errors import UsageError
from books.book import Block, BlockKind, Book, Chapter, Mark, MarkKind, Resource
from books.direction import Direction, Pauses, direct, read_cast, read_lexicon
from tests.books.direction.conftest import Speak, said, texts

LONG = "It rained the whole day and the whole night long."
IMAGE = Resource("map.png", "image/png", b"png")
COVER = Resource("cover.jpg", "image/jpeg", b"jpg")


def block(kind: str, text: str = "", **more: object) -> Block:
    return Block(BlockKind(kind), text, **more)  # type: ignore[arg-type]


def test_sentences_are_read_and_keep_what_is_written(speak: Speak) -> None:
    first, second = speak("On 3 May 1984 Dr. Smith paid $20 for a hat. Nobody ever found out why he had done it.").passages
    assert first.text == "On the third of May nineteen eighty-four Doctor Smith paid twenty dollars for a hat."
    assert first.written == "On 3 May 1984 Dr. Smith paid $20 for a hat."
    assert (second.text, second.language, second.voice) == ("Nobody ever found out why he had done it.", "en", None)


def test_ids_sort_as_the_book_is_read() -> None:
    paragraphs = tuple(block("paragraph", f"{LONG} {LONG}") for _ in range(12))
    book = Book("A", tuple(Chapter(f"Chapter {number}", paragraphs) for number in range(11)), language="en")
    passages = direct(book, Direction(), "a-").passages
    ids = [passage.id for passage in passages]
    assert (ids[0], ids[1], ids[2]) == ("a-0001-00001-00001", "a-0001-00002-00001", "a-0001-00002-00002")
    assert ids == sorted(set(ids))
    assert [passage.paragraph for passage in passages] == sorted(passage.paragraph for passage in passages)
    assert passages[-1].chapter == 10
    assert direct(book, Direction(), "a-").passages == passages


def test_pauses_are_by_what_stands_behind(speak: Speak) -> None:
    pauses = Pauses(clause=1, sentence=2, line=3, paragraph=4, heading=5, section=6, chapter=7)
    script = speak(
        block("heading", "One"),
        f"{LONG} {LONG}",
        LONG,
        block("scene_break"),
        block("verse", "The woods are lovely, dark and deep,\nBut I have promises to keep,\n\nAnd miles to go before I sleep."),
        block("item", "milk"),
        block("item", "eggs"),
        LONG,
        block("heading", "Two"),
        LONG,
        pauses=pauses,
    )
    assert [passage.pause_s for passage in script.passages] == [5, 2, 4, 6, 3, 4, 4, 3, 4, 6, 5, 7]


def test_short_sentences_go_with_a_neighbour_of_their_paragraph(speak: Speak) -> None:
    script = speak(f"Yes. {LONG} {LONG} No. Why?", "Never.", f"{LONG} Oh.")
    assert texts(script.passages) == [f"Yes. {LONG}", f"{LONG} No. Why?", "Never.", f"{LONG} Oh."]
    many = speak("No. " * 500).passages
    assert {len(passage.text) <= 240 for passage in many} == {True}
    assert sum(passage.text.count("No.") for passage in many) == 500


def test_verse_and_code_are_spoken_line_by_line(speak: Speak) -> None:
    verse = "Whose woods these are I think I know\nHis house is in the village though;\nO rose,\nthou art sick, poor rose!"
    passages = speak(block("verse", verse)).passages
    assert [(passage.line, passage.written) for passage in passages] == [
        (0, "Whose woods these are I think I know"),
        (1, "His house is in the village though;"),
        (2, "O rose,\nthou art sick, poor rose!"),
    ]
    code = speak(block("code", "print(first_value)\nprint(second_value, third_value)")).passages
    assert [passage.line for passage in code] == [0, 1] or len(code) == 1


class TestTitles:
    @pytest.mark.parametrize(
        ("title", "headings", "is_said"),
        [
            ("Titlepage", [], False),  # of Standard Ebooks
            ("Chapter 1", ["Chapter 1"], False),
            ("1. The Storm", ["CHAPTER 1", "The Storm"], False),
            ("Chapter 1: The Storm", ["The storm"], False),
            ("The Storm", [], True),
            ("The Storm", ["Something else"], True),
            ("  ", [], False),
        ],
    )
    def test_one_is_said_where_no_heading_says_it(self, title: str, headings: list[str], is_said: bool) -> None:
        blocks = (*(block("heading", text) for text in headings), block("paragraph", LONG))
        script = direct(Book("A", (Chapter(title, blocks),), language="en"), Direction())
        assert len(script.passages) == len(headings) + 1 + is_said
        if is_said:
            assert (script.passages[0].text, script.passages[0].kind) == (f"{title}.", BlockKind.HEADING)
        assert len(direct(Book("A", (Chapter(title, blocks),)), Direction(titles=False)).passages) == len(headings) + 1

    @pytest.mark.parametrize(
        ("title", "lines", "is_said"),
        [
            ("Chapter One", ["CHAPTER ONE"], False),
            ("Chapter One: The Lamp", ["CHAPTER ONE", "The Lamp"], False),
            ("The Lamp", ["1", "THE LAMP"], False),
            ("2 The Oil", ["2", "THE OIL"], False),
            ("The Lamp", ["The lamp was lit at dusk."], True),
            ("The Lamp", [LONG, "The Lamp"], True),
        ],
    )
    def test_one_that_is_set_as_paragraphs_is_said_once(self, title: str, lines: list[str], is_said: bool) -> None:
        """As Calibre, Word and InDesign write them."""
        blocks = tuple(block("paragraph", text) for text in [*lines, LONG])
        passages = direct(Book("A", (Chapter(title, blocks),), language="en"), Direction()).passages
        assert len(passages) == len(blocks) + is_said

    def test_that_of_the_book_is_no_entry_and_not_said(self) -> None:
        book = Book("pg2701", (Chapter("pg2701", (block("paragraph", LONG),)),), language="en")
        assert texts(direct(book, Direction()).passages) == [LONG]

    def test_chapters_without_a_word_are_left_out_with_a_note(self) -> None:
        chapters = (
            Chapter("Cover", (block("image", image="cover.jpg"),)),
            Chapter("Part One", ()),
            Chapter("The Storm", (block("paragraph", LONG),), level=1),
            Chapter("Nothing", (block("paragraph", "* * *"),)),
            Chapter("Colophon", ()),
        )
        book = Book("A", chapters, cover=COVER, images={"cover.jpg": COVER}, notes=("Footnotes are left out",))
        script = direct(book, Direction())
        assert [(note.title, note.level) for note in script.book.chapters] == [
            ("Part One", 0),
            ("The Storm", 1),
        ]
        assert [passage.chapter for passage in script.passages] == [0, 1, 1]
        assert script.book.notes == (
            "Footnotes are left out",
            "nothing is said in a chapter, which is left out (3 times, first in chapter 1, 'Cover')",
        )


class TestImages:
    def test_they_are_noted_before_the_passage_behind_them(self) -> None:
        image = block("image", "A map of the island.", image="map.png")
        chapter = Chapter("One", (block("paragraph", LONG), image, block("paragraph", LONG), block("image", image="lost.png")))
        book = Book("A", (chapter,), images={"map.png": IMAGE, "other.png": replace(IMAGE, name="other.png")}, cover=COVER)
        script = direct(book, Direction(titles=False))
        (note,) = script.book.images
        assert (note.before, note.name, note.media_type, note.alt) == (1, "map.png", "image/png", "A map of the island.")
        assert (script.book.cover, script.book.cover_type) == ("cover.jpg", "image/jpeg")
        assert [resource.name for resource in script.resources] == ["cover.jpg", "map.png"]
        assert script.book.notes == ("an image is not in the book (in chapter 1, 'One')",)
        with_alt = direct(book, Direction(titles=False, image_alt=True))
        assert texts(with_alt.passages) == [LONG, "A map of the island.", LONG]
        assert with_alt.book.images[0].before == 1


class TestLanguages:
    def test_the_option_comes_first_then_the_block_then_the_book(self) -> None:
        blocks = (block("paragraph", "Es kostet 20 Euro.", language="de-DE"), block("paragraph", "It costs 20 pounds."))
        book = Book("A", (Chapter("One", blocks),), language="en-GB")
        assert [(p.language, p.text) for p in direct(book, Direction(titles=False)).passages] == [
            ("de", "Es kostet zwanzig Euro."),
            ("en", "It costs twenty pounds."),
        ]
        assert {p.language for p in direct(book, Direction(language="en-US")).passages} == {"en"}
        assert {p.language for p in direct(replace(book, language=None), Direction(voice_language="fr")).passages} == {
            "de",
            "fr",
        }

    def test_one_that_is_none_is_noted(self) -> None:
        book = Book("A", (Chapter("One", (block("paragraph", LONG),)),), language="English!")
        script = direct(book, Direction(titles=False))
        assert [passage.language for passage in script.passages] == ["en"]
        assert "'English!' is no language code" in script.book.notes[0]

    def test_what_cannot_be_spoken_is_left_to_be_rejected(self, speak: Speak) -> None:
        script = speak(LONG, "Привет, как дела? Всё хорошо.", LONG)
        assert texts(script.passages) == [LONG, "Привет, как дела? Всё хорошо.", LONG]
        assert "Cyrillic" in script.book.notes[0]
        (passage,) = speak("He said привет and left the house at once.").passages
        assert passage.text == "He said and left the house at once."
        assert passage.written == "He said привет and left the house at once."


def test_marks_of_the_book_are_followed(speak: Speak) -> None:
    text = "The WWW of Cthulhu has 1984 pages in it."
    marks = (
        Mark(4, 7, MarkKind.ALIAS, "World Wide Web"),
        Mark(11, 18, MarkKind.PHONEMES, "kəˈθuːluː"),
        Mark(23, 27, MarkKind.SAY_AS, "digits"),
        Mark(28, 33, MarkKind.LANGUAGE, "fr"),
        Mark(34, 34, MarkKind.BREAK, "2"),
        Mark(34, 40, MarkKind.VOICE, "anna"),
    )
    script = speak(block("paragraph", text, marks=marks))
    assert said(script) == [
        (None, "The World Wide Web of kathooloo has one nine eight four pages"),
        ("anna", "in it."),
    ]
    assert script.passages[0].pause_s == 2
    assert [passage.written for passage in script.passages] == ["The WWW of Cthulhu has 1984 pages", "in it."]
    assert script.book.notes == ("words in another language are read as those around them (in chapter 1, 'One')",)


def test_dialogue_is_cut_out_of_sentences(speak: Speak) -> None:
    script = speak(
        "“Oh dear,” said the Rabbit, looking at his watch, “I shall be too late!” And he ran.", dialogue_voice="bert"
    )
    assert [(p.voice, p.text, p.pause_s) for p in script.passages] == [
        ("bert", "“Oh dear,”", 0.15),
        (None, "said the Rabbit, looking at his watch,", 0.15),
        ("bert", "“I shall be too late!”", 0.35),
        (None, "And he ran.", 2.5),
    ]


@pytest.mark.parametrize(
    "how",
    [
        {"voice": "nobody"},
        {"dialogue_voice": "nobody"},
        {"cast": read_cast(b"heading\tnobody", "cast.tsv")},
    ],
)
def test_unknown_voices_are_refused(speak: Speak, how: dict[str, object]) -> None:
    with pytest.raises(UsageError, match=r"there is no voice 'nobody': the model has anna, bert"):
        speak(LONG, voices=("anna", "bert"), **how)


WORDS = [
    "Rain",
    "fell.",
    "The",
    "old",
    "house",
    "(built",
    "by",
    "a",
    "man)",
    "“Hello",
    "there,”",
    "said",
    "Alice.",
    "‘Well,’",
    "he",
    "said;",
    "“No.",
    "Never!”",
    "cried",
    "Bob",
    "—",
    "and",
    "left…",
    "“Unclosed",
    "Ångström",
    "«Ja»",
    "„Nein“",
    '"straight"',
    "o'clock",
    "boys’",
    "Mr.",
    "Smith",
    "St.",
    "e.g.",
    "it's",
    "well-known",
    "[voice:a]",
    "[/voice]",
    "[voice:b]",
    "[pause:1]",
    "<break/>",
    "<sub~alias='x'>",
    "</sub>",
    "<emphasis>",
    "</emphasis>",
    "\n",
    "[not",
    "a",
    "tag]",
    "***",
    "--",
    "!",
    "?",
]
WORDS = [word.replace("~", " ") for word in WORDS]
TAG = re.compile(r"\[(?:voice:\w|/voice|pause:1)\]|</?(?:break/|sub[^>]*|emphasis)>")


@pytest.mark.parametrize("seed", range(60))
def test_every_word_comes_out_once_and_in_order(seed: int) -> None:
    choice = random.Random(seed)
    kinds = [kind for kind in BlockKind if kind not in (BlockKind.IMAGE, BlockKind.SCENE_BREAK)]
    blocks = []
    for _ in range(8):
        kind = choice.choice(kinds)
        text = " ".join(choice.choices(WORDS, k=choice.randint(0, 60)))
        blocks.append(Block(kind, text if kind in (BlockKind.VERSE, BlockKind.CODE) else text.replace("\n", "")))
    cast = read_cast(b"quoted\tAlice\talice\nsentence\tRain\train\nheading\th\n", "cast")
    # No rules for Polish: what is said is what is written.
    how = Direction(language="pl", voice_language="pl", cast=cast, dialogue_voice="d", titles=False, voice="n")
    script = direct(Book("A", (Chapter("One", tuple(blocks)),)), how)
    # An alias is said in place of what it holds, and only that may differ.
    expected = [re.findall(r"\w+", TAG.sub(" ", block.text)) for block in blocks]
    written = [re.findall(r"\w+", passage.written) for passage in script.passages]
    assert [word for words in written for word in words] == [word for words in expected for word in words]
    if not any("alias" in block.text for block in blocks):
        spoken = [re.findall(r"\w+", passage.text) for passage in script.passages]
        assert [word for words in spoken for word in words] == [word for words in expected for word in words]
    assert all(re.search(r"\w", passage.text) for passage in script.passages)


@pytest.mark.parametrize(
    "text",
    [
        "word " * 10_000,
        "x" * 50_000,
        "“" * 50_000,
        "‘a " * 16_000,
        "'a' " * 12_000,
        "[voice:a]x[/voice] " * 3000,
        "[voice:a]x " * 5000,
        "x [pause:1] " * 4000,
        "<break " * 7000,
        "<sub alias=" * 5000,
        "[pause:" * 7000,
        "—Hola — dijo " * 4000,
        "“Yes,” said Alice. " * 2600,
        "said Alice " * 4500 + "“x,”",
    ],
    ids=lambda text: text[:12],
)
def test_paragraphs_of_50000_characters_take_no_longer_than_novels(speak: Speak, text: str) -> None:
    began = time.perf_counter()
    script = speak(text, dialogue_voice="d", cast=read_cast(b"quoted\tAlice\tanna\nsentence\tNo\tb\n", "cast"))
    assert time.perf_counter() - began < 10  # 0.02 to 1.2 s where measured
    assert len(script.book.notes) <= 3


def test_blocks_of_nothing_but_tags_say_nothing(speak: Speak) -> None:
    script = speak("[pause:9]", LONG, "[pause:3]", "[voice:a]", "[pause:1]", "[/voice]", "<break time='200ms'/>", LONG)
    assert said(script) == [(None, LONG), (None, LONG)]
    assert [passage.pause_s for passage in script.passages] == [3, 2.5]


def test_a_lexicon_is_of_what_is_written(speak: Speak) -> None:
    lexicon = read_lexicon(b"St. Ives\tSaint Eves\nDr.\tDocktor\n", "lexicon.tsv")
    (passage,) = speak("Dr. No went to St. Ives with all of 7 wives.", lexicon=lexicon).passages
    assert passage.text == "Docktor No went to Saint Eves with all of seven wives."
    assert passage.written == "Dr. No went to St. Ives with all of 7 wives."


def test_words_that_are_not_said_are_written_all_the_same(speak: Speak) -> None:
    signs = "\u6f22\u5b57"
    first, second = speak(
        f"{signs} is a word for signs, as they say it there. {signs} comes in the second one as well."
    ).passages
    assert "\u6f22" not in first.text + second.text
    assert first.written == "\u6f22\u5b57 is a word for signs, as they say it there."
    assert second.written == "\u6f22\u5b57 comes in the second one as well."


def test_a_book_in_another_script_has_one_note_of_it(speak: Speak) -> None:
    notes = speak(*("\u043f\u0440\u0438\u0432\u0435\u0442 " * n for n in range(1, 50))).book.notes
    assert [note.count("49 times") for note in notes] == [1]
