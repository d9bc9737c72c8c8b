"""What holds whatever the stages do; each of them has tests of its own."""

import pytest

from actors.errors import UsageError
from actors.text import Normaliser, language_of


@pytest.mark.parametrize(
    ("code", "language"), [("en", "en"), ("pt-BR", "pt"), ("pt_br", "pt"), (" DE ", "de"), ("zh-Hant-TW", "zh"), ("yue", "yue")]
)
def test_the_language_of_a_code(code: str, language: str) -> None:
    assert language_of(code) == Normaliser(code).language == language


@pytest.mark.parametrize("code", ["", "e", "English", "en-", "en US", "1a", "d\u00e9", "en" + "-x" * 50_000 + "!"])
def test_what_is_no_code_is_refused_with_a_sentence(code: str) -> None:
    with pytest.raises(UsageError, match=r"^'.{0,40}' is no language code: name one of two or three letters, such as en"):
        Normaliser(code)
