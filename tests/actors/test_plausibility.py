import hashlib

import pytest

from actors.plausibility import doubt, seconds_range, unreadable_words
from actors.requests import TextChunk

# Texts, and the seconds that people and models were heard to take for them at their slowest and fastest.
HONEST = [
    ("Yes.", 0.3, 2.0),
    ("Hahahahaha!", 0.6, 5.0),
    ("NASA", 0.5, 3.0),
    ("h t t p s colon slash slash", 2.0, 7.0),
    ("86273 20591 18660 1285 129", 6.0, 14.0),
    ("$1,234,567.89", 4.0, 9.0),
    ("lemon. quince. date. fig. papaya. apple.", 3.0, 9.0),
    ("The soldiers marched through the town in silence.", 2.0, 6.0),
    ("中国的首都是北京", 1.2, 4.0),
    ("안녕하세요 여러분", 0.8, 3.0),
    ("नमस्ते दुनिया", 0.7, 3.0),
    ("مرحبا بالعالم", 0.7, 3.0),
    ("Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft", 3.5, 12.0),
    ("f(x) = x² + 3", 2.0, 8.0),
    ("", 0.0, 0.0),
    ("\U0001f600 ok", 0.2, 2.0),
]


@pytest.mark.parametrize(("text", "fastest", "slowest"), HONEST)
def test_honest_speech_is_within_the_bounds(text: str, fastest: float, slowest: float) -> None:
    least, most = seconds_range(text)
    assert least <= fastest / 1.2
    assert most >= slowest * 1.2
    assert doubt(text, [TextChunk(text, 1.0, 1.0 + fastest), TextChunk(text, 5.0, 5.0 + slowest)]) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Yes.", 10.0),
        ("The soldiers marched through the town in silence.", 25.0),
        ("The soldiers marched through the town in silence.", 0.5),
        ("中国的首都是北京", 20.0),
        ("中国的首都是北京", 0.2),
    ],
)
def test_what_nobody_would_take_is_doubted(text: str, seconds: float) -> None:
    assert f"chunk 2 of 2 took {seconds:.1f} s for {len(text)} characters" in (
        doubt(text, [TextChunk("Well.", 0.0, 1.0), TextChunk(text, 1.0, 1.0 + seconds)]) or ""
    )


def test_text_that_is_in_no_chunk_is_missed() -> None:
    text = "Hello. " + "ⰀⰁⰂⰃ " * 30
    assert "the text has 157 characters, and its speech 0.6 s" in (doubt(text, [TextChunk("hello.", 0.0, 0.6)]) or "")
    assert doubt("N" + "o" * 70 + "!", [TextChunk("noo!", 0.0, 0.6)]) is None


@pytest.mark.parametrize(
    "word",
    [
        hashlib.md5(b"a", usedforsecurity=False).hexdigest(),
        hashlib.sha256(b"a").hexdigest(),
        "zQcs2L5vn2KsTAnCggbn41WUqms0L10KOl5IQvq0KPdi5uKC5cFlfHjDqWfr",
        "https://www.example.com/mills/and-water/search.html?query=wheel+and-stone&sort=newest&page=2&in=old-mills-of-england",
        "qwrtpsdfghjklzxcvbnm" * 5,
        "=" * 81,
    ],
)
def test_data_are_no_words(word: str) -> None:
    assert unreadable_words(f"This is {word} and so on.") == [word]


@pytest.mark.parametrize(
    "text",
    [
        "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
        "Taumatawhakatangihangakoauauotamateaturipukakapikimaungahoronukupokaiwhenuakitanatahu",
        "one,two,three," * 30,
        "grape-orange-" * 30,
        "grape/orange&" * 30,
        "grape\u200borange\u00b7" * 30,
        "https://example.com/a-post-about-mills-and-water/",
        "123e4567-e89b-12d3-a456-426614174000",
        "日本語" * 100,
        "ภาษาไทย" * 50,
        "한국어" * 50,
        "\U0001f600" * 200,
        "-" * 200 + "\n" + "_" * 200 + "\n" + "*" * 200 + "\n" + "\u2550" * 200,
        "| a | b |\n|------|------|",
    ],
)
def test_long_words_that_can_be_read_are_fine(text: str) -> None:
    assert unreadable_words(text) == []
