# ruff: noqa: RUF001 (texts of many scripts)
"""What a language's models cannot speak is left out and said, spelled, or refused where it is most of a text."""

import random
from contextlib import suppress

import pytest

from actors.errors import RequestError
from actors.text.edits import Edited
from actors.text.scripts import unspeakable
from tests.actors.text.limits import CHARACTERS, linear_time


def left(text: str, language: str = "en") -> tuple[str, str | None]:
    edits, note = unspeakable(text, language)
    return Edited(text, edits).text, note


LEFT_OUT = [
    ("en", "Moscow (Москва) is", "Moscow is", "1 word in Cyrillic script was left out: Москва"),
    ("en", "Moscow («Москва») is big", "Moscow is big", "1 word in Cyrillic script was left out: Москва"),
    ("en", "the word 'Москва' is Moscow", "the word is Moscow", None),
    ("en", "Moscow, Москва, is a city", "Moscow, is a city", None),
    ("en", "The city is called Москва.", "The city is called.", None),
    ("en", "Привет. Hello to all of you", "Hello to all of you", None),
    ("en", "Hello to you. Привет! And so on", "Hello to you. And so on", None),
    ("en", "Saint Petersburg (Санкт-Петербург, Russia)", "Saint Petersburg (Russia)", None),
    ("en", "the city of Saint Petersburg (Russian: Санкт Петербург) is", "the city of Saint Petersburg (Russian) is", None),
    ("en", "Tokyo東京is the capital", "Tokyo is the capital", "1 word in Han script was left out: 東京"),
    ("en", "Hello and welcome\nмир\nand so on", "Hello and welcome\n\nand so on", None),
    ("en", "He lives in Pаris now", "He lives in now", "1 word in Cyrillic script was left out: Pаris"),
    ("de", "Er heißt نور und wohnt hier", "Er heißt und wohnt hier", "1 word in Arabic script was left out: نور"),
    ("fr", "le mot हिन्दी est indien", "le mot est indien", "1 word in Devanagari script was left out: हिन्दी"),
    ("ja", "これはРоссияです。東京とTokyo", "これは です。東京とTokyo", "1 word in Cyrillic script was left out: Россия"),
    ("ru", "Это 東京 и Tokyo", "Это и Tokyo", "1 word in Han script was left out: 東京"),
    ("zz", "Only Latin letters and мир", "Only Latin letters and", None),
    (
        "en",
        "Both мир and 世 and 界 are left out",
        "Both and and are left out",
        "3 words in Han and Cyrillic script were left out: мир, 世, 界",
    ),
]


@pytest.mark.parametrize(("language", "text", "expected", "note"), LEFT_OUT)
def test_words_of_other_scripts_are_left_out_tidily(language: str, text: str, expected: str, note: str | None) -> None:
    got, said = left(text, language)
    assert got == expected
    assert said
    assert note in (None, said)


KEPT = [
    ("en", "Ångström, naïve, Łódź, Việt Nam, ʻokina, ﬁne, ɑ, 1ª 2º, ½ € “quoted” — 👍🏽 … 10 µm ℃"),
    ("en", "A length of 10 μm and 5 μg, 10 kΩ or 5Ω"),
    ("ja", "東京でコーヒーを飲む。ｶﾀｶﾅ 々 OK α"),
    ("zh", "你好，世界 ㄅㄆ OK"),
    ("ko", "한국어 韓國 OK"),
    ("ru", "Привет, мир и world, ё й"),
    ("el", "Καλημέρα ἀρχή"),
    ("ar", "مَرحبا ١٢٣"),
    ("he", "שלום שָׁלוֹם"),
    ("hi", "हिन्दी १२३"),
    ("th", "สวัสดี"),
    ("sr", "Београд Beograd"),
    ("en", ""),
    ("en", "，。「」 ・"),
]


@pytest.mark.parametrize(("language", "text"), KEPT)
def test_letters_of_the_language_latin_ones_and_signs_are_kept(language: str, text: str) -> None:
    assert unspeakable(text, language) == ([], None)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "The Δt of β-carotene is 2π", "The delta t of beta-carotene is 2 pi"),
        ("en", "a μ of 5, TGF-β1, Ω", "a mu of 5, TGF-beta 1, omega"),
        ("de", "Die Zahl π und ψ", "Die Zahl Pi und Psi"),
        ("fr", "la particule ω", "la particule oméga"),
        ("es", "la letra φ", "la letra fi"),
        ("it", "la lettera θ", "la lettera teta"),
        ("pt", "a letra χ", "a letra qui"),
        ("nl", "de letter ι", "de letter jota"),
        ("pl", "litera ά", "litera alpha"),
        ("en", "page ٣٤ of १२, ٣٫٥ and ١٬٠٠٠", "page 34 of 12, 3.5 and 1000"),
        ("de", "Seite ٣٫٥", "Seite 3,5"),
    ],
)
def test_greek_letters_and_digits_are_spelled(language: str, text: str, expected: str) -> None:
    assert left(text, language) == (expected, None)


def test_a_greek_letter_among_greek_words_is_one() -> None:
    assert left("The city of Athens (η Αθήνα) is old") == (
        "The city of Athens is old",
        "2 words in Greek script were left out: η, Αθήνα",
    )


@pytest.mark.parametrize(
    ("language", "text", "message"),
    [
        ("en", "Привет, мир", r"9 of 9 letters are of a script that texts in 'en' are not written in \(Cyrillic\)"),
        ("en", "да", "2 of 2 letters"),
        ("de", "ok 你好，世界", r"4 of 6 letters .*'de'.*\(Han\): give the language of the text"),
        ("ja", "Привет です", "6 of 8 letters"),
    ],
)
def test_texts_that_are_mostly_of_other_scripts_are_refused(language: str, text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        unspeakable(text, language)


def test_a_few_letters_are_not_refused() -> None:
    assert left("a 東京") == ("a", "1 word in Han script was left out: 東京")


def test_a_note_shows_some_words() -> None:
    _, note = left("latin letters are the most of it here " * 2 + "и то и мы и вы")
    assert note == "6 words in Cyrillic script were left out: и, то, и, мы, и, …"


SCRAPS = [
    "abc",
    "abc",
    "abc",
    "abc",
    "мир",
    "東京",
    "α",
    "η Αθήνα",
    "(",
    ")",
    "«",
    "»",
    " ",
    " ",
    ", ",
    ". ",
    "\n",
    "٣",
    "٫",
    "हि",
    "\u0301",
    "A",
    "5",
]


def test_edits_are_in_order_and_nothing_is_left_of_other_scripts() -> None:
    generator = random.Random(0)
    for _ in range(200):
        text = "".join(generator.choices(SCRAPS, k=40)) + " latin" * 20
        edits, _ = unspeakable(text, "en")
        after = Edited(text, edits).text
        assert unspeakable(after, "en") == ([], None), text
        assert after.count("latin") == 20, text


@pytest.mark.parametrize(
    "unit",
    ["я", "abc я ", "(я", "α ", "α", "٣", "٣٫", "東a", "яa", "\u0301я", "a", "(", "я,", "abcd я(", " я" + " " * 30 + "abc"],
)
def test_time_grows_with_the_text(unit: str) -> None:
    text = (unit * CHARACTERS)[:CHARACTERS]
    with linear_time(), suppress(RequestError):
        unspeakable(text, "en")


def test_texts_in_latin_letters_are_spoken_whole() -> None:
    assert unspeakable("Plain text, “quoted” – naïve. " * 40_000, "en") == ([], None)
