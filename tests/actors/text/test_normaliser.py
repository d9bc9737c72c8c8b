"""What holds whatever the stages do; each of them has tests of its own."""

import logging
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise

import pytest

from actors.errors import RequestError, UsageError
from actors.text import Normaliser, language_of
from actors.text.languages import LANGUAGES
from benchmarks.normalisation.cases import read_cases
from tests.actors.text.limits import CHARACTERS, linear_time

SCRAPS = [
    *"0123456789.,:;!?'\"()[]{}<>/\\|-\u2013\u2014\u2212+=*~^%\u2030\u00b0\u00b2\u00b3\u207b\u2070\u00b9\u00bd\u20ac\u00a3$\u00a5#@&\u00a7\u00d7\u221a\u03c0\u00b5",
    *"\u00a0\u202f \n\t\ud800abdeghkmnopstuvxzABCDIKLMNOPSTVX\u00e9\u00fc\u00df\u00f1\u2019\u201c\u201d\u00ab\u00bb\u2026    ",
    *("000", "1999", "12", "Jan. ", "May ", "Mai ", "St. ", "Dr. ", "No. ", "p. ", "chapter iv", "Henry ", "XIV", "I ", "km/h"),
    *(
        "m\u00b2",
        " Mio. ",
        " million ",
        "USD",
        "Rs.",
        "US$",
        "a.m.",
        " Uhr",
        "st",
        "nd",
        "th",
        "er",
        "e",
        "\u00ba",
        "\u00aa",
        "www.",
        ".com",
    ),
    *(
        "http://x.y",
        "a@b.co",
        "v1.",
        "+44",
        "(ii)",
        "e.g.",
        "z. B.",
        "10:30",
        "3-2",
        "1/2",
        "4x4",
        "per ",
        "by ",
        "of ",
        "the ",
        "de ",
    ),
]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_raises_and_edits_are_in_order(language: str) -> None:
    normaliser, generator = Normaliser(language), random.Random(0)
    for _ in range(300):
        text = "".join(generator.choices(SCRAPS, k=generator.randrange(30)))
        with suppress(RequestError):
            edits = normaliser(text).edited.edits
            assert all(first.end <= second.start for first, second in pairwise(edits)), text


def test_threads_may_share_a_normaliser() -> None:
    normaliser = Normaliser()
    texts = [case.written for case in read_cases("en")][:200]
    with ThreadPoolExecutor(4) as pool:
        spoken = list(pool.map(lambda text: normaliser(text).text, texts * 4))
    assert spoken == [normaliser(text).text for text in texts] * 4


@pytest.mark.parametrize("text", ["", " ", "\n \n", "<p></p>", "<!-- -->", "\ud800", "\u200b", "---"])
def test_nothing_to_say_is_no_sentence(text: str) -> None:
    spoken = Normaliser()(text)
    assert not spoken.text.strip()
    assert spoken.sentences == []
    assert spoken.note is None


ENDLESS = ["(i) ", "Henry I ", "5' ", "1", "1,", "1\u00a0", "a.", "a@", "/a", "Main St. ", "+1 ", "12:00-"]


def test_no_text_takes_long() -> None:
    for unit in ENDLESS:
        with linear_time():
            assert Normaliser()((unit * CHARACTERS)[:CHARACTERS]).text


@pytest.mark.parametrize(
    ("code", "language"),
    [
        *[("en", "en"), ("pt-BR", "pt"), ("pt_br", "pt"), (" DE ", "de"), ("zh-Hant-TW", "zh"), ("yue", "yue")],
        *[("eng", "en"), ("ger", "de"), ("deu-AT", "de"), ("cmn_Hans_CN", "zh"), ("rus", "ru"), ("fil", "fil")],
    ],
)
def test_the_language_of_a_code(code: str, language: str) -> None:
    assert language_of(code) == Normaliser(code).language == language


@pytest.mark.parametrize("code", ["", "e", "English", "en-", "en US", "1a", "d\u00e9", "en" + "-x" * 50_000 + "!"])
def test_what_is_no_code_is_refused_with_a_sentence(code: str) -> None:
    with pytest.raises(UsageError, match=r"^'.{0,40}' is no language code: name one of two or three letters, such as en"):
        Normaliser(code)


def test_a_language_without_rules_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Normaliser("deu")
        assert not caplog.messages
        assert Normaliser("pl")("It costs $5 &amp; more.").text == "It costs $5 & more."
    assert caplog.messages == ["there are no rules for texts in 'pl': the model reads numbers and short forms itself"]


def test_letters_are_those_of_the_voice() -> None:
    assert Normaliser("ja", voice="jpn")("\u6771\u4eac").text == "\u6771\u4eac"
    with pytest.raises(RequestError, match=r"2 of 2 letters are of a script that texts in 'en' are not written in \(Han\)"):
        Normaliser("ja", voice="en-GB")("\u6771\u4eac")
    assert (
        Normaliser("ru", voice="en")("one two three \u0434\u0430").note
        == "1 word in Cyrillic script was left out: \u0434\u0430"
    )
    with pytest.raises(RequestError):
        Normaliser("en", voice="ru")("\u6771\u4eac")


def test_what_has_been_read_is_not_read_again() -> None:
    read = Normaliser("en-GB", markup=False, is_read=True)
    spoken = read("It cost \u00a320 &amp; <b>ten</b>. \u0434\u0430 Mr. 5 left.")
    assert (spoken.text, spoken.language) == ("It cost \u00a320 &amp; <b>ten</b>. Mr. 5 left.", "en")
    assert spoken.note == "1 word in Cyrillic script was left out: \u0434\u0430"
    for text in ("Doctor Smith paid twenty dollars.", "N A S A, one nine eight four", "\u00a1Hola! \u00bfQu\u00e9 tal?"):
        assert read(text).text == text
    with pytest.raises(RequestError, match="Cyrillic"):
        read("\u041f\u0440\u0438\u0432\u0435\u0442")
