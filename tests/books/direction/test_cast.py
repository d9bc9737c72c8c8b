import pytest

from actors.errors import InputDataError
from books.book import Block, BlockKind, Book, Chapter
from books.direction import Cast, Direction, direct, read_cast
from books.direction.cast import Casting, Rule
from jobs.chapters import chosen_chapters
from tests.books.direction.conftest import Speak, said

LONG = "It rained the whole day and the whole night long."
ALICE = Cast((Rule("quoted", "Alice", "anna"), Rule("quoted", "White Rabbit|Rabbit", "bert"), Rule("quoted", "", "zoe")))


def speakers(speak: Speak, *texts: str) -> list[str]:
    """Return who speaks what is quoted, in order."""
    script = speak(*texts, cast=ALICE)
    return [passage.voice for passage in script.passages if passage.voice]


@pytest.mark.parametrize(
    ("text", "voices"),
    [
        ("“Oh dear!” said Alice.", ["anna"]),
        ("“Oh dear!” Alice said.", ["anna"]),
        ("“Oh dear!” poor Alice cried, and ran.", ["anna"]),
        ("“Oh dear!” said poor little Alice.", ["anna"]),
        ("Alice turned round and said, “Oh dear!”", ["anna"]),
        ("Said Alice: “Oh dear!”", ["anna"]),
        ("“Oh dear,” said Alice, “I am late.” And then: “So late!”", ["anna", "anna", "anna"]),
        ("“Who are you?” said the White Rabbit. “I am Alice,” said Alice.", ["bert", "anna"]),
        ("“Oh dear!” said Bob to Alice.", ["zoe"]),
        ("“Oh dear!” he told Alice.", ["zoe"]),
        ("“Alice said so,” said Bob.", ["zoe"]),
        ("“Oh dear!” Alice was late.", ["zoe"]),
        ("“Oh dear!” said Alicent.", ["zoe"]),
    ],
)
def test_speech_is_given_to_whom_the_text_names(speak: Speak, text: str, voices: list[str]) -> None:
    assert speakers(speak, text) == voices


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("„Ach“, sagte Alice, „ich komme zu spät!“", "de"),
        ("»Ach«, rief Alice, »ich komme zu spät!«", "de"),
        ("« Hélas ! » dit Alice, « je suis en retard. »", "fr"),
        ("— Hélas, dit Alice. Je suis en retard.", "fr"),
        ("—¡Ay! —dijo Alice—. Llego tarde.", "es"),
    ],
)
def test_other_languages_have_their_own_quotes_and_verbs(text: str, language: str) -> None:
    alices, rabbits, _ = Casting(ALICE, None).layers(BlockKind.PARAGRAPH, text, language)
    assert (len(alices), rabbits) == (2, [])


def test_speech_over_several_paragraphs_has_one_voice(speak: Speak) -> None:
    texts = ["“It was long ago,” said Alice, “and nobody", "“remembers it, nor", "“will they.”", "“I see.”"]
    assert speakers(speak, *texts) == ["anna", "anna", "anna", "anna", "zoe"]
    assert speakers(speak, "“It was long ago,” said Alice, “and nobody", "He left.", "“remembers it.”")[-1] == "zoe"
    scene = speak(texts[0], Block(BlockKind.SCENE_BREAK), texts[2], cast=ALICE)
    assert scene.passages[-1].voice == "zoe"


def test_the_first_rule_that_holds_is_taken() -> None:
    table = (
        "rule\tpattern\tvoice\n# who\nsentence\t^Note\tnina\nquoted\tzoe\nchapter\tTwo*\ttom\nchapter\t3\tthea\n"
        "heading\thans\nparagraph\t(?i)^dear diary\tdora"
    )
    blocks = (
        Block(BlockKind.HEADING, "A heading"),
        Block(BlockKind.PARAGRAPH, f"{LONG} Note that it was in the year of the rain. {LONG}"),
        Block(BlockKind.PARAGRAPH, f"Dear diary, it is late. {LONG} “Come!”"),
    )
    book = Book("A", tuple(Chapter(title, blocks) for title in ("One", "Two: more", "Three")), language="en")
    how = Direction(cast=read_cast(table.encode(), "cast.tsv"), titles=False)
    passages = direct(book, how).passages
    one = ["hans", None, "nina", None, "dora", "zoe"]
    found = [[passage.voice for passage in passages if passage.chapter == chapter] for chapter in range(3)]
    assert found[0] == one
    assert found[1] == ["tom", "tom", "nina", "tom", "tom", "zoe"]
    assert set(found[2]) == {"thea", "nina", "zoe"}


def test_tags_go_before_rules(speak: Speak) -> None:
    script = speak("[voice:x]“Oh dear!” said Alice.[/voice] “Why?”", cast=ALICE)
    assert said(script) == [("x", "“Oh dear!” said Alice."), ("anna", "“Why?”")]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("quoted", r"cast.tsv, line 1 is no rule of a cast: write 'paragraph'"),
        ("heading\ta\nsomeone\tx\tanna", r"line 2 is no rule"),
        ("paragraph\tanna", r"line 1 is no rule"),
        ("heading\t\t", r"line 1 is no rule"),
        ("sentence\t(\tanna", r"line 1: '\(' is no regular expression"),
    ],
)
def test_a_line_that_is_none_is_named(table: str, message: str) -> None:
    with pytest.raises(InputDataError, match=message):
        read_cast(table.encode(), "cast.tsv")


def test_a_file_that_is_no_text_is_refused() -> None:
    with pytest.raises(InputDataError, match=r"cast.tsv is no text in UTF-8"):
        read_cast(b"heading\t\xff", "cast.tsv")


def test_its_voices_are_those_it_names() -> None:
    assert ALICE.voices == ("anna", "bert", "zoe")


def test_chapters_are_those_of_the_book_where_some_are_left_out() -> None:
    chapters = tuple(Chapter(f"Part {n}", (Block(BlockKind.PARAGRAPH, LONG),)) for n in (1, 2, 3))
    book = chosen_chapters(Book("A book", chapters, language="en"), "2-")
    cast = Cast((Rule("chapter", "3", "anna"), Rule("chapter", "1", "bert")))
    script = direct(book, Direction(titles=False, cast=cast))
    assert [passage.voice for passage in script.passages] == [None, "anna"]
