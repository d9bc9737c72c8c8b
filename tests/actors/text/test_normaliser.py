"""What holds whatever the stages do; each of them has tests of its own."""

import logging

import pytest

from actors.errors import RequestError, UsageError
from actors.text import Normaliser, language_of


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
