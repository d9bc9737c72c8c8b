# ruff: noqa: RUF001 (quotes that look alike are listed on purpose)
import pytest

from books.direction.quotes import quoted_speech
from books.direction.runs import Run, flat, layered


@pytest.mark.parametrize(
    ("text", "speech"),
    [
        ("“Hello,” said Alice. “How are you?”", ["“Hello,”", "“How are you?”"]),
        ('"Yes," he said, "no."', ['"Yes,"', '"no."']),
        ("‘Oh!’ said he. ‘I’ll be late, the boys’ teacher said.’", ["‘Oh!’", "‘I’ll be late, the boys’ teacher said.’"]),
        ("'Well, 'tis so,' said Tom. 'The dogs' bowl.'", ["'Well, 'tis so,'", "'The dogs' bowl.'"]),
        ("‘He said “no!” to me,’ she said.", ["‘He said “no!” to me,’"]),
        ("„Ja“, sagte er. „Nein!“", ["„Ja“", "„Nein!“"]),
        ("»Ja«, sagte sie, »nein.«", ["»Ja«", "»nein.«"]),
        ("« Bonjour », dit-il.", ["« Bonjour »"]),
        ("”Hej”, sa hon.", ["”Hej”"]),
        ("「はい」", ["「はい」"]),
        ("The Rabbit cried, “Oh dear! I am late”—and ran.", ["“Oh dear! I am late”"]),
        ("“Yes”", ["“Yes”"]),
        ("He asked: “yes”?", ["“yes”"]),
        ("—Hola —dijo Ana—. ¿Qué tal?", ["—Hola ", ". ¿Qué tal?"]),
        ("— Olá — disse Ana. — Tudo bem?", ["— Olá ", " Tudo bem?"]),
        ("— Bonjour, dit Anne en riant. Comment allez-vous ?", ["— Bonjour,", " Comment allez-vous ?"]),
        ("— Bonjour, dit-il.", ["— Bonjour,"]),
        ("The so-called “expert” and the ‘tall’ one were “late”.", []),
        ("He said “no” and left the boys’ room at 6 o’clock.", []),
        ("A pipe of 6\" and one of 8\".", []),
        ("’Tis the dogs’ bowl, and ‘tis late.", []),
        ("It was late — he knew — and dark.", []),
        ("", []),
    ],
)
def test_speech_is_found(text: str, speech: list[str]) -> None:
    assert [text[each.start : each.end] for each in quoted_speech(text)] == speech


@pytest.mark.parametrize(
    ("text", "start"), [("“It goes on", 0), ("“Yes,” he said, “it goes on", 16), ("‘It goes on", 0), ("\"It goes", 0)]
)
def test_what_is_not_closed_ends_with_its_paragraph(text: str, start: int) -> None:
    last = quoted_speech(text)[-1]
    assert (last.start, last.end, last.is_closed) == (start, len(text), False)


def test_runs_are_flattened_so_that_the_inner_one_holds() -> None:
    runs = [Run(0, 10, "a"), Run(2, 6, "b"), Run(3, 4, "c"), Run(12, 12, "d"), Run(12, 14, "e")]
    assert flat(runs) == [(0, 2, "a"), (2, 3, "b"), (3, 4, "c"), (4, 6, "b"), (6, 10, "a"), (12, 14, "e")]
    assert flat([]) == []


def test_layers_hold_in_their_order() -> None:
    layers = [[Run(2, 4, "a")], [Run(0, 3, "b"), Run(6, 8, "c")]]
    assert layered(8, layers, "n") == [(0, "b"), (2, "a"), (4, "n"), (6, "c")]
    assert layered(0, [], None) == [(0, None)]
